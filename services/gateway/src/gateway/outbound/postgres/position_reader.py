"""Reads the picture; a reader sees the rows of its user and no others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.domain.activity import ActivityEntry, named
from gateway.domain.position import Deviation, Fill, Leg, Position, PositionDetail, PositionSummary, Valuation
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
from shared.contracts.topology import GATEWAY_EXECUTION, GATEWAY_PORTFOLIO
from shared.runtime.database import Database

After = tuple[datetime, UUID]
_PAINTERS = (GATEWAY_EXECUTION.name, GATEWAY_PORTFOLIO.name)


class PostgresPainted:
    """Which messages are in the picture: their inbox rows were committed with their effect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def among(self, events: set[UUID]) -> set[UUID]:
        """Those of the given events that were handled."""
        query = sa.select(inbox.c.message_id).where(inbox.c.consumer.in_(_PAINTERS), inbox.c.message_id.in_(events))
        async with self._database.transaction() as session:
            return set((await session.execute(query)).scalars())


class PostgresPositionReader:
    """Positions, legs, fills, values and the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def positions(self, user_id: UUID, *, limit: int, after: After | None = None) -> list[PositionSummary]:
        """Positions of a user, newest first."""
        table = synthetic_positions
        query = sa.select(table).order_by(table.c.created_at.desc(), table.c.position_id.desc()).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(table.c.created_at, table.c.position_id) < sa.tuple_(*after))
        async with self._database.transaction(user_id, one_moment=True) as session:
            found = [rows.noun(Position, dict(row)) for row in (await session.execute(query)).mappings()]
            return await _summaries(session, found)

    async def detail(self, user_id: UUID, position_id: UUID) -> PositionDetail | None:
        """One position with everything known about it."""
        query = sa.select(synthetic_positions).where(synthetic_positions.c.position_id == position_id)
        async with self._database.transaction(user_id, one_moment=True) as session:
            row = (await session.execute(query)).mappings().first()
            if row is None:
                return None
            summaries = await _summaries(session, [rows.noun(Position, dict(row))])
            return PositionDetail(
                summary=summaries[0], legs=await _legs(session, position_id), fills=await _fills(session, position_id)
            )

    async def activity(self, user_id: UUID, *, limit: int, after: After | None = None) -> list[ActivityEntry]:
        """The feed of a user, newest first; each line about a position names it."""
        positions = synthetic_positions
        both = activity.outerjoin(positions, positions.c.position_id == activity.c.position_id)
        query = sa.select(activity, positions.c.index_id).select_from(both)
        query = query.order_by(activity.c.at.desc(), activity.c.event_id.desc()).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(activity.c.at, activity.c.event_id) < sa.tuple_(*after))
        async with self._database.transaction(user_id) as session:
            found = (await session.execute(query)).mappings().all()
        return [named(rows.noun(ActivityEntry, dict(row)), row["index_id"]) for row in found]


async def _summaries(session: AsyncSession, positions: list[Position]) -> list[PositionSummary]:
    names = [position.position_id for position in positions]
    values = {one.position_id: one for one in await _of(session, position_values, names, Valuation)}
    drifts = {one.position_id: one for one in await _of(session, position_deviations, names, Deviation)}
    return [
        PositionSummary(
            position=position, valuation=values.get(position.position_id), deviation=drifts.get(position.position_id)
        )
        for position in positions
    ]


async def _of(session: AsyncSession, table: sa.Table, names: Iterable[UUID], kind: Any) -> list[Any]:
    found = await session.execute(sa.select(table).where(table.c.position_id.in_(list(names))))
    return [rows.noun(kind, dict(row)) for row in found.mappings()]


async def _legs(session: AsyncSession, position_id: UUID) -> list[Leg]:
    table = position_legs
    # A closing run sells after the opening run bought: sides sort in that order by name.
    query = sa.select(table).where(table.c.position_id == position_id)
    found = await session.execute(query.order_by(table.c.side, table.c.run_id, table.c.number))
    return [rows.noun(Leg, dict(row)) for row in found.mappings()]


async def _fills(session: AsyncSession, position_id: UUID) -> list[Fill]:
    table = position_fills
    query = sa.select(table).where(table.c.position_id == position_id).order_by(table.c.at, table.c.exec_id)
    return [rows.noun(Fill, dict(row)) for row in (await session.execute(query)).mappings()]
