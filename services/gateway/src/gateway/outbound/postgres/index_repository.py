"""The newest version of every index, as market-data published it: shown while market-data is away."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.outbound.postgres.tables import inbox, index_versions
from shared.contracts.market import IndexVersionView
from shared.runtime.database import Database
from shared.runtime.inbox import first_delivery
from shared.trading.status import VenueEnvironment


class PostgresIndexRepository:
    """Public facts: no user's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, consumer: str, message_id: UUID, index: IndexVersionView) -> None:
        """Keep a newer version."""
        values = {
            "environment": index.environment.value,
            "index_id": index.index_id,
            "version": index.version,
            "view": index.model_dump(mode="json"),
        }
        statement = insert(index_versions).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["environment", "index_id"],
            set_={"version": statement.excluded.version, "view": statement.excluded.view},
            where=index_versions.c.version < statement.excluded.version,
        )
        async with self._database.transaction() as session:
            if await first_delivery(session, inbox, consumer, message_id):
                await session.execute(statement)

    async def newest(self, environment: VenueEnvironment) -> list[IndexVersionView]:
        """Every index of an environment, sorted by id."""
        query = sa.select(index_versions.c.view).where(index_versions.c.environment == environment.value)
        async with self._database.transaction() as session:
            found = await session.execute(query.order_by(index_versions.c.index_id))
            return [IndexVersionView.model_validate(view) for view in found.scalars()]
