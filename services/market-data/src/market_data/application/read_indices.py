"""Look up index versions."""

from __future__ import annotations

from collections.abc import Sequence

from market_data.application.ports import IndexVersions
from market_data.domain.errors import IndexNotReady, UnknownIndex
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import IndexVersion
from shared.trading.status import VenueEnvironment


class ReadIndices:
    """Answers about indices.

    Args:
        rules: The indices there are.
    """

    def __init__(self, versions: IndexVersions, rules: Sequence[IndexRules]) -> None:
        self._versions = versions
        self._names = sorted(item.index_id for item in rules)

    async def newest(self, environment: VenueEnvironment) -> list[IndexVersion]:
        """The newest version of every index that has one, sorted by id."""
        found = [await self._versions.newest(environment, name) for name in self._names]
        return [version for version in found if version is not None]

    async def one(self, environment: VenueEnvironment, index_id: str, version: int | None) -> IndexVersion:
        """A named version, or the newest.

        Raises:
            UnknownIndex: No such index, or no such version of it; the answer names what there is.
            IndexNotReady: It has no version yet.
        """
        if index_id not in self._names:
            raise UnknownIndex(
                f'There is no index "{index_id[:64]}". There are: {", ".join(self._names)}.',
                context={"available": self._names},
            )
        newest = await self._versions.newest(environment, index_id)
        if newest is None:
            raise IndexNotReady(
                f"{index_id} is still being put together; try again in a few seconds.", retry_after_s=2.0
            )
        if version is None or version == newest.version:
            return newest
        found = await self._versions.get(environment, index_id, version)
        if found is None:
            raise UnknownIndex(
                f"{index_id} has no version {version}; the newest is {newest.version}.",
                context={"available": self._names, "newest_version": newest.version},
            )
        return found
