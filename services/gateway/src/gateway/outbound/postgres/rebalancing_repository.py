"""Settings and states of rebalancing: found for all users by the relay's role, read and changed as their owner's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.application.rebalance_ports import DueLook, Taken
from gateway.domain.account_break import STOPPING
from gateway.domain.errors import PositionNotFound, PositionOver
from gateway.domain.position import Position, Valuation
from gateway.domain.rebalance_state import RebalanceState, Rebalancing
from gateway.domain.rebalancing import Calendar, RebalanceMode, RebalanceSettings, Trigger
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.tables import (
    MOMENT,
    account_breaks,
    close_requests,
    plans,
    position_values,
    rebalancings,
    synthetic_positions,
)
from shared.contracts import rebalancing as news
from shared.runtime.database import Database
from shared.runtime.outbox import Announcement, Outbox
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit
from shared.trading.bands import WeightBand
from shared.trading.status import OVER_POSITIONS

_EVENTS: dict[RebalanceState, type[news.RebalanceNews]] = {
    RebalanceState.SUGGESTED: news.RebalanceSuggested,
    RebalanceState.STARTED: news.RebalanceStarted,
    RebalanceState.BLOCKED: news.RebalanceBlocked,
    RebalanceState.IDLE: news.RebalanceWithdrawn,
}


class PostgresRebalancings:
    """The table `rebalancings`, from two sides.

    Args:
        everybody: Of the relay's role, which sees ids of what is due.
        database: Of the service; each transaction is one user's.
    """

    def __init__(self, *, everybody: Database, database: Database, outbox: Outbox) -> None:
        self._everybody = everybody
        self._database = database
        self._outbox = outbox

    async def due(self, now: datetime, *, limit: int) -> list[DueLook]:
        """Positions of all users that are to be looked at, the longest due first."""
        async with self._everybody.transaction() as session:
            found = await session.execute(_DUE, {"now": now, "most": limit})
            return [DueLook(position_id=row.position_id, user_id=row.user_id) for row in found]

    async def take(self, look: DueLook, now: datetime, *, until: datetime) -> Taken | None:
        """Take a position for this replica; the fence counts up, so that whoever had it before writes nothing."""
        async with self._database.unit(look.user_id) as unit:
            row = await _TAKE.row(unit, position=look.position_id, now=now, until=until)
            if row is None:
                return None
            position = await _POSITION.row(unit, position=look.position_id)
            if position is None:
                return None
            value = await _VALUE.row(unit, position=look.position_id)
            return Taken(
                rebalancing=_rebalancing(row),
                position=rows.noun(Position, position),
                valuation=rows.noun(Valuation, value) if value else None,
                ordered_at=await _ORDERED.value(unit, position=look.position_id),
                breaks=await _BREAKS.column(unit, account=position["account_id"], stopping=list(STOPPING)),
            )

    async def settle(self, taken: Taken, found: Rebalancing) -> None:
        """Keep what was found and tell its owner; nothing when another has taken it since."""
        told = found.told_otherwise(taken.rebalancing)
        version = found.version + 1 if told else found.version
        async with self._database.unit(found.user_id) as unit:
            kept = await _SETTLE.value(
                unit, **_state(found), version=version, position=found.position_id, held=taken.rebalancing.fence
            )
            if kept is not None and told:
                await self._outbox.record(unit, [_announcement(taken.position, found, version)])

    async def choose(self, user_id: UUID, position_id: UUID, settings: RebalanceSettings, now: datetime) -> Rebalancing:
        """Keep what the owner chose; a look that is under way writes nothing any more."""
        async with self._database.unit(user_id) as unit:
            row = await _POSITION_HELD.row(unit, position=position_id)
            if row is None:
                raise PositionNotFound("You have no such position.")
            position = rows.noun(Position, row)
            if position.status in OVER_POSITIONS:
                raise PositionOver(f"The position is {position.status}; there is nothing to bring back to its targets.")
            before = await _one(unit, position_id)
            known = before or _first(position, settings, now)
            chosen = known.chosen(settings, now)
            told = before is not None and chosen.told_otherwise(before)
            version = known.version + 1 if told else known.version
            await _CHOOSE.run(unit, **_chosen(settings), **_state(chosen), version=version)
            if told:
                await self._outbox.record(unit, [_announcement(position, chosen, version)])
            return chosen

    async def of(self, user_id: UUID, position_id: UUID) -> Rebalancing | None:
        """How a position's rebalancing stands."""
        async with self._database.unit(user_id) as unit:
            return await _one(unit, position_id)


async def _one(unit: Unit, position_id: UUID) -> Rebalancing | None:
    row = await _FIND.row(unit, position=position_id)
    return _rebalancing(row) if row else None


def _first(position: Position, settings: RebalanceSettings, now: datetime) -> Rebalancing:
    """Periods of the calendar that began before it was chosen are not missed ones."""
    return Rebalancing(
        position_id=position.position_id,
        user_id=position.user_id,
        settings=settings,
        dated_from=now,
        check_at=now,
    )


