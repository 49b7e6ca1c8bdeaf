"""The hub of one replica: the FEED comes in once, each event goes out to the browsers of its user, by stream or socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from gateway.application.live_event import LiveEvent
from gateway.application.ports import FeedBounds, FeedMessage

QUEUE = 256
"""Events that may wait for one browser; one that reads slower is disconnected and resumes."""

FOR_ALL = ("account.v1.trading_halted.", "account.v1.trading_resumed.")
"""Subjects whose events without a user every browser gets."""


class Ended(StrEnum):
    """Why the hub let a browser go."""

    OVERFLOW = "overflow"
    REBUILT = "rebuilt"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event and its place; the same object for everybody who gets it."""

    sequence: int
    event: LiveEvent


@dataclass(slots=True, eq=False)
class Listener:
    """One browser's bounded queue.

    Attributes:
        joined_at: The last sequence that the hub had seen when it joined: everything later is in the queue.
        on_end: Called once when the hub lets it go; works on a full queue, because it puts nothing into it.
    """

    user_id: UUID
    epoch: str
    joined_at: int
    waiting: deque[Chunk] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: Ended | None = None
    on_end: Callable[[], object] | None = None

    def take(self) -> list[Chunk]:
        """Everything that waits, in order."""
        chunks = list(self.waiting)
        self.waiting.clear()
        self.news.clear()
        return chunks

    def end(self, why: Ended) -> None:
        """Let it go."""
        if self.ended is not None:
            return
        self.ended = why
        self.news.set()
        if self.on_end is not None:
            self.on_end()

    def offer(self, chunk: Chunk) -> bool:
        """Queue an event; False when the queue is full."""
        if len(self.waiting) >= QUEUE:
            return False
        self.waiting.append(chunk)
        self.news.set()
        return True


class Hub:
    """Fan-out by user.

    Args:
        show: An event as browsers see it; None for one that they do not see.
        heard: Told of every event, before any browser is.
    """

    def __init__(
        self,
        show: Callable[[str, FeedMessage], LiveEvent | None],
        *,
        heard: Callable[[FeedMessage], object] | None = None,
    ) -> None:
        self._show = show
        self._heard = heard
        self._listeners: dict[UUID, set[Listener]] = {}
        self._bounds: FeedBounds | None = None
        self._seen = 0
        self._live = asyncio.Event()
        self._stopping = False

    @property
    def listeners(self) -> int:
        """Browsers connected to this replica."""
        return sum(len(group) for group in self._listeners.values())

    @property
    def following(self) -> bool:
        """Whether events come in now."""
        return self._live.is_set()

    @property
    def seen(self) -> int:
        """The last sequence that came in."""
        return self._seen

    def count(self, user_id: UUID) -> int:
        """Browsers of one user."""
        return len(self._listeners.get(user_id, ()))

    def live(self, bounds: FeedBounds) -> None:
        """The feed is followed from `bounds.last_sequence` on; another epoch lets every browser go to start anew."""
        rebuilt = self._bounds is not None and self._bounds.epoch != bounds.epoch
        if rebuilt:
            self._end_all(Ended.REBUILT)
        if self._bounds is None or rebuilt:
            self._seen = bounds.last_sequence
        self._bounds = bounds
        self._live.set()

    def paused(self) -> None:
        """The feed is not followed now; browsers stay and get what they missed when it is again."""
        self._live.clear()

    async def join(self, user_id: UUID, *, timeout_s: float) -> Listener:
        """Start to queue the events of a user.

        Raises:
            TimeoutError: the feed is not followed; the bus is away.
        """
        async with asyncio.timeout(timeout_s):
            await self._live.wait()
        epoch = self._bounds.epoch if self._bounds else ""
        listener = Listener(user_id=user_id, epoch=epoch, joined_at=self._seen)
        if self._stopping:
            listener.end(Ended.STOPPING)
        self._listeners.setdefault(user_id, set()).add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a browser that went away."""
        group = self._listeners.get(listener.user_id, set())
        group.discard(listener)
        if not group:
            self._listeners.pop(listener.user_id, None)

    def publish(self, user_id: UUID | None, message: FeedMessage) -> None:
        """Queue an event for the browsers of its user; one that was seen before is dropped."""
        if message.sequence <= self._seen or self._bounds is None:
            return
        self._seen = message.sequence
        if self._heard is not None:
            self._heard(message)
        group = self._addressed(user_id, message)
        if not group:
            return
        event = self._show(self._bounds.epoch, message)
        if event is None:
            return
        chunk = Chunk(message.sequence, event)
        for listener in [one for one in group if not one.offer(chunk)]:
            listener.end(Ended.OVERFLOW)

    def _addressed(self, user_id: UUID | None, message: FeedMessage) -> set[Listener]:
        """The browsers of one user; of nobody's events only those that are meant for all."""
        if user_id is not None:
            return self._listeners.get(user_id, set())
        if not message.subject.startswith(FOR_ALL):
            return set()
        return {listener for group in self._listeners.values() for listener in group}

    def close_all(self) -> None:
        """Let everybody go, now and from now on: this replica stops."""
        self._stopping = True
        self._end_all(Ended.STOPPING)

    def _end_all(self, why: Ended) -> None:
        for group in list(self._listeners.values()):
            for listener in list(group):
                listener.end(why)
