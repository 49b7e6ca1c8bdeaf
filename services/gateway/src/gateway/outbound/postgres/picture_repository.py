"""The picture that events paint: the newest version of each noun wins, whatever the order of arrival."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.domain.activity import ActivityEntry
from gateway.domain.position import Deviation, Fill, Leg, Position, Valuation
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.tables import (
    activity,
    inbox,
    position_deviations,
    position_fills,
    position_legs,
    position_values,
    synthetic_positions,
)
from shared.runtime.database import Database
from shared.runtime.inbox import first_delivery

_OURS = {"plan_id", "created_at"}
"""Said at acceptance; events do not change them."""


class PostgresPicture:
    """One transaction of one user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def position(self, position: Position) -> bool:
        """Keep a position's newer state; one that is not known yet is added."""
        values = rows.columns(position)
        return await self._keep(synthetic_positions, "position_id", values, unchanged=_OURS)

    async def leg(self, user_id: UUID, leg: Leg) -> bool:
        """Keep a leg's newer state."""
        return await self._keep(position_legs, "leg_id", {"user_id": user_id, **rows.columns(leg)})

    async def fill(self, user_id: UUID, fill: Fill) -> None:
        """Keep a match."""
        values = {"user_id": user_id, **rows.columns(fill)}
        await self._session.execute(insert(position_fills).values(values).on_conflict_do_nothing())

    async def valuation(self, valuation: Valuation) -> bool:
        """Keep a newer value."""
        return await self._keep(position_values, "position_id", rows.columns(valuation))

    async def deviation(self, deviation: Deviation) -> bool:
        """Keep a newer drift state."""
        return await self._keep(position_deviations, "position_id", rows.columns(deviation))

    async def activity(self, entry: ActivityEntry) -> None:
        """Add a line to the feed."""
        await self._session.execute(insert(activity).values(asdict(entry)).on_conflict_do_nothing())

    async def _keep(
        self, table: sa.Table, key: str, values: dict[str, Any], *, unchanged: set[str] | None = None
    ) -> bool:
        fixed = {key, "user_id", *(unchanged or ())}
        statement = insert(table).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[key],
            set_={name: statement.excluded[name] for name in values if name not in fixed},
            where=table.c.version < statement.excluded.version,
        )
        kept = await self._session.execute(statement.returning(table.c[key]))
        return kept.first() is not None


class PostgresPictures:
    """Opens such transactions with the inbox row that makes a second delivery harmless."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def first(self, consumer: str, message_id: UUID, user_id: UUID) -> AsyncIterator[PostgresPicture | None]:
        """None inside the block when this consumer has handled the message before."""
        async with self._database.transaction(user_id) as session:
            fresh = await first_delivery(session, inbox, consumer, message_id)
            yield PostgresPicture(session) if fresh else None
