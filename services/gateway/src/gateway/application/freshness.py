"""Whoever has heard of an event sees it when they look: reads wait for the picture, briefly.

The live feed and the picture are two readers of the same stream. Without this a browser that hears `position_active`
and asks at once could still be shown EXECUTING.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol
from uuid import UUID

from gateway.application.ports import FeedMessage

PAINTED_DOMAINS = frozenset({"execution", "portfolio"})
REMEMBERED = 20_000
PATIENCE_S = 1.0
AGAIN_S = 0.02


class Painted(Protocol):
    """Which messages are in the picture."""

    async def among(self, events: set[UUID]) -> set[UUID]:
        """Those of the given events that were handled."""
        ...


class Freshness:
    """Remembers the last event heard about each user and each thing, until it is seen to be in the picture.

    Args:
        patience_s: A read waits no longer; an event that never gets there costs one read that much, once.
    """

    def __init__(self, painted: Painted, *, patience_s: float = PATIENCE_S) -> None:
        self._painted = painted
        self._patience_s = patience_s
        self._last: OrderedDict[tuple[str, UUID], UUID] = OrderedDict()

    def heard(self, message: FeedMessage) -> None:
        """An event came in over the feed; its subject names domain, user and thing."""
        domain, *rest = message.subject.split(".")
        if domain not in PAINTED_DOMAINS or message.event_id is None:
            return
        for token in rest[2:4]:
            if (name := _uuid(token)) is not None:
                self._last[domain, name] = message.event_id
                self._last.move_to_end((domain, name))
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    async def about(self, name: UUID) -> None:
        """Wait until the picture shows what was heard about a user or a position."""
        waited_for = self._events(name)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        while waited_for:
            done = await self._painted.among(set(waited_for.values()))
            late = loop.time() >= deadline
            for key, event in list(waited_for.items()):
                if late or event in done:
                    del waited_for[key]
                    if self._last.get(key) == event:
                        del self._last[key]
            if waited_for:
                await asyncio.sleep(AGAIN_S)

    def _events(self, name: UUID) -> dict[tuple[str, UUID], UUID]:
        keys = [(domain, name) for domain in PAINTED_DOMAINS]
        return {key: self._last[key] for key in keys if key in self._last}


def _uuid(token: str) -> UUID | None:
    try:
        return UUID(token)
    except ValueError:
        return None
