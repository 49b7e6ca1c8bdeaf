"""Spreads new connections over time, since the venue counts them per address."""

from __future__ import annotations

import asyncio


class Pace:
    """Turns at least `interval_s` apart; share one per host and process.

    Args:
        interval_s: Seconds between two turns; zero lets everybody through.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next_at = 0.0

    async def turn(self) -> None:
        """Wait for one's turn; those who come together are let through one after another."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + self._interval_s
        await asyncio.sleep(at - now)
