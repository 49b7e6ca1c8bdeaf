"""Accepting an order is one transaction: answer, position and command together, or none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from gateway.domain.accepted import Accepted, Opening, RememberedAnswer
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.domain.rebalancing import RebalanceMode
from gateway.domain.traded_plan import TradedPlan
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.tables import (
    MOMENT,
    close_requests,
    idempotency_keys,
    plans,
    rebalancings,
    synthetic_positions,
)
from gateway.outbound.postgres.traded_plans import traded_plan
from shared.contracts import orders
from shared.runtime.database import Database
from shared.runtime.outbox import Announcement, Outbox
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit

KEPT = timedelta(days=30)
"""An Idempotency-Key is free again after that."""


class PostgresAcceptance:
    """One such transaction; row-level security binds it to the user."""

    def __init__(self, unit: Unit, outbox: Outbox, opening: Statement, user_id: UUID) -> None:
        self._unit = unit
        self._outbox = outbox
        self._opening = opening
        self._user_id = user_id

    async def plan(self, plan_id: UUID) -> Plan | None:
        """A plan handed to this user."""
        row = await _PLAN.row(self._unit, plan_id=plan_id)
        return rows.plan(row) if row else None

    async def traded(self, plan_id: UUID) -> TradedPlan | None:
        """What the plan was ordered for before."""
        return await traded_plan(self._unit, plan_id)

    async def answer(self, key: str) -> RememberedAnswer | None:
        """What was answered under a key."""
        row = await _ANSWER.row(self._unit, owner=self._user_id, name=key)
        return rows.remembered(row) if row else None

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        """Keep the answer, or return the one that stands; the insert waits while a twin's transaction is open."""
        kept = await _REMEMBER.value(self._unit, **_remembering(self._user_id, key, fingerprint, accepted))
        return None if kept else await self.answer(key)

    async def open(
        self, key: str, fingerprint: str, plan: Plan, accepted: Accepted, *, signing_ends: datetime
    ) -> Opening:
        """Keep the answer and record the position and its command: all in one statement, this is the busiest path."""
        command = orders.PlaceBasketOrder(
            position_id=accepted.position_id,
            user_id=plan.user_id,
            account_id=plan.account_id,
            environment=plan.environment,
            plan_id=plan.plan_id,
            index_id=plan.index_id,
            approved_amount=plan.amount,
            ceilings=_ceilings(plan),
            expires_at=signing_ends,
            policy=plan.policy,
        )
        row = await self._opening.row(
            self._unit,
            **_remembering(self._user_id, key, fingerprint, accepted),
            **_position(plan, accepted),
            **self._outbox.said(_announcement(command, version=1)),
        )
        if row is None or not row["remembered"]:
            return Opening(earlier=await self.answer(key), opened=False)
        return Opening(earlier=None, opened=row["opened"])

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command."""
        command = orders.ClosePosition(
            position_id=accepted.position_id,
            user_id=plan.user_id,
            account_id=plan.account_id,
            environment=plan.environment,
            plan_id=plan.plan_id,
            ceilings=_ceilings(plan),
            expires_at=signing_ends,
            policy=plan.policy,
        )
        return await self._ordered(plan, accepted, position, command)

    async def run(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command; a closing plan has a command of its own."""
        if plan.kind == "close":
            return await self.close(plan, accepted, position, signing_ends=signing_ends)
        command = orders.ExecutePlan(
            position_id=accepted.position_id,
            user_id=plan.user_id,
            account_id=plan.account_id,
            environment=plan.environment,
            plan_id=plan.plan_id,
            kind=plan.kind,  # type: ignore[arg-type]  # pydantic checks the word
            approved_amount=plan.buys_at_most,
            ceilings=_ceilings(plan),
            expires_at=signing_ends,
            policy=plan.policy,
        )
        return await self._ordered(plan, accepted, position, command)

    async def _ordered(
        self, plan: Plan, accepted: Accepted, position: Position, command: orders.ClosePosition | orders.ExecutePlan
    ) -> bool:
        taken = await _CLOSE.value(
            self._unit,
            plan_id=plan.plan_id,
            user_id=plan.user_id,
            position_id=accepted.position_id,
            accepted_at=accepted.accepted_at,
            position_version=position.version,
        )
        if taken is None:
            return False
        version = await _COUNT_COMMAND.value(self._unit, position=accepted.position_id)
        await self._outbox.record(self._unit, [_announcement(command, version=version)])
        return True

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        """A position of this user."""
        row = await (_POSITION_HELD if lock else _POSITION).row(self._unit, position=position_id)
        return rows.noun(Position, row) if row else None

    async def rebalances_itself(self, position_id: UUID, *, fence: int) -> bool:
        """Whoever chooses holds the position too, and moves the fence."""
        return bool(await _ITSELF.value(self._unit, position=position_id, held=fence))

    async def closing(self, position: Position, *, since: datetime) -> bool:
        """Whether an order taken after `since` still waits for a word of execution."""
        return bool(
            await _CLOSING.value(self._unit, position=position.position_id, version=position.version, since=since)
        )


