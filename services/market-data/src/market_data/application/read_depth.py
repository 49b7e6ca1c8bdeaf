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
PATIENCE_S = 1.0
"""For all books of one question together: a plan is made without those that take longer."""
AT_ONCE = 8


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
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def of(self, symbols: Collection[str]) -> Sequence[Depth]:
        """The books that the venue tells in time; one that somebody has asked for already is not asked for twice."""
        since = self._clock.monotonic() - KEPT_S
        wanted = sorted(set(symbols))
        missing = [self._under_way(symbol) for symbol in wanted if self._known(symbol, since) is None]
        if missing:
            done, _ = await asyncio.wait(missing, timeout=PATIENCE_S)
            for task in done:
                task.result()
        known = [self._known(symbol, since) for symbol in wanted]
        return [depth for depth in known if depth is not None]

    def _known(self, symbol: str, since: float) -> Depth | None:
        depth, at_s = self._kept.get(symbol, (None, since))
        return depth if at_s >= since else None

    def _under_way(self, symbol: str) -> asyncio.Task[None]:
        if symbol not in self._asked:
            self._asked[symbol] = asyncio.create_task(self._ask(symbol))
            self._asked[symbol].add_done_callback(lambda _: self._asked.pop(symbol))
        return self._asked[symbol]

    async def _ask(self, symbol: str) -> None:
        """Nobody waits for it longer than for its question, so neither does it."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._gate:
                depth = await self._venue.depth(symbol)
        except (VenueUnavailable, TimeoutError):
            return
        self._kept[symbol] = (depth, self._clock.monotonic())
