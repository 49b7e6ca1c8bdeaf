"""Market-data's ports `IndexVersions` and `OwnIndices` in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.memory_house import BrokenRuleError, House, Rows, Transaction
from market_data.domain.index_version import Composition, IndexVersion, VersionHead
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
        return [_head(one) for one in reversed(self._of(environment, index_id))]

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
            return _versions(transaction.everybodys("index_versions"), environment, index_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIndex:
    """Which version of a user's index is in force; a deleted one stays, so that its name is never used again."""

    environment: VenueEnvironment
    index_id: str
    version: int
    number: int
    deleted: bool = False


class MemoryOwnIndices:
    """The port `OwnIndices`: rows by user, beside a list of ids that is nobody's.

    Args:
        announce: Puts the event into the outbox of the same transaction.
    """

    def __init__(self, house: House, announce: Announce) -> None:
        self._house = house
        self._announce = announce

    async def of_user(self, user_id: UUID, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of each, oldest index first."""
        with self._house.transaction(user_id) as transaction:
            mine: list[OwnIndex] = [one for one in transaction.rows("own_indices") if _stands(one, environment)]
            mine.sort(key=lambda one: one.number)
            versions = transaction.rows("own_index_versions")
            found = [versions.get((environment, one.index_id, one.version)) for one in mine]
        return [one for one in found if one is not None]

    async def newest(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force; None when the user has no such index, or deleted it."""
        return next((one for one in await self.of_user(user_id, environment) if one.index_id == index_id), None)

    async def get(
        self, user_id: UUID, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        """One version, of a deleted index too."""
        with self._house.transaction(user_id) as transaction:
            found: IndexVersion | None = transaction.rows("own_index_versions").get((environment, index_id, version))
            return found

    async def heads(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        with self._house.transaction(user_id) as transaction:
            found = _versions(transaction.rows("own_index_versions"), environment, index_id)
        return [_head(one) for one in reversed(found)]

    async def everybodys(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of every user's indices, by id."""
        with self._house.transaction() as transaction:
            owners: list[tuple[str, UUID]] = list(transaction.everybodys("own_index_agenda"))
        found = [await self.newest(user_id, environment, index_id) for index_id, user_id in sorted(owners)]
        return [one for one in found if one is not None]

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
        """Store version `after` + 1 together with its event; the first one makes the index.

        Raises:
            Conflict: code `version_taken`, when somebody else was faster, or the index is deleted.
        """
        made = IndexVersion(
            environment=environment,
            version=after + 1,
            recipe=recipe,
            composition=composition,
            reason=reason.value,
            user_id=user_id,
        )
        with self._house.transaction(user_id) as transaction:
            try:
                self._move_head(transaction, made, user_id)
                transaction.rows("own_index_versions").add((environment, made.index_id, made.version), made)
                await self._announce(transaction, made)
                transaction.commit()
            except BrokenRuleError as error:
                raise _taken() from error
        return made

    def _move_head(self, transaction: Transaction, made: IndexVersion, user_id: UUID) -> None:
        mine, names = transaction.rows("own_indices"), transaction.everybodys("own_index_names")
        if made.version == 1:
            names.add(made.index_id, made.index_id)
            transaction.everybodys("own_index_agenda").put(made.index_id, (made.index_id, user_id))
            number = len(list(names))
        else:
            head: OwnIndex | None = mine.get(made.index_id)
            if head is None or head.deleted or head.version != made.version - 1:
                raise _taken()
            number = head.number
        head = OwnIndex(environment=made.environment, index_id=made.index_id, version=made.version, number=number)
        mine.put(made.index_id, head)

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> bool:
        """Take an index away; its versions stay."""
        with self._house.transaction(user_id) as transaction:
            rows = transaction.rows("own_indices")
            head: OwnIndex | None = rows.get(index_id)
            if head is None or not _stands(head, environment):
                return False
            gone = OwnIndex(
                environment=environment, index_id=index_id, version=head.version, number=head.number, deleted=True
            )
            rows.put(index_id, gone)
            transaction.everybodys("own_index_agenda").drop(lambda one: one[0] == index_id)
            transaction.commit()
        return True


def _versions(rows: Rows, environment: VenueEnvironment, index_id: str) -> list[IndexVersion]:
    found = (one for one in rows if one.environment is environment and one.index_id == index_id)
    return sorted(found, key=lambda one: one.version)


def _head(version: IndexVersion) -> VersionHead:
    return VersionHead(
        version=version.version,
        as_of=version.composition.as_of,
        reason=version.reason,
        constituents=len(version.composition.constituents),
    )


def _stands(head: OwnIndex, environment: VenueEnvironment) -> bool:
    return head.environment is environment and not head.deleted


def _taken() -> Conflict:
    return Conflict("The index has moved on meanwhile; read it again.", code="version_taken")
