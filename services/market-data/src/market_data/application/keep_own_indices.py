"""Users' own indices: look at one before it exists, make it, change it, take it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from market_data.application.market_caps import MarketCaps, Tables
from market_data.application.ports import OwnIndices
from market_data.domain.errors import CoinsNotAvailable, TooFewConstituents, TooManyIndices, UnknownIndex, VersionMoved
from market_data.domain.index_rules import IndexRules, Weighting, must_make_sense
from market_data.domain.index_version import Composition, Constituent, IndexVersion
from market_data.domain.reconstitution import Reason, recipe_of
from shared.trading.clock import Ids
from shared.trading.status import VenueEnvironment

CAPS_AGE_S = 3600.0
"""Caps pulled within the last hour will do for a user's draft: the source allows few calls."""
MOST_INDICES = 50


class KeepOwnIndices:
    """All users' own indices.

    Args:
        caps: Market caps of each open environment.
    """

    def __init__(
        self, own: OwnIndices, caps: Mapping[VenueEnvironment, MarketCaps], *, tables: Tables, ids: Ids
    ) -> None:
        self._own = own
        self._caps = caps
        self._tables = tables
        self._ids = ids

    async def preview(self, environment: VenueEnvironment, rules: IndexRules) -> IndexVersion:
        """What the rules would make now; nothing is stored, and its version is 0.

        Raises:
            IndexRulesRefused, InfeasibleCap, InfeasibleFloor: The rules contradict themselves.
            CoinsNotAvailable, TooFewConstituents: There are no such coins here.
            Unavailable: Caps or prices are missing; try again.
        """
        composition = await self._compose(environment, replace(rules, index_id="preview"))
        return IndexVersion(environment=environment, version=0, recipe="", composition=composition, reason="preview")

    async def create(self, user_id: UUID, environment: VenueEnvironment, rules: IndexRules) -> IndexVersion:
        """A new index under an id that nobody can guess.

        Raises:
            TooManyIndices: The user has as many as one may have.
            PlatformError: As for `preview`.
        """
        if len(await self._own.of_user(user_id, environment)) >= MOST_INDICES:
            raise TooManyIndices(f"You have {MOST_INDICES} indices; delete one first.")
        named = replace(rules, index_id=f"my-{self._ids.uuid()}")
        composition = await self._compose(environment, named)
        return await self._own.publish(
            user_id, environment, composition, recipe=self._recipe(named), reason=Reason.FIRST, after=0
        )

    async def edit(
        self,
        user_id: UUID,
        environment: VenueEnvironment,
        index_id: str,
        rules: IndexRules,
        *,
        if_version: int | None = None,
    ) -> IndexVersion:
        """New rules make a new version at once; earlier ones stay as they are.

        Raises:
            UnknownIndex: The user has no such index.
            VersionMoved: `if_version` is not the newest.
            PlatformError: As for `preview`.
        """
        newest = await self._own.newest(user_id, environment, index_id)
        if newest is None:
            raise UnknownIndex(f'You have no index "{index_id[:64]}".')
        if if_version is not None and if_version != newest.version:
            raise VersionMoved(
                f"It is at version {newest.version} by now; look at that one first.",
                context={"newest_version": newest.version},
            )
        named = replace(rules, index_id=index_id)
        composition = await self._compose(environment, named, previous=newest.composition.constituents)
        return await self._own.publish(
            user_id,
            environment,
            composition,
            recipe=self._recipe(named),
            reason=Reason.RULES_CHANGED,
            after=newest.version,
        )

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> None:
        """Take it away: no new versions and levels; positions that follow it keep the version they have.

        Raises:
            UnknownIndex: The user has no such index.
        """
        if not await self._own.delete(user_id, environment, index_id):
            raise UnknownIndex(f'You have no index "{index_id[:64]}".')

    async def _compose(
        self, environment: VenueEnvironment, rules: IndexRules, *, previous: Sequence[Constituent] = ()
    ) -> Composition:
        must_make_sense(rules)
        roll = await self._caps[environment].roll(oldest_s=CAPS_AGE_S)
        try:
            composition = await roll.composition(rules, previous=previous)
        except TooFewConstituents:
            if rules.weighting is not Weighting.FIXED:
                raise
            named = ", ".join(rules.wanted)
            raise CoinsNotAvailable(
                f"None of these coins is known here and passes every check: {named}.",
                context={"coins": dict.fromkeys(rules.wanted, "unavailable")},
            ) from None
        inside = {one.asset for one in composition.constituents}
        missing = [asset for asset in rules.wanted if asset not in inside]
        if missing:
            reasons = {one.asset: one.reason for one in composition.exclusions if one.asset in missing}
            told = ", ".join(f"{asset} ({reasons.get(asset, 'unknown')})" for asset in missing)
            raise CoinsNotAvailable(f"These coins cannot be bought here: {told}.", context={"coins": reasons})
        return composition

    def _recipe(self, rules: IndexRules) -> str:
        return recipe_of(rules, self._tables.fingerprint)
