"""Flows as rows, the basket that is held still, and what legs came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.outbound.postgres.tables import ID, flow, held_still, leg_result, moved, position
from shared.runtime.statement import Finder, Statement
from shared.runtime.unit import Unit


def _insert(table: sa.Table) -> Statement:
    written = [column for column in table.columns if column.server_default is None]
    values = {column.name: sa.bindparam(column.name, type_=column.type) for column in written}
    return Statement(sa.insert(table).values(values))


def _save_leg() -> Statement:
    figures = ("arrival_price", "quantity", "notional", "version")
    names = [column.name for column in leg_result.columns]
    row = insert(leg_result).values({name: sa.bindparam(name, type_=leg_result.c[name].type) for name in names})
    return Statement(
        row.on_conflict_do_update(
            index_elements=[leg_result.c.leg_id],
            set_={name: row.excluded[name] for name in figures},
            where=leg_result.c.version < row.excluded.version,
        )
    )


_POSITION_ID = sa.bindparam("position_id", type_=ID)
_RUN = Statement(
    sa.update(position)
    .where(position.c.position_id == sa.bindparam("found_by", type_=ID))
    .values(run_kind=sa.bindparam("run_kind", type_=sa.Text))
    .returning(position.c.position_id)
)
_SAVE_LEG = _save_leg()
_ADD_FLOW = _insert(flow)
_ADD_MOVED = _insert(moved)
_HELD = Finder(HeldStill, held_still, held_still.c.position_id == _POSITION_ID, order=[held_still.c.asset])
_FORGET_HELD = Statement(sa.delete(held_still).where(held_still.c.position_id == _POSITION_ID))
_ADD_HELD = _insert(held_still)


async def note_run(unit: Unit, user_id: UUID, position_id: UUID, kind: str, legs: Sequence[LegResult]) -> None:
    """Keep a run's kind and its legs' newest figures; a position that is not known yet is left alone."""
    if await _RUN.value(unit, found_by=position_id, run_kind=kind) is None:
        return
    about = {"user_id": user_id, "position_id": position_id}
    await _SAVE_LEG.run_many(unit, [{**_row(leg), **about} for leg in sorted(legs, key=lambda leg: leg.leg_id)])


async def add_flow(unit: Unit, user_id: UUID, crossed: Flow, left: Sequence[Moved]) -> None:
    """Keep a flow; its number is the position's own, so that none is kept twice."""
    await _ADD_FLOW.run(unit, **asdict(crossed), user_id=user_id)
    about = {"user_id": user_id, "position_id": crossed.position_id, "number": crossed.number}
    await _ADD_MOVED.run_many(unit, [{**_row(one), **about} for one in left])


async def held_still_of(unit: Unit, position_id: UUID) -> Sequence[HeldStill]:
    """The basket that is never rebalanced."""
    return await _HELD.all(unit, position_id=position_id)


async def save_held_still(unit: Unit, user_id: UUID, position_id: UUID, held: Sequence[HeldStill]) -> None:
    """Keep that basket."""
    await _FORGET_HELD.run(unit, position_id=position_id)
    about = {"user_id": user_id, "position_id": position_id}
    await _ADD_HELD.run_many(unit, [{**_row(coin), **about} for coin in held])


def _row(noun: Any) -> dict[str, Any]:
    return asdict(noun)