class PostgresAcceptances:
    """Opens such transactions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._opening = _opening(outbox)

    @asynccontextmanager
    async def begin(self, user_id: UUID) -> AsyncIterator[PostgresAcceptance]:
        """Commits when the block ends, rolls back on any error."""
        async with self._database.unit(user_id) as unit:
            yield PostgresAcceptance(unit, self._outbox, self._opening, user_id)


def _given(table: sa.Table, *names: str) -> dict[str, sa.BindParameter[object]]:
    return {name: sa.bindparam(name, type_=table.c[name].type) for name in names}


_REMEMBERED = ("user_id", "key", "fingerprint", "answer", "created_at")


def _remember() -> ReturningInsert[Any]:
    """Keeps an answer, unless one stands under the key that is not forgotten; waits while a twin is being accepted."""
    table = idempotency_keys
    given = {name: sa.bindparam(f"answer_{name}", type_=table.c[name].type) for name in _REMEMBERED}
    row = insert(table).values(given)
    again = row.on_conflict_do_update(
        index_elements=["user_id", "key"],
        set_={name: row.excluded[name] for name in ("fingerprint", "answer", "created_at")},
        where=table.c.created_at < sa.bindparam("forgotten", type_=MOMENT),
    )
    return again.returning(table.c.key)


def _remembering(user_id: UUID, key: str, fingerprint: str, accepted: Accepted) -> dict[str, object]:
    return {
        "answer_user_id": user_id,
        "answer_key": key,
        "answer_fingerprint": fingerprint,
        "answer_answer": rows.answer(accepted),
        "answer_created_at": accepted.accepted_at,
        "forgotten": accepted.accepted_at - KEPT,
    }


_OPENED = (
    "position_id",
    "user_id",
    "account_id",
    "environment",
    "plan_id",
    "index_id",
    "index_version",
    "status",
    "approved_amount",
    "created_at",
    "updated_at",
)
# Without the view: it is as long as the plan, and acceptance looks at it only to say why nothing can be sold.
_UNSOLD = sa.case(
    (sa.and_(plans.c.kind == "close", sa.not_(plans.c.executable)), plans.c.view["legs"]),
    else_=sa.null(),
).label("unsold")
_PLAN = Statement(
    sa.select(*(column for column in plans.c if column.key != "view"), _UNSOLD).where(
        plans.c.plan_id == sa.bindparam("plan_id", type_=sa.Uuid())
    )
)
_ANSWER = Statement(
    sa.select(idempotency_keys).where(
        idempotency_keys.c.user_id == sa.bindparam("owner", type_=sa.Uuid()),
        idempotency_keys.c.key == sa.bindparam("name", type_=sa.Text()),
    )
)
_REMEMBER = Statement(_remember())
_CLOSE = Statement(
    insert(close_requests)
    .values(_given(close_requests, "plan_id", "user_id", "position_id", "accepted_at", "position_version"))
    .on_conflict_do_nothing()
    .returning(close_requests.c.plan_id)
)
_ITS_POSITION = sa.select(synthetic_positions).where(
    synthetic_positions.c.position_id == sa.bindparam("position", type_=sa.Uuid())
)
_POSITION = Statement(_ITS_POSITION)
_POSITION_HELD = Statement(_ITS_POSITION.with_for_update())
_CLOSING = Statement(
    sa.select(
        sa.exists().where(
            close_requests.c.position_id == sa.bindparam("position", type_=sa.Uuid()),
            close_requests.c.position_version >= sa.bindparam("version", type_=sa.Integer()),
            close_requests.c.accepted_at > sa.bindparam("since", type_=MOMENT),
        )
    )
)
_ITSELF = Statement(
    sa.select(
        sa.exists().where(
            rebalancings.c.position_id == sa.bindparam("position", type_=sa.Uuid()),
            rebalancings.c.fence == sa.bindparam("held", type_=sa.Integer()),
            rebalancings.c.mode == RebalanceMode.AUTOMATIC.value,
        )
    )
)
_COUNT_COMMAND = Statement(
    sa.update(synthetic_positions)
    .where(synthetic_positions.c.position_id == sa.bindparam("position", type_=sa.Uuid()))
    .values(commands=synthetic_positions.c.commands + 1)
    .returning(synthetic_positions.c.commands)
)


def _opening(outbox: Outbox) -> Statement:
    """The answer; if it is the first under its key, the position; and if the plan has opened none before, the command."""
    table = synthetic_positions
    remembered = _remember().cte("remembered")
    first = sa.exists(sa.select(remembered.c.key))
    position = sa.select(*(sa.bindparam(name, type_=table.c[name].type) for name in _OPENED)).where(first)
    opened = (
        insert(table)
        .from_select(list(_OPENED), position)
        .on_conflict_do_nothing()
        .returning(table.c.position_id)
        .cte("opened")
    )
    new = sa.exists(sa.select(opened.c.position_id))
    told = sa.select(first.label("remembered"), new.label("opened"), outbox.wake)
    return Statement(told.add_cte(outbox.said_if(new)))


def _announcement(
    command: orders.PlaceBasketOrder | orders.ClosePosition | orders.ExecutePlan, *, version: int
) -> Announcement:
    return Announcement(
        data=command,
        user_id=command.user_id,
        entity_id=command.position_id,
        aggregate_id=command.position_id,
        aggregate_version=version,
    )


def _position(plan: Plan, accepted: Accepted) -> dict[str, object]:
    return {
        "position_id": accepted.position_id,
        "user_id": plan.user_id,
        "account_id": plan.account_id,
        "environment": plan.environment.value,
        "plan_id": plan.plan_id,
        "index_id": plan.index_id,
        "index_version": plan.index_version,
        "status": accepted.status.value,
        "approved_amount": plan.amount,
        "created_at": accepted.accepted_at,
        "updated_at": accepted.accepted_at,
    }


def _ceilings(plan: Plan) -> list[orders.Ceiling]:
    return [
        orders.Ceiling(
            symbol=one.symbol,
            side=one.side,
            max_quantity=one.max_quantity,
            max_notional=one.max_notional,
            limit_price=one.limit_price,
            reference_price=one.reference_price,
            priced_at=one.priced_at,
        )
        for one in plan.ceilings
    ]
