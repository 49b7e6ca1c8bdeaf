"""Put the built-in indices together from market caps, the reviewed table and the venue's candles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from market_data.application.market_board import MarketBoard
from market_data.application.ports import CoinSource, IndexVersions, Progress, PublicVenue
from market_data.domain.errors import TooFewConstituents
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition, IndexVersion, due, gone
from market_data.domain.renames import How, Renames
from market_data.domain.reviewed import ReviewedTable
from market_data.domain.selection import QUOTE, Candidate, Verdict, compose, prove, screen
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment

DOUBTS = ("identity", *(f"{how}:" for how in How))
"""Reasons that an operator should look at: a table may have to be corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What does not change from day to day.

    Attributes:
        renames: Coins that go by another name at the venue now.
        fingerprint: Changes whenever the rules or the tables do.
    """

    rules: Sequence[IndexRules]
    table: ReviewedTable
    fingerprint: str
    renames: Renames = field(default_factory=dict)


class PublishIndices:
    """One environment's indices.

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
        versions: IndexVersions,
        recipe: Recipe,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._environment = environment
        self._source = source
        self._venue = venue
        self._board = board
        self._versions = versions
        self._recipe = recipe
        self._clock = clock
        self._progress = progress

    async def wanted(self) -> dict[str, IndexVersion | None]:
        """The indices that are to be put together now, each with its newest version."""
        newest = {
            rules.index_id: await self._versions.newest(self._environment, rules.index_id)
            for rules in self._recipe.rules
        }
        now = self._clock.now()
        return {
            index_id: version
            for index_id, version in newest.items()
            if due(version, recipe=self._recipe.fingerprint, now=now) or self._lost(version)
        }

    def _lost(self, version: IndexVersion | None) -> list[str]:
        """Constituents that stopped trading: the index is then made again at once, not only the next day."""
        listed = self._board.listed
        return gone(version, listed) if version is not None and listed else []

    def _tell_of_lost(self, version: IndexVersion | None) -> None:
        lost = self._lost(version)
        if version is not None and lost:
            self._progress.warning(
                "index_lost_constituents",
                environment=self._environment,
                index_id=version.index_id,
                symbols=lost,
                went={old: rename.new for old, rename in self._recipe.renames.items() if f"{old}{QUOTE}" in lost},
            )

    async def __call__(self) -> list[IndexVersion]:
        """Publish what is due.

        Returns:
            The new versions.

        Raises:
            SourceUnavailable, VenueUnavailable, MarketNotReady: Nothing was published; try again.
            TooFewConstituents: The others were published; this one keeps its old version.
            Conflict: Another replica was faster.
        """
        wanted = await self.wanted()
        rules = [item for item in self._recipe.rules if item.index_id in wanted]
        if not rules:
            return []
        for newest in wanted.values():
            self._tell_of_lost(newest)
        verdicts = await self._verdicts(max(item.size for item in rules))
        made: list[IndexVersion] = []
        short: TooFewConstituents | None = None
        for item in rules:
            try:
                composition = compose(item, verdicts, as_of=self._clock.now())
            except TooFewConstituents as error:
                self._progress.warning("index_not_made", code=error.code, **error.context)
                short = error
                continue
            made.append(await self._publish(composition, wanted[item.index_id]))
        if short is not None:
            raise short
        return made

    async def _verdicts(self, size: int) -> list[Verdict]:
        """Verdicts from the largest coin down, until `size` candidates are proved."""
        instruments = self._board.all_instruments()
        self._progress.info("market_caps_asked", environment=self._environment)
        listing = await self._source.coins()
        self._progress.info("market_caps_received", coins=len(listing.coins), broken=len(listing.broken))
        for row in listing.broken:
            self._progress.warning("source_row_invalid", source_id=row.source_id, place=row.place, why=row.why)
        screened = screen(
            listing,
            table=self._recipe.table,
            instruments=instruments,
            now=self._clock.now(),
            renames=self._recipe.renames,
        )
        verdicts: list[Verdict] = []
        proved = 0
        for verdict in screened:
            if proved == size:
                break
            verdicts.append(await self._proved(verdict))
            proved += isinstance(verdicts[-1], Candidate)
        return verdicts

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

    async def _publish(self, composition: Composition, newest: IndexVersion | None) -> IndexVersion:
        version = await self._versions.publish(
            self._environment,
            composition,
            recipe=self._recipe.fingerprint,
            after=newest.version if newest else 0,
        )
        self._progress.info(
            "index_version_published",
            environment=self._environment,
            index_id=version.index_id,
            version=version.version,
            constituents=[item.asset for item in composition.constituents],
        )
        return version
