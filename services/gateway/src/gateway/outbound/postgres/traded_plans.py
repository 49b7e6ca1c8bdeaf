"""What became of the one order that a plan was good for."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from gateway.domain.traded_plan import TradedPlan
from gateway.outbound.postgres.tables import close_requests, position_legs, synthetic_positions
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit
from shared.trading.status import LegStatus, PositionStatus

_ASKED = sa.bindparam("plan", type_=sa.Uuid())
_POSITION = synthetic_positions.c


async def traded_plan(unit: Unit, plan_id: UUID) -> TradedPlan | None:
    """The order that a plan was used for; None when there was none. The unit binds it to its user."""
    row = await _RUN.row(unit, plan=plan_id) or await _OPENED.row(unit, plan=plan_id)
    if row is None:
        return None
    return TradedPlan(
        plan_id=plan_id,
        position_id=row["position_id"],
        ordered_at=row["ordered_at"],
        status=PositionStatus(row["status"]),
        newest_run=row["run_id"],
        heard=row["heard"],
        legs=row["legs"],
        filled=row["filled"],
        opened=row["opened"],
    )


def _legs(*which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    counted = sa.select(sa.func.count()).select_from(position_legs)
    return counted.where(position_legs.c.run_id == _ASKED, *which).scalar_subquery()


_KNOWN = (
    _POSITION.position_id,
    _POSITION.status,
    _POSITION.run_id,
    _legs(position_legs.c.position_id == _POSITION.position_id).label("legs"),
    _legs(position_legs.c.position_id == _POSITION.position_id, position_legs.c.status == LegStatus.FILLED.value).label(
        "filled"
    ),
)
_RUN = Statement(
    sa.select(
        *_KNOWN,
        close_requests.c.accepted_at.label("ordered_at"),
        (_POSITION.version > close_requests.c.position_version).label("heard"),
        sa.false().label("opened"),
    )
    .join(close_requests, close_requests.c.position_id == _POSITION.position_id)
    .where(close_requests.c.plan_id == _ASKED)
)
_OPENED = Statement(
    sa.select(
        *_KNOWN,
        _POSITION.created_at.label("ordered_at"),
        (_POSITION.version > 0).label("heard"),
        sa.true().label("opened"),
    ).where(_POSITION.plan_id == _ASKED)
)
