"""The live feed of a user's own things: the same greeting, replay, events and farewell, whatever carries them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import structlog

from gateway.application.freshness import Freshness
from gateway.application.hub import Hub, Listener
from gateway.application.live_event import LiveEvent
from gateway.application.ports import FeedBounds, FeedHistory, PositionReader
from gateway.domain.errors import StreamPositionGone
from gateway.domain.position import PositionSummary
from gateway.inbound.shown import show
from gateway.inbound.tokens import Principal
from shared.trading.clock import Clock
from shared.trading.errors import Invalid, Throttled, Unavailable
from shared.trading.money import plain

PING_S = 15.0
JOIN_S = 5.0
SNAPSHOT_POSITIONS = 200
STREAMS_PER_USER = 20
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, not a secret
INTERRUPTED = "interrupted"

log = structlog.get_logger(__name__)


class TooManyStreams(Throttled):
    """A user's browsers share a bounded number of streams on one replica, event streams and sockets together."""

    code = "too_many_streams"
    title = "Too many open event streams"


class Carrier(Protocol):
    """What carries the feed to one client; every method but `gone` may wait as long as the client does not read."""

    async def begin(self) -> None:
        """What the wire wants before the first event."""
        ...

    async def carry(self, events: Sequence[LiveEvent]) -> None:
        """Hand over events, in order."""
        ...

    async def keep_alive(self) -> None:
        """Show that the connection lives; nothing happened for `PING_S`."""
        ...

    async def gone(self) -> None:
        """Return when the client went away.

        Raises:
            PlatformError: the client broke the rules of the wire.
        """
        ...

    async def end(self, why: str) -> None:
        """Take leave of a client that is still there, in bounded time even if it does not read.

        Args:
            why: `token_expired`, `interrupted`, or one of `Ended`.
        """
        ...


class LiveFeed:
    """Lets users in."""

    def __init__(
        self, *, hub: Hub, history: FeedHistory, positions: PositionReader, fresh: Freshness, clock: Clock
    ) -> None:
        self._hub = hub
        self._history = history
        self._positions = positions
        self._fresh = fresh
        self._clock = clock

    async def join(self, user: Principal, last_event_id: str | None) -> Visit:
        """A visit of a user, from where an earlier one ended, or from now on; `serve` it, or the place stays taken.

        Raises:
            TooManyStreams: the user has enough of them.
            Unavailable: the live feed is not there now.
        """
        if self._hub.count(user.user_id) >= STREAMS_PER_USER:
            raise TooManyStreams(f"At most {STREAMS_PER_USER} event streams at a time.", retry_after_s=5.0)
        try:
            listener = await self._hub.join(user.user_id, timeout_s=JOIN_S)
        except TimeoutError:
            raise Unavailable(
                "The live feed is not reachable now; your orders are not affected.", code="live_feed_unavailable"
            ) from None
        beginning = self._beginning(user, listener, last_event_id)
        return Visit(user, listener, hub=self._hub, clock=self._clock, beginning=beginning)

    async def _beginning(
        self, user: Principal, listener: Listener, last_event_id: str | None
    ) -> AsyncGenerator[LiveEvent, None]:
        """A greeting with the state of things, or what was missed; the queue already collects what comes."""
        after = _position_in(last_event_id, listener.epoch)
        if last_event_id is None:
            yield await self._snapshot("hello", user, listener, reason=None)
            return
        try:
            await self._must_be_there(after, await self._history.bounds(), listener)
            async with aclosing(
                self._history.replay(user.user_id, after=after or 0, until=listener.joined_at)
            ) as replay:
                async for message in replay:
                    if (event := show(listener.epoch, message)) is not None:
                        yield event
        except StreamPositionGone as gone:
            yield await self._snapshot("reset", user, listener, reason=gone.detail)

    @staticmethod
    async def _must_be_there(after: int | None, bounds: FeedBounds, listener: Listener) -> None:
        if after is None or bounds.epoch != listener.epoch or after > listener.joined_at:
            raise StreamPositionGone("The live feed was made anew; here is the state as it is now.")
        if after + 1 < bounds.first_sequence:
            raise StreamPositionGone("That is too long ago; here is the state as it is now.")

    async def _snapshot(self, name: str, user: Principal, listener: Listener, *, reason: str | None) -> LiveEvent:
        await self._fresh.about(user.user_id)
        found = await self._positions.positions(user.user_id, limit=SNAPSHOT_POSITIONS)
        body: dict[str, Any] = {
            "epoch": listener.epoch,
            "sequence": listener.joined_at,
            "positions": [_state(one) for one in found],
        }
        if reason is not None:
            body["reason"] = reason
        text = json.dumps(body, separators=(",", ":"))
        return LiveEvent(name, text, id=f"{listener.epoch}-{listener.joined_at}")


