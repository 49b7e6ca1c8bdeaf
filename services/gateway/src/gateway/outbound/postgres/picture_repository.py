"""The picture that events paint: the newest version of each noun wins, whatever the order of arrival."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
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


def _newer(table: sa.Table, noun: type, *, fixed: frozenset[str]) -> Insert:
    """Insert a noun, or take its newer version; columns of `fixed` stay as they are."""
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={field.name: statement.excluded[field.name] for field in fields(noun) if field.name not in fixed},
        where=table.c.version < statement.excluded.version,
    )


# Built once: twenty legs are one statement, sent with twenty rows in one round trip.
_POSITION = _newer(
    synthetic_positions,
    Position,
    # Said at acceptance; events do not change them.
    fixed=frozenset({"position_id", "user_id", "plan_id", "created_at"}),
)
_LEGS = _newer(position_legs, Leg, fixed=frozenset({"leg_id", "user_id"}))
_FILLS = insert(position_fills).on_conflict_do_nothing()
_VALUE = _newer(position_values, Valuation, fixed=frozenset({"position_id", "user_id"}))
_DEVIATION = _newer(position_deviations, Deviation, fixed=frozenset({"position_id", "user_id"}))
_ACTIVITY = insert(activity).on_conflict_do_nothing()


class PostgresPicture:
    """One transaction of one user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def position(self, position: Position) -> None:
        """Keep a position's newer state; one that is not known yet is added."""
        await self._write(_POSITION, [rows.columns(position)])

    async def legs(self, user_id: UUID, legs: Sequence[Leg]) -> None:
        """Keep legs' newer states, always in the same order: two replicas never wait for each other in a circle."""
        ordered = sorted(legs, key=lambda leg: leg.leg_id)
        await self._write(_LEGS, [{"user_id": user_id, **rows.columns(leg)} for leg in ordered])

    async def fills(self, user_id: UUID, fills: Sequence[Fill]) -> None:
        """Keep matches, always in the same order."""
        ordered = sorted(fills, key=lambda fill: fill.exec_id)
        await self._write(_FILLS, [{"user_id": user_id, **rows.columns(fill)} for fill in ordered])

    async def valuation(self, valuation: Valuation) -> None:
        """Keep a newer value."""
        await self._write(_VALUE, [rows.columns(valuation)])

    async def deviation(self, deviation: Deviation) -> None:
        """Keep a newer drift state."""
        await self._write(_DEVIATION, [rows.columns(deviation)])

    async def activity(self, entry: ActivityEntry) -> None:
        """Add a line to the feed."""
        await self._write(_ACTIVITY, [asdict(entry)])

    async def _write(self, statement: Insert, values: list[dict[str, Any]]) -> None:
        if values:
            # On the connection: a session would ask for keys back, row by row.
            await (await self._session.connection()).execute(statement, values)


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
