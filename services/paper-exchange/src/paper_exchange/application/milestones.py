"""Counts what happened per account, so that a test outside can act the moment it does."""

from __future__ import annotations

import asyncio
from collections import Counter

EVENTS = ("request_received", "order_received", "execution", "order_closed")


class Milestones:
    """How often each event happened to each account since the process started."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._waiting: list[tuple[str, str, int, asyncio.Future[None]]] = []

    def reached(self, uid: str, event: str) -> None:
        """One more."""
        self._counts[uid, event] += 1
        if not self._waiting:
            return
        count = self._counts[uid, event]
        for entry in self._waiting:
            if entry[0] == uid and entry[1] == event and count >= entry[2] and not entry[3].done():
                entry[3].set_result(None)

    def counts(self, uid: str) -> dict[str, int]:
        """All counts of an account."""
        return {event: self._counts[uid, event] for event in EVENTS}

    async def wait(self, uid: str, event: str, count: int, *, timeout_s: float) -> bool:
        """Wait until an event happened so often; False when the time was up first."""
        if self._counts[uid, event] >= count:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (uid, event, count, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True
