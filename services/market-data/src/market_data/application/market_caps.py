"""Market caps of one environment, pulled seldom and kept: an index is put together from the same figures by everybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from market_data.application.market_board import MarketBoard
from market_data.application.ports import CoinSource, Progress, PublicVenue
from market_data.application.roll import Roll
from market_data.domain.candidate import Candidate, Verdict
from market_data.domain.renames import How, Renames
from market_data.domain.reviewed import ReviewedTable
from market_data.domain.selection import prove, screen
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment

DOUBTS = ("identity", *(f"{how}:" for how in How))
"""Reasons that an operator should look at: a table may have to be corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What people reviewed.

    Attributes:
        renames: Coins that go by another name at the venue now.
        fingerprint: Changes whenever the tables do.
    """

    table: ReviewedTable
    fingerprint: str
    renames: Renames = field(default_factory=dict)


class MarketCaps:
    """One environment's.

    Args:
        board: Its instruments, already refreshed.
        progress: The log.
    """

    def __init__(
        self,
        environment: VenueEnvironment,
        *,
        source: CoinSource,
        venue: PublicVenue,
        board: MarketBoard,
        tables: Tables,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._environment = environment
        self._source = source
        self._venue = venue
        self._board = board
        self._tables = tables
        self._clock = clock
        self._progress = progress
        self._kept: tuple[Roll, float] | None = None
        self._one_pull = asyncio.Lock()

    async def roll(self, *, oldest_s: float) -> Roll:
        """The coins with their verdicts.

        Args:
            oldest_s: Caps that were pulled within so many seconds will do; 0 pulls them anew.

        Raises:
            SourceUnavailable, MarketNotReady: Nothing to judge by now.
        """
        async with self._one_pull:
            if self._kept is None or self._clock.monotonic() - self._kept[1] >= oldest_s:
                self._kept = (await self._pull(), self._clock.monotonic())
            return self._kept[0]

    async def _pull(self) -> Roll:
        instruments = self._board.all_instruments()
        self._progress.info("market_caps_asked", environment=self._environment)
        listing = await self._source.coins()
        self._progress.info("market_caps_received", coins=len(listing.coins), broken=len(listing.broken))
        for row in listing.broken:
            self._progress.warning("source_row_invalid", source_id=row.source_id, place=row.place, why=row.why)
        now = self._clock.now()
        screened = screen(
            listing, table=self._tables.table, instruments=instruments, now=now, renames=self._tables.renames
        )
        return Roll(screened, self._proved, at=now)

    async def _proved(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Candidate):
            return self._noted(verdict)
        candle = await self._venue.candle(verdict.instrument.symbol, verdict.coin.updated_at)
        return self._noted(prove(verdict, candle))

    def _noted(self, verdict: Verdict) -> Verdict:
        """A coin that is out for doubt, not for what it is, is something to look at."""
        if not isinstance(verdict, Candidate) and verdict.reason.startswith(DOUBTS):
            self._progress.warning(
                "coin_refused",
                environment=self._environment,
                source_id=verdict.source_id,
                asset=verdict.asset,
                rank=verdict.rank,
                reason=verdict.reason,
            )
        return verdict
