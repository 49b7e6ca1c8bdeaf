"""Look up index versions, what changed between them, and levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from market_data.application.ports import IndexVersions, LevelStore, OwnIndices
from market_data.domain.difference import Difference, difference
from market_data.domain.errors import IndexNotReady, UnknownIndex
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import IndexVersion, VersionHead
from market_data.domain.level import LevelPoint
from shared.trading.status import VenueEnvironment


class ReadIndices:
    """Answers about indices, built in or a user's own.

    Args:
        rules: The built-in indices there are.
    """

    def __init__(
        self, versions: IndexVersions, rules: Sequence[IndexRules], *, own: OwnIndices, levels: LevelStore
    ) -> None:
        self._versions = versions
        self._names = [item.index_id for item in rules]
        self._own = own
        self._levels = levels

    async def newest(self, environment: VenueEnvironment, user_id: UUID | None = None) -> list[IndexVersion]:
        """The newest version of every index that has one: the built-in ones by id, then the user's own."""
        found = [await self._versions.newest(environment, name) for name in sorted(self._names)]
        mine = await self._own.of_user(user_id, environment) if user_id is not None else []
        return [*(version for version in found if version is not None), *mine]

    async def one(
        self, environment: VenueEnvironment, index_id: str, version: int | None, user_id: UUID | None = None
    ) -> IndexVersion:
        """A named version, or the newest.

        Raises:
            UnknownIndex: No such index, or no such version of it; the answer names what there is.
            IndexNotReady: It has no version yet.
        """
        if index_id not in self._names:
            return await self._own_one(environment, index_id, version, user_id)
        newest = await self._versions.newest(environment, index_id)
        if newest is None:
            raise IndexNotReady(
                f"{index_id} is still being put together; try again in a few seconds.", retry_after_s=2.0
            )
        if version is None or version == newest.version:
            return newest
        found = await self._versions.get(environment, index_id, version)
        return found or _no_version(index_id, version, newest.version)

    async def _own_one(
        self, environment: VenueEnvironment, index_id: str, version: int | None, user_id: UUID | None
    ) -> IndexVersion:
        newest = await self._own.newest(user_id, environment, index_id) if user_id is not None else None
        if newest is None or user_id is None:
            raise UnknownIndex(
                f'There is no index "{index_id[:64]}". There are: {", ".join(sorted(self._names))}.',
                context={"available": sorted(self._names)},
            )
        if version is None or version == newest.version:
            return newest
        found = await self._own.get(user_id, environment, index_id, version)
        return found or _no_version(index_id, version, newest.version)

    async def versions(
        self, environment: VenueEnvironment, index_id: str, user_id: UUID | None
    ) -> Sequence[VersionHead]:
        """All versions, newest first.

        Raises:
            UnknownIndex, IndexNotReady: As for `one`.
        """
        newest = await self.one(environment, index_id, None, user_id)
        if newest.user_id is not None:
            return await self._own.heads(newest.user_id, environment, index_id)
        return await self._versions.heads(environment, index_id)

    async def difference(
        self,
        environment: VenueEnvironment,
        index_id: str,
        user_id: UUID | None,
        *,
        before: int | None,
        after: int | None,
    ) -> Difference:
        """What changed from one version to another; by default between the last two.

        Raises:
            UnknownIndex, IndexNotReady: As for `one`.
        """
        newer = await self.one(environment, index_id, after, user_id)
        older = await self.one(environment, index_id, before or max(1, newer.version - 1), user_id)
        return difference(older, newer)

    async def levels(
        self, environment: VenueEnvironment, index_id: str, user_id: UUID | None, since: datetime | None
    ) -> Sequence[LevelPoint]:
        """The level's points from a moment on, oldest first.

        Raises:
            UnknownIndex, IndexNotReady: As for `one`.
        """
        return await self._levels.points(await self.one(environment, index_id, None, user_id), since)


def _no_version(index_id: str, version: int, newest: int) -> IndexVersion:
    raise UnknownIndex(
        f"{index_id} has no version {version}; the newest is {newest}.", context={"newest_version": newest}
    )
