"""Positions that wait for execution's first word: found for all users by the relay's role, changed as their owner's."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.application.ports import Strokes, WaitingPosition
from gateway.domain.activity import ActivityEntry, position_sentence
from gateway.domain.position import Position, PositionDetail
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.picture_repository import paint
from gateway.outbound.postgres.tables import activity, synthetic_positions
from shared.runtime.database import Database
from shared.trading.status import PositionStatus

NOT_TAKEN = "gateway.order_not_taken"


class PostgresWaitingPositions:
    """The table of positions, from two sides.

    Args:
        everybody: Of the relay's role, which sees ids of PENDING positions.
        database: Of the service; each transaction is one user's.
    """

    def __init__(self, *, everybody: Database, database: Database) -> None:
        self._everybody = everybody
        self._database = database

    async def older_than(self, moment: datetime, *, limit: int) -> list[WaitingPosition]:
        """Those taken before a moment, oldest first."""
        async with self._everybody.transaction() as session:
            found = await session.execute(_OLDER, {"moment": moment, "most": limit})
            return [WaitingPosition(position_id=row.position_id, user_id=row.user_id) for row in found]

    async def fail(self, waiting: WaitingPosition, *, reason: str, at: datetime, line: UUID) -> bool:
        """FAILED and its line in one transaction; the version stays 0, so that any word of execution is newer."""
        async with self._database.transaction(waiting.user_id) as session:
            done = await session.execute(
                _FAIL, {"position": waiting.position_id, "why": [reason], "moment": at, "failed": PositionStatus.FAILED}
            )
            row = done.mappings().first()
            if row is None:
                return False
            position = rows.noun(Position, dict(row))
            entry = ActivityEntry(
                event_id=line,
                user_id=waiting.user_id,
                at=at,
                type=NOT_TAKEN,
                sentence=position_sentence(position),
                position_id=position.position_id,
                account_id=position.account_id,
            )
            await session.execute(insert(activity).values(asdict(entry)).on_conflict_do_nothing())
            return True

    async def paint(self, found: PositionDetail) -> None:
        """Keep what execution answered; the newest version of each noun wins, as for events."""
        position = found.summary.position
        strokes = Strokes(positions=[position], legs=found.legs, fills=found.fills)
        async with self._database.unit(position.user_id) as unit:
            await paint(unit, position.user_id, [strokes])


_PENDING = synthetic_positions.c.status == PositionStatus.PENDING.value
_OLDER = (
    sa.select(synthetic_positions.c.position_id, synthetic_positions.c.user_id)
    .where(_PENDING, synthetic_positions.c.created_at < sa.bindparam("moment"))
    .order_by(synthetic_positions.c.created_at)
    .limit(sa.bindparam("most"))
)
_FAIL = (
    sa.update(synthetic_positions)
    .where(synthetic_positions.c.position_id == sa.bindparam("position"), _PENDING, synthetic_positions.c.version == 0)
    .values(
        status=sa.bindparam("failed"),
        reasons=sa.bindparam("why", type_=synthetic_positions.c.reasons.type),
        updated_at=sa.bindparam("moment"),
    )
    .returning(*synthetic_positions.c)
)
