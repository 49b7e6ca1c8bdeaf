"""Put indices together when they are due: the built-in ones, and users' own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from market_data.application.market_board import MarketBoard
from market_data.application.market_caps import MarketCaps, Tables
from market_data.application.ports import IndexVersions, OwnIndices, Progress
from market_data.application.roll import Roll
from market_data.domain.errors import TooFewConstituents
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Constituent, IndexVersion, gone
from market_data.domain.reconstitution import Reason, due, recipe_of
from market_data.domain.selection import QUOTE
from shared.trading.clock import Clock
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment

REST_S = 1800.0
"""A user's index that cannot be made now keeps its old version and is tried again after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An index that is to be made now, and why."""

    rules: IndexRules
    newest: IndexVersion | None
    reason: Reason

    @property
    def user_id(self) -> UUID | None:
        """Whose own index it is; None for a built-in one."""
        return self.newest.user_id if self.newest else None

    @property
    def members(self) -> Sequence[Constituent]:
        """The members until now."""
        return self.newest.composition.constituents if self.newest else ()

    @property
    def number(self) -> int:
        """The number of the version in force, 0 before the first."""
        return self.newest.version if self.newest else 0


class PublishIndices:
    """One environment's indices.

    Args:
        rules: The built-in ones.
        own: Users' own.
        board: Its instruments, already refreshed.
        caps: Its market caps.
        progress: The log.
    """

    def __init__(
        self,
        environment: VenueEnvironment,
        *,
        rules: Sequence[IndexRules],
        tables: Tables,
        caps: MarketCaps,
        board: MarketBoard,
        versions: IndexVersions,
        own: OwnIndices,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._environment = environment
        self._rules = rules
        self._tables = tables
        self._caps = caps
        self._board = board
        self._versions = versions
        self._own = own
        self._clock = clock
        self._progress = progress
        self._resting: dict[str, float] = {}

    async def wanted(self) -> dict[str, Due]:
        """The indices that are to be put together now, by id."""
        found = [
            self._due(rules, await self._versions.newest(self._environment, rules.index_id)) for rules in self._rules
        ]
        own = await self._own.everybodys(self._environment)
        now_s = self._clock.monotonic()
        awake = [one for one in own if self._resting.get(one.index_id, 0.0) <= now_s]
        found += [self._due(one.composition.rules, one) for one in awake]
        return {one.rules.index_id: one for one in found if one is not None}

    def _due(self, rules: IndexRules, newest: IndexVersion | None) -> Due | None:
        reason = due(newest, rules=rules, tables=self._tables.fingerprint, now=self._clock.now())
        if reason is None and self._lost(newest):
            reason = Reason.CONSTITUENT_LOST
        return Due(rules=rules, newest=newest, reason=reason) if reason is not None else None

    def _lost(self, version: IndexVersion | None) -> list[str]:
        """Constituents that stopped trading: the index is then made again at once, not only at its next date."""
        listed = self._board.listed
        return gone(version, listed) if version is not None and listed else []

    def _tell_of_lost(self, version: IndexVersion | None) -> None:
        lost = self._lost(version)
        if version is not None and lost:
            renames = self._tables.renames
            self._progress.warning(
                "index_lost_constituents",
                environment=self._environment,
                index_id=version.index_id,
                symbols=lost,
                went={old: rename.new for old, rename in renames.items() if f"{old}{QUOTE}" in lost},
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
        if not wanted:
            return []
        for item in wanted.values():
            self._tell_of_lost(item.newest)
        roll = await self._caps.roll(oldest_s=0)
        made: list[IndexVersion] = []
        short: TooFewConstituents | None = None
        for item in wanted.values():
            if item.user_id is not None:
                made += await self._make_own(item, item.user_id, roll)
                continue
            try:
                made.append(await self._make(item, roll))
            except TooFewConstituents as error:
                self._progress.warning("index_not_made", code=error.code, **error.context)
                short = error
        if short is not None:
            raise short
        return made

    async def _make(self, item: Due, roll: Roll) -> IndexVersion:
        composition = await roll.composition(item.rules, previous=item.members)
        version = await self._versions.publish(
            self._environment,
            composition,
            recipe=recipe_of(item.rules, self._tables.fingerprint),
            reason=item.reason,
            after=item.number,
        )
        return self._told(version)

    async def _make_own(self, item: Due, user_id: UUID, roll: Roll) -> list[IndexVersion]:
        """One user's trouble is not the others': an index that cannot be made now rests."""
        try:
            composition = await roll.composition(item.rules, previous=item.members)
            version = await self._own.publish(
                user_id,
                self._environment,
                composition,
                recipe=recipe_of(item.rules, self._tables.fingerprint),
                reason=item.reason,
                after=item.number,
            )
        except (TooFewConstituents, Conflict) as error:
            self._resting[item.rules.index_id] = self._clock.monotonic() + REST_S
            self._progress.warning("own_index_not_made", index_id=item.rules.index_id, code=error.code)
            return []
        return [self._told(version)]

    def _told(self, version: IndexVersion) -> IndexVersion:
        self._progress.info(
            "index_version_published",
            environment=self._environment,
            index_id=version.index_id,
            version=version.version,
            reason=version.reason,
            constituents=[one.asset for one in version.composition.constituents],
        )
        return version
