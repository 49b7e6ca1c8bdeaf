"""Market-data's ports `IndexVersions`, `OwnIndices` (nobody has any) and `LevelStore` in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from kit.memory_house import BrokenRuleError, House, Transaction
from market_data.domain.index_version import Composition, IndexVersion, VersionHead
from market_data.domain.level import LevelBase, LevelPoint
from market_data.domain.reconstitution import Reason
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment

Announce = Callable[[Transaction, IndexVersion], Awaitable[None]]


class MemoryIndexVersions:
    """The port `IndexVersions`: immutable once published.

    Args:
        announce: Puts the event into the outbox of the same transaction.
    """

    def __init__(self, house: House, announce: Announce) -> None:
        self._house = house
        self._announce = announce

    async def newest(self, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force."""
        found = self._of(environment, index_id)
        return found[-1] if found else None

    async def get(self, environment: VenueEnvironment, index_id: str, version: int) -> IndexVersion | None:
        """One version."""
        return next((one for one in self._of(environment, index_id) if one.version == version), None)

    async def heads(self, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        return [
            VersionHead(
                version=one.version,
                as_of=one.composition.as_of,
                reason=one.reason,
                constituents=len(one.composition.constituents),
            )
            for one in reversed(self._of(environment, index_id))
        ]

    async def publish(
        self, environment: VenueEnvironment, composition: Composition, *, recipe: str, reason: Reason, after: int
    ) -> IndexVersion:
        """Store version `after` + 1 together with its event.

        Raises:
            Conflict: code `version_taken`, when another replica was faster.
        """
        made = IndexVersion(
            environment=environment, version=after + 1, recipe=recipe, composition=composition, reason=reason.value
        )
        with self._house.transaction() as transaction:
            try:
                transaction.everybodys("index_versions").add((environment, made.index_id, made.version), made)
                await self._announce(transaction, made)
                transaction.commit()
            except BrokenRuleError as error:
                raise Conflict("Another replica has published this version.", code="version_taken") from error
        return made

    def _of(self, environment: VenueEnvironment, index_id: str) -> list[IndexVersion]:
        with self._house.transaction() as transaction:
            rows: list[IndexVersion] = list(transaction.everybodys("index_versions"))
        found = (one for one in rows if one.environment is environment and one.index_id == index_id)
        return sorted(found, key=lambda one: one.version)


class NoOwnIndices:
    """The port `OwnIndices` of a town whose users have none of their own."""

    async def of_user(self, user_id: UUID, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """None."""
        return []

    async def newest(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """None."""
        return None

    async def get(
        self, user_id: UUID, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        """None."""
        return None

    async def heads(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """None."""
        return []

    async def everybodys(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """None."""
        return []

    async def publish(
        self,
        user_id: UUID,
        environment: VenueEnvironment,
        composition: Composition,
        *,
        recipe: str,
        reason: Reason,
        after: int,
    ) -> IndexVersion:
        """Nobody makes any."""
        raise NotImplementedError

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> bool:
        """There is none."""
        return False


class MemoryLevels:
    """The port `LevelStore`."""

    def __init__(self) -> None:
        self._bases: dict[str, LevelBase] = {}
        self._points: dict[str, list[LevelPoint]] = {}

    async def base(self, version: IndexVersion) -> LevelBase | None:
        """From where the level of that version's index is counted."""
        return self._bases.get(version.index_id)

    async def record(self, version: IndexVersion, base: LevelBase, point: LevelPoint, *, thin: bool) -> None:
        """Keep the base and add the point; a test's year is short enough to keep all of them."""
        del thin
        self._bases[version.index_id] = base
        self._points.setdefault(version.index_id, []).append(point)

    async def points(self, version: IndexVersion, since: datetime | None) -> Sequence[LevelPoint]:
        """Points from a moment on, oldest first."""
        found = self._points.get(version.index_id, [])
        return [point for point in found if since is None or point.at >= since]
