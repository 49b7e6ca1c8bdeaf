"""Reads what was kept of positions, and thins their points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from reconciler.domain.ages import Ages
from reconciler.domain.announcements import PnlPoint
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.performance import Kept
from reconciler.domain.slippage import LegResult
from reconciler.outbound.postgres.position_rows import read_tracked
from reconciler.outbound.postgres.tables import (
    ID,
    MOMENT,
    flow,
    held_still,
    leg_result,
    moved,
    pnl_point,
    position,
    thinning,
)
from shared.runtime.database import Database
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit
from shared.trading.status import PositionStatus, Side

Noun = TypeVar("Noun")
POSITIONS_MOST = 2_000
"""In a picture of many: what is held first, then what was over last."""
LINE_POINTS = 400
"""Points of one position in a picture of many."""
_IDS = sa.bindparam("ids", type_=sa.ARRAY(ID))
_OVER_LAST = (position.c.status == PositionStatus.CLOSED, position.c.traded_at.desc(), position.c.position_id)
_OWN = Statement(sa.select(position.c.position_id).order_by(*_OVER_LAST).limit(POSITIONS_MOST))


def _all_of(table: sa.Table, *order: sa.ColumnElement[Any]) -> Statement:
    return Statement(sa.select(table).where(table.c.position_id == sa.any_(_IDS)).order_by(*order))


def _evenly() -> Statement:
    """The last point of each stretch of time."""
    age = sa.extract("epoch", pnl_point.c.slot) / sa.bindparam("stretch_s", type_=sa.BigInteger)
    stretch = sa.func.floor(age)
    place = sa.func.row_number().over(partition_by=(pnl_point.c.position_id, stretch), order_by=pnl_point.c.slot.desc())
    ranked = (
        sa.select(pnl_point, place.label("place"))
        .where(pnl_point.c.position_id == sa.any_(_IDS), pnl_point.c.slot >= sa.bindparam("begin", type_=MOMENT))
        .subquery()
    )
    return Statement(sa.select(ranked).where(ranked.c.place == 1).order_by(ranked.c.position_id, ranked.c.slot))


def _thin() -> Statement:
    """In each complete bucket only the last, the lowest and the highest point stay; a second pass changes nothing."""
    point, old = pnl_point.c, pnl_point.c.slot < sa.bindparam("hours_since", type_=MOMENT)
    width = sa.case((old, "day"), else_="hour")
    bucket = (old, sa.func.date_trunc(width, point.slot, "UTC"))

    def place(*order: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        return sa.func.row_number().over(partition_by=bucket, order_by=order)

    ranked = (
        sa.select(
            point.slot,
            place(point.slot.desc()).label("last"),
            place(point.value.asc(), point.slot.desc()).label("lowest"),
            place(point.value.desc(), point.slot.desc()).label("highest"),
        )
        .where(point.position_id == sa.bindparam("position_id", type_=ID))
        .where(point.slot < sa.bindparam("all_since", type_=MOMENT))
        .subquery()
    )
    gone = sa.select(ranked.c.slot).where(ranked.c.last > 1, ranked.c.lowest > 1, ranked.c.highest > 1)
    return Statement(
        sa.delete(pnl_point)
        .where(point.position_id == sa.bindparam("position_id", type_=ID), point.slot.in_(gone))
        .returning(point.slot)
    )


def _due() -> Statement:
    chosen = (
        sa.select(thinning.c.position_id)
        .where(thinning.c.due <= sa.bindparam("now", type_=MOMENT))
        .order_by(thinning.c.due)
        .limit(sa.bindparam("most", type_=sa.BigInteger))
        .with_for_update(skip_locked=True)
    )
    later = (
        sa.update(thinning).where(thinning.c.position_id.in_(chosen)).values(due=sa.bindparam("again", type_=MOMENT))
    )
    return Statement(later.returning(thinning.c.user_id, thinning.c.position_id))


_POINTS = _all_of(pnl_point, pnl_point.c.slot)
_EVENLY = _evenly()
_FLOWS = _all_of(flow, flow.c.number)
_MOVED = _all_of(moved, moved.c.number, moved.c.asset)
_LEGS = _all_of(leg_result, leg_result.c.leg_id)
_HELD = _all_of(held_still, held_still.c.asset)
_THIN = _thin()
_DUE = _due()
_YOUNGEST = Statement(
    sa.select(sa.func.max(pnl_point.c.slot)).where(pnl_point.c.position_id == sa.bindparam("position_id", type_=ID))
)
_DONE = Statement(sa.delete(thinning).where(thinning.c.position_id == sa.bindparam("position_id", type_=ID)))


class PostgresResults:
    """What was kept, and the list of positions to thin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self, user_id: UUID, position_id: UUID) -> Kept | None:
        """One position with all its points; None for one that is not this user's."""
        async with self._database.unit(user_id) as unit:
            found = await _kept(unit, [position_id], await _POINTS.rows(unit, ids=[position_id]))
        return found[0] if found else None

    async def positions(self, user_id: UUID, *, since: datetime | None, now: datetime) -> Sequence[Kept]:
        """All of a user's positions, each with an even choice of its points."""
        async with self._database.unit(user_id) as unit:
            ids = await _OWN.column(unit)
            begin = since or await unit.connection.fetchval("select min(slot) from reconciler.pnl_point") or now
            stretch_s = max(300, int((now - begin).total_seconds()) // LINE_POINTS)
            points = await _EVENLY.rows(unit, ids=ids, stretch_s=stretch_s, begin=begin - timedelta(days=1))
            return await _kept(unit, ids, points)

    async def due(self, now: datetime, *, limit: int, again: datetime) -> list[tuple[UUID, UUID]]:
        """User and position of those that are due."""
        async with self._database.unit() as unit:
            return [
                (row["user_id"], row["position_id"]) for row in await _DUE.rows(unit, now=now, most=limit, again=again)
            ]

    async def thin(self, user_id: UUID, position_id: UUID, ages: Ages) -> int:
        """Take what its age no longer needs."""
        async with self._database.unit(user_id) as unit:
            gone = await _THIN.column(
                unit, position_id=position_id, all_since=ages.all_since, hours_since=ages.hours_since
            )
        return len(gone)

    async def done(self, user_id: UUID, position_id: UUID, *, before: datetime) -> bool:
        """Forget a position that will not thin any more."""
        async with self._database.unit(user_id) as unit:
            youngest = await _YOUNGEST.value(unit, position_id=position_id)
            if youngest is not None and youngest >= before:
                return False
            await _DONE.run(unit, position_id=position_id)
            return True


async def _kept(unit: Unit, ids: Sequence[UUID], points: Sequence[Mapping[str, Any]]) -> list[Kept]:
    tracked = await read_tracked(unit, ids)
    lines = _grouped(points, PnlPoint)
    flows = _grouped(await _FLOWS.rows(unit, ids=ids), Flow)
    left = await _MOVED.rows(unit, ids=ids)
    gone = _grouped(left, Moved)
    in_kind: dict[UUID, set[int]] = {}
    for row in left:
        in_kind.setdefault(row["position_id"], set()).add(row["number"])
    held = _grouped(await _HELD.rows(unit, ids=ids), HeldStill)
    legs = _grouped(await _LEGS.rows(unit, ids=ids), LegResult, side=Side)
    return [
        Kept(
            tracked=one,
            points=lines.get(one.book.position_id, []),
            # A flow that came while we read is not in what was told: its money would be counted without its coins.
            flows=[found for found in flows.get(one.book.position_id, []) if found.number <= one.border.flows],
            moved=gone.get(one.book.position_id, []),
            legs=legs.get(one.book.position_id, []),
            in_kind=frozenset(in_kind.get(one.book.position_id, ())),
            held=held.get(one.book.position_id, []),
        )
        for one in tracked
    ]


def _grouped(rows: Iterable[Mapping[str, Any]], kind: type[Noun], **typed: Any) -> dict[UUID, list[Noun]]:
    names = kind.__dataclass_fields__.keys()  # type: ignore[attr-defined]
    found: dict[UUID, list[Noun]] = {}
    for row in rows:
        facts = {name: typed[name](row[name]) if name in typed else row[name] for name in names}
        found.setdefault(row["position_id"], []).append(kind(**facts))
    return found
