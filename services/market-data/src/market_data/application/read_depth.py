"""Order books, asked for when a plan is made: nobody needs them at any other time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from market_data.application.ports import PublicVenue
from market_data.domain.errors import VenueUnavailable
from shared.trading.clock import Clock
from shared.trading.depth import Depth

KEPT_S = 1.0
"""Plans made at the same time look at the same books."""
PATIENCE_S = 1.5
AT_ONCE = 4


class ReadDepth:
    """Books of one environment.

    Args:
        venue: The environment's public side.
    """

    def __init__(self, venue: PublicVenue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._kept: dict[str, tuple[Depth, float]] = {}

    async def of(self, symbols: Collection[str]) -> Sequence[Depth]:
        """The books that the venue tells in time."""
        found = await asyncio.gather(*(self._one(symbol) for symbol in sorted(set(symbols))))
        return [depth for depth in found if depth is not None]

    async def _one(self, symbol: str) -> Depth | None:
        try:
            async with asyncio.timeout(PATIENCE_S), self._gate:
                kept = self._kept.get(symbol)
                if kept is not None and self._clock.monotonic() - kept[1] <= KEPT_S:
                    return kept[0]
                depth = await self._venue.depth(symbol)
        except (VenueUnavailable, TimeoutError):
            return None
        self._kept[symbol] = (depth, self._clock.monotonic())
        return depth
