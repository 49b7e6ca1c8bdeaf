"""Versions of the built-in indices in PostgreSQL; publishing one and telling of it are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from market_data.domain.index_version import Composition, IndexVersion, VersionHead
from market_data.domain.reconstitution import Reason
from market_data.outbound.postgres.tables import public
from market_data.outbound.postgres.version_rows import Key, insert_version, list_heads, load_version, newest_number
from shared.contracts.fields import EventData
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment


class PostgresIndexVersions:
    """Reads and adds versions; nothing is ever changed.

    A version that was read once is kept in memory, since it can never differ.

    Args:
        announce: Makes the event that tells of a new version.
    """

    def __init__(self, database: Database, outbox: Outbox, announce: Callable[[IndexVersion], EventData]) -> None:
        self._database = database
        self._outbox = outbox
        self._announce = announce
        self._known: dict[Key, IndexVersion] = {}

    async def newest(self, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force."""
        async with self._database.transaction() as session:
            number = await newest_number(session, public, environment, index_id)
            return None if number is None else await self._read(session, (environment, index_id, number))

    async def get(self, environment: VenueEnvironment, index_id: str, version: int) -> IndexVersion | None:
        """One version."""
        async with self._database.transaction() as session:
            return await self._read(session, (environment, index_id, version))

    async def heads(self, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        async with self._database.transaction() as session:
            return await list_heads(session, public, environment, index_id)

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
        try:
            async with self._database.transaction() as session:
                await insert_version(session, public, made)
                await self._outbox.add(
                    session,
                    self._announce(made),
                    user_id=None,
                    entity_id=made.index_id,
                    aggregate_id=f"{environment}:{made.index_id}",
                    aggregate_version=made.version,
                )
        except IntegrityError as error:
            raise Conflict("Another replica has published this version.", code="version_taken") from error
        return made

    async def _read(self, session: AsyncSession, key: Key) -> IndexVersion | None:
        if key not in self._known:
            found = await load_version(session, public, key)
            if found is None:
                return None
            self._known[key] = found
        return self._known[key]