def _rebalancing(row: Mapping[str, Any]) -> Rebalancing:
    settings = RebalanceSettings(
        mode=RebalanceMode(row["mode"]),
        band=WeightBand(absolute=row["absolute_band"], relative=row["relative_band"]),
        calendar=Calendar(row["calendar"]),
        cooldown=timedelta(seconds=row["cooldown_s"]),
        buy_only=row["buy_only"],
    )
    same = {name: row[name] for name in (*_PLAIN, "version", "fence")}
    trigger = row["trigger"]
    return Rebalancing(
        settings=settings,
        state=RebalanceState(row["state"]),
        trigger=None if trigger is None else Trigger(trigger),
        **same,
    )


def _state(found: Rebalancing) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in _PLAIN},
        "state": found.state.value,
        "trigger": found.trigger.value if found.trigger else None,
    }


def _chosen(settings: RebalanceSettings) -> dict[str, Any]:
    return {
        "mode": settings.mode.value,
        "absolute_band": settings.band.absolute,
        "relative_band": settings.band.relative,
        "calendar": settings.calendar.value,
        "cooldown_s": int(settings.cooldown.total_seconds()),
        "buy_only": settings.buy_only,
    }


def _announcement(position: Position, found: Rebalancing, version: int) -> Announcement:
    data = _EVENTS[found.state](
        position_id=position.position_id,
        user_id=position.user_id,
        account_id=position.account_id,
        environment=position.environment,
        mode=found.settings.mode.value,
        trigger=found.trigger.value if found.trigger else None,
        reason=found.reason,
        plan_id=found.plan_id,
        at=found.noted_at or found.check_at,
    )
    return Announcement(
        data=data,
        user_id=position.user_id,
        entity_id=position.position_id,
        # Commands about the position count on their own; so do these.
        aggregate_id=f"rebalancing.{position.position_id}",
        aggregate_version=version,
    )


_PLAIN = (
    "position_id",
    "user_id",
    "reason",
    "plan_id",
    "position_version",
    "noted_at",
    "last_at",
    "dated_from",
    "seen_version",
    "left_out_at",
    "check_at",
)
_SETTINGS = ("mode", "absolute_band", "relative_band", "calendar", "cooldown_s", "buy_only")
_STATE = (*_PLAIN, "state", "trigger", "version")
_HERE = rebalancings.c.position_id == sa.bindparam("position", type_=sa.Uuid())
_NOW = sa.bindparam("now", type_=MOMENT)
_DUE = (
    sa.select(rebalancings.c.position_id, rebalancings.c.user_id)
    .where(rebalancings.c.mode != RebalanceMode.MANUAL.value, rebalancings.c.check_at <= _NOW)
    .order_by(rebalancings.c.check_at)
    .limit(sa.bindparam("most"))
)
_TAKE = Statement(
    sa.update(rebalancings)
    .where(
        _HERE,
        rebalancings.c.mode != RebalanceMode.MANUAL.value,
        rebalancings.c.check_at <= _NOW,
        sa.or_(rebalancings.c.leased_until.is_(None), rebalancings.c.leased_until <= _NOW),
    )
    .values(leased_until=sa.bindparam("until", type_=MOMENT), fence=rebalancings.c.fence + 1)
    .returning(*rebalancings.c)
)


def _given(*names: str) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(name, type_=rebalancings.c[name].type) for name in names}


_SETTLED = [name for name in _STATE if name not in {"position_id", "user_id"}]
_SETTLE = Statement(
    sa.update(rebalancings)
    .where(_HERE, rebalancings.c.fence == sa.bindparam("held", type_=sa.Integer()))
    .values(**_given(*_SETTLED), leased_until=None)
    .returning(rebalancings.c.position_id)
)
_CHOOSE_ROW = insert(rebalancings).values(_given(*_STATE, *_SETTINGS))
_CHOOSE = Statement(
    _CHOOSE_ROW.on_conflict_do_update(
        index_elements=["position_id"],
        set_={name: _CHOOSE_ROW.excluded[name] for name in (*_SETTLED, *_SETTINGS)}
        | {"fence": rebalancings.c.fence + 1, "leased_until": None},
    )
)
_FIND = Statement(sa.select(rebalancings).where(_HERE))
_ITS_POSITION = sa.select(synthetic_positions).where(
    synthetic_positions.c.position_id == sa.bindparam("position", type_=sa.Uuid())
)
_POSITION = Statement(_ITS_POSITION)
_POSITION_HELD = Statement(_ITS_POSITION.with_for_update())
_VALUE = Statement(
    sa.select(position_values).where(position_values.c.position_id == sa.bindparam("position", type_=sa.Uuid()))
)
_ORDERED = Statement(
    sa.select(sa.func.max(close_requests.c.accepted_at))
    .join_from(close_requests, plans, close_requests.c.plan_id == plans.c.plan_id)
    .where(close_requests.c.position_id == sa.bindparam("position", type_=sa.Uuid()), plans.c.kind == "rebalance")
)
_BREAKS = Statement(
    sa.select(account_breaks.c.break_class)
    .where(
        account_breaks.c.account_id == sa.bindparam("account", type_=sa.Uuid()),
        account_breaks.c.status == "open",
        account_breaks.c.break_class == sa.func.any(sa.bindparam("stopping", type_=sa.ARRAY(sa.Text()))),
    )
    .distinct()
)
