"""Users' own indices in PostgreSQL: every transaction speaks for one user, and row-level security holds it to that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from market_data.domain.index_version import Composition, IndexVersion, VersionHead
from market_data.domain.reconstitution import Reason
from market_data.outbound.postgres.own_tables import agenda, own, own_index
from market_data.outbound.postgres.version_rows import Key, insert_version, list_heads, load_version
from shared.contracts.fields import EventData
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment

MOST_KNOWN = 4096
"""Versions kept in memory; then the memory starts afresh."""


class PostgresOwnIndices:
    """The port `OwnIndices`.

    Args:
        database: Of users' data.
        outbox: In the same database.
        announce: Makes the event that tells of a new version.
    """

    def __init__(self, database: Database, outbox: Outbox, announce: Callable[[IndexVersion], EventData]) -> None:
        self._database = database
        self._outbox = outbox
        self._announce = announce
        self._known: dict[tuple[UUID, Key], IndexVersion] = {}

    async def of_user(self, user_id: UUID, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of each, oldest index first."""
        query = (
            sa.select(own_index.c.index_id, own_index.c.version)
            .where(*_standing(user_id, environment))
            .order_by(own_index.c.created_at, own_index.c.index_id)
        )
        async with self._database.transaction(user_id) as session:
            rows = (await session.execute(query)).all()
            found = [await self._read(session, user_id, (environment, name, number)) for name, number in rows]
        return [one for one in found if one is not None]

    async def newest(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force; None when the user has no such index, or deleted it."""
        query = sa.select(own_index.c.version).where(*_standing(user_id, environment), own_index.c.index_id == index_id)
        async with self._database.transaction(user_id) as session:
            number = (await session.execute(query)).scalar_one_or_none()
            return None if number is None else await self._read(session, user_id, (environment, index_id, number))

    async def get(
        self, user_id: UUID, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        """One version, of a deleted index too."""
        async with self._database.transaction(user_id) as session:
            return await self._read(session, user_id, (environment, index_id, version))

    async def heads(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        async with self._database.transaction(user_id) as session:
            return await list_heads(session, own, environment, index_id)

    async def everybodys(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of every user's indices; each is read in its owner's name."""
        query = sa.select(agenda).where(agenda.c.environment == environment.value).order_by(agenda.c.index_id)
        async with self._database.transaction() as session:
            rows = (await session.execute(query)).all()
        found = [
            self._known.get((row.user_id, (environment, row.index_id, row.version)))
            or await self.get(row.user_id, environment, row.index_id, row.version)
            for row in rows
        ]
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
        try:
            async with self._database.transaction(user_id) as session:
                await self._head(session, made, user_id)
                await insert_version(session, own, made)
                await self._outbox.add(
                    session,
                    self._announce(made),
                    user_id=user_id,
                    entity_id=made.index_id,
                    aggregate_id=f"{environment}:{made.index_id}",
                    aggregate_version=made.version,
                )
        except IntegrityError as error:
            raise _taken() from error
        return made

    async def _head(self, session: AsyncSession, made: IndexVersion, user_id: UUID) -> None:
        facts: dict[str, Any] = {
            "index_id": made.index_id,
            "user_id": user_id,
            "environment": made.environment.value,
            "version": made.version,
        }
        if made.version == 1:
            await session.execute(sa.insert(own_index).values(facts))
        else:
            mine = (own_index.c.index_id == made.index_id, own_index.c.version == made.version - 1)
            moved = sa.update(own_index).where(*mine, own_index.c.deleted_at.is_(None)).values(version=made.version)
            if (await session.execute(moved.returning(own_index.c.index_id))).scalar_one_or_none() is None:
                raise _taken()
        planned = insert(agenda).values(facts)
        await session.execute(
            planned.on_conflict_do_update(index_elements=["index_id"], set_={"version": made.version})
        )

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> bool:
        """Take an index away; its versions stay."""
        mine = (*_standing(user_id, environment), own_index.c.index_id == index_id)
        gone = sa.update(own_index).where(*mine).values(deleted_at=sa.func.now()).returning(own_index.c.index_id)
        async with self._database.transaction(user_id) as session:
            if (await session.execute(gone)).scalar_one_or_none() is None:
                return False
            await session.execute(sa.delete(agenda).where(agenda.c.index_id == index_id, agenda.c.user_id == user_id))
        return True

    async def _read(self, session: AsyncSession, user_id: UUID, key: Key) -> IndexVersion | None:
        known = self._known.get((user_id, key))
        if known is not None:
            return known
        found = await load_version(session, own, key)
        if found is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[user_id, key] = found
        return found


def _standing(user_id: UUID, environment: VenueEnvironment) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        own_index.c.user_id == user_id,
        own_index.c.environment == environment.value,
        own_index.c.deleted_at.is_(None),
    )


def _taken() -> Conflict:
    return Conflict("The index has moved on meanwhile; read it again.", code="version_taken")
