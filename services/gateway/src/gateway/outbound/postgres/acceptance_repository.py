"""Accepting an order is one transaction: answer, position and command together, or none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from gateway.domain.accepted import Accepted, Opening, RememberedAnswer
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.domain.traded_plan import TradedPlan
from gateway.outbound import commands
from gateway.outbound.postgres import acceptance_statements as sql
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.traded_plans import traded_plan
from shared.contracts import orders
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
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
        row = await sql.PLAN.row(self._unit, plan_id=plan_id)
        return rows.plan(row) if row else None

    async def traded(self, plan_id: UUID) -> TradedPlan | None:
        """What the plan was ordered for before."""
        return await traded_plan(self._unit, plan_id)

    async def answer(self, key: str) -> RememberedAnswer | None:
        """What was answered under a key."""
        row = await sql.ANSWER.row(self._unit, owner=self._user_id, name=key)
        return rows.remembered(row) if row else None

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        """Keep the answer, or return the one that stands; the insert waits while a twin's transaction is open."""
        kept = await sql.REMEMBER.value(self._unit, **_remembering(self._user_id, key, fingerprint, accepted))
        return None if kept else await self.answer(key)

    async def open(
        self, key: str, fingerprint: str, plan: Plan, accepted: Accepted, *, signing_ends: datetime
    ) -> Opening:
        """Keep the answer and record the position and its command: all in one statement, this is the busiest path."""
        command = commands.place_basket_order(plan, accepted, signing_ends=signing_ends)
        row = await self._opening.row(
            self._unit,
            **_remembering(self._user_id, key, fingerprint, accepted),
            **_position(plan, accepted),
            **self._outbox.said(commands.announcement(command, version=1)),
        )
        if row is None or not row["remembered"]:
            return Opening(earlier=await self.answer(key), opened=False)
        return Opening(earlier=None, opened=row["opened"])

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command."""
        command = commands.close_position(plan, accepted, signing_ends=signing_ends)
        return await self._ordered(plan, accepted, position, command)

    async def run(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command; a closing plan has a command of its own."""
        if plan.kind == "close":
            return await self.close(plan, accepted, position, signing_ends=signing_ends)
        command = commands.execute_plan(plan, accepted, signing_ends=signing_ends)
        return await self._ordered(plan, accepted, position, command)

    async def _ordered(
        self, plan: Plan, accepted: Accepted, position: Position, command: orders.ClosePosition | orders.ExecutePlan
    ) -> bool:
        taken = await sql.CLOSE.value(
            self._unit,
            plan_id=plan.plan_id,
            user_id=plan.user_id,
            position_id=accepted.position_id,
            accepted_at=accepted.accepted_at,
            position_version=position.version,
        )
        if taken is None:
            return False
        version = await sql.COUNT_COMMAND.value(self._unit, position=accepted.position_id)
        await self._outbox.record(self._unit, [commands.announcement(command, version=version)])
        return True

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        """A position of this user."""
        row = await (sql.POSITION_HELD if lock else sql.POSITION).row(self._unit, position=position_id)
        return rows.noun(Position, row) if row else None

    async def rebalances_itself(self, position_id: UUID, *, fence: int) -> bool:
        """Whoever chooses holds the position too, and moves the fence."""
        return bool(await sql.ITSELF.value(self._unit, position=position_id, held=fence))

    async def closing(self, position: Position, *, since: datetime) -> bool:
        """Whether an order taken after `since` still waits for a word of execution."""
        return bool(
            await sql.CLOSING.value(self._unit, position=position.position_id, version=position.version, since=since)
        )


class PostgresAcceptances:
    """Opens such transactions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._opening = sql.opening(outbox)

    @asynccontextmanager
    async def begin(self, user_id: UUID) -> AsyncIterator[PostgresAcceptance]:
        """Commits when the block ends, rolls back on any error."""
        async with self._database.unit(user_id) as unit:
            yield PostgresAcceptance(unit, self._outbox, self._opening, user_id)


def _remembering(user_id: UUID, key: str, fingerprint: str, accepted: Accepted) -> dict[str, object]:
    return {
        "answer_user_id": user_id,
        "answer_key": key,
        "answer_fingerprint": fingerprint,
        "answer_answer": rows.answer(accepted),
        "answer_created_at": accepted.accepted_at,
        "forgotten": accepted.accepted_at - KEPT,
    }


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