class Visit:
    """One client's time with the feed: a feeding task, and one that waits for the client to go."""

    def __init__(
        self,
        user: Principal,
        listener: Listener,
        *,
        hub: Hub,
        clock: Clock,
        beginning: AsyncGenerator[LiveEvent, None],
    ) -> None:
        self._user = user
        self._listener = listener
        self._hub = hub
        self._clock = clock
        self._beginning = beginning

    async def serve(self, carrier: Carrier) -> None:
        """Carry events until the client goes, its token ends, or the hub lets go of it.

        Raises:
            PlatformError: the client broke the rules of the wire.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            await carrier.begin()
            feeding, gone = asyncio.create_task(self._feed(carrier)), asyncio.create_task(carrier.gone())
            tasks += [feeding, gone]
            self._listener.on_end = feeding.cancel
            if self._listener.ended is not None:
                feeding.cancel()
            # The time-out is for a client that does not read: whoever feeds it waits, and sees no token expire.
            await asyncio.wait(tasks, timeout=self._left_s(), return_when=asyncio.FIRST_COMPLETED)
            left = gone.done()
        finally:
            self._hub.leave(self._listener)
            await self._stop(tasks)
        if left:
            gone.result()
        else:
            await carrier.end(self._why())

    async def _feed(self, carrier: Carrier) -> None:
        async for event in self._beginning:
            await carrier.carry([event])
        sent = self._listener.joined_at
        while self._listener.ended is None and (left_s := self._left_s()) > 0:
            fresh = [chunk for chunk in self._listener.take() if chunk.sequence > sent]
            if fresh:
                sent = fresh[-1].sequence
                await carrier.carry([chunk.event for chunk in fresh])
            elif not await _news(self._listener, min(PING_S, left_s)) and left_s > PING_S:
                await carrier.keep_alive()

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, Invalid):
                log.warning("event_stream_broke", error=type(result).__name__, detail=str(result))
        await self._beginning.aclose()

    def _left_s(self) -> float:
        return max(0.0, (self._user.expires_at - self._clock.now()).total_seconds())

    def _why(self) -> str:
        if self._listener.ended is not None:
            return self._listener.ended.value
        return INTERRUPTED if self._left_s() else TOKEN_EXPIRED


def farewell(why: str) -> LiveEvent:
    """The last event: come back, and with what in mind."""
    return LiveEvent("reconnect", json.dumps({"reason": why}))


async def _news(listener: Listener, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await listener.news.wait()
    except TimeoutError:
        return False
    return True


def _position_in(last_event_id: str | None, epoch: str) -> int | None:
    """The sequence of an id of this very stream."""
    stream, _, sequence = (last_event_id or "").rpartition("-")
    return int(sequence) if stream == epoch and sequence.isdecimal() and len(sequence) < 19 else None


def _state(summary: PositionSummary) -> dict[str, Any]:
    """As much as a client needs to see whether what it has is old."""
    position, valuation = summary.position, summary.valuation
    return {
        "position_id": str(position.position_id),
        "status": position.status.value,
        "version": position.version,
        "index_id": position.index_id,
        "invested": plain(position.invested),
        "pnl": plain(valuation.pnl) if valuation else None,
        "value": plain(valuation.value) if valuation else None,
        "value_version": valuation.version if valuation else None,
        "deviating": summary.deviation.active if summary.deviation else False,
    }
