"""Record the level of every index of an environment: a point every five minutes, and one where a version begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from market_data.application.market_board import MarketBoard
from market_data.application.ports import LevelStore
from market_data.domain.errors import MarketNotReady
from market_data.domain.index_version import IndexVersion
from market_data.domain.level import advance
from shared.trading.clock import Clock

EVERY = timedelta(minutes=5)
PRICE_AGE = timedelta(seconds=60)
"""An older quote is no price: the last one stands in, flagged."""
THIN_EVERY = timedelta(hours=1)


class RecordLevels:
    """One environment's levels.

    Args:
        versions: The newest version of every index.
        board: Prices.
        store: Where levels are kept.
    """

    def __init__(
        self,
        versions: Callable[[], Awaitable[Sequence[IndexVersion]]],
        *,
        board: MarketBoard,
        store: LevelStore,
        clock: Clock,
    ) -> None:
        self._versions = versions
        self._board = board
        self._store = store
        self._clock = clock
        self._done: dict[str, tuple[int, int]] = {}
        self._thinned: dict[str, datetime] = {}

    async def __call__(self) -> int:
        """Record what is due; answers how many points were written."""
        now = self._clock.now()
        slot = int(now.timestamp() // EVERY.total_seconds())
        versions = await self._versions()
        due = [one for one in versions if self._done.get(one.index_id) != (one.version, slot)]
        if not due or self._board.quotes_age_s() is None:
            return 0
        for version in due:
            await self._record(version, now)
            self._done[version.index_id] = (version.version, slot)
        return len(due)

    async def _record(self, version: IndexVersion, now: datetime) -> None:
        symbols = [one.symbol for one in version.composition.constituents]
        base = await self._store.base(version)
        fresh, point = advance(base, version, self._prices(symbols, now), at=now)
        thin = now - self._thinned.get(version.index_id, now - THIN_EVERY) >= THIN_EVERY
        await self._store.record(version, fresh, point, thin=thin)
        if thin:
            self._thinned[version.index_id] = now

    def _prices(self, symbols: Collection[str], now: datetime) -> dict[str, Decimal]:
        try:
            quotes = self._board.quotes(list(symbols))
        except MarketNotReady:
            return {}
        sound = (one for one in quotes if one.two_sided() and now - one.at <= PRICE_AGE)
        return {one.symbol: (one.bid + one.ask) / 2 for one in sound}
