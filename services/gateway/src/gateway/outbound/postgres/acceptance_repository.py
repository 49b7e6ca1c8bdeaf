"""Accepting an order is one transaction: answer, position and command together, or none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.domain.accepted import Accepted, RememberedAnswer
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.outbound.postgres import rows
from gateway.outbound.postgres.tables import close_requests, idempotency_keys, plans, synthetic_positions
from shared.contracts import orders
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox

KEPT = timedelta(days=30)
"""An Idempotency-Key is free again after that."""


class PostgresAcceptance:
    """One such transaction; row-level security binds it to the user."""

    def __init__(self, session: AsyncSession, outbox: Outbox, user_id: UUID) -> None:
        self._session = session
        self._outbox = outbox
        self._user_id = user_id

    async def plan(self, plan_id: UUID) -> Plan | None:
        """A plan handed to this user."""
        found = await self._session.execute(_PLAN, {"plan_id": plan_id})
        row = found.mappings().first()
        return rows.plan(dict(row)) if row else None

    async def answer(self, key: str) -> RememberedAnswer | None:
        """What was answered under a key."""
        found = await self._session.execute(_ANSWER, {"owner": self._user_id, "name": key})
        row = found.mappings().first()
        return rows.remembered(dict(row)) if row else None

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        """Keep the answer, or return the one that stands; the insert waits while a twin's transaction is open."""
        values = {
            "user_id": self._user_id,
            "key": key,
            "fingerprint": fingerprint,
            "answer": rows.answer(accepted),
            "created_at": accepted.accepted_at,
        }
        statement = insert(idempotency_keys).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["user_id", "key"],
            set_={name: statement.excluded[name] for name in ("fingerprint", "answer", "created_at")},
            where=idempotency_keys.c.created_at < accepted.accepted_at - KEPT,
        )
        kept = await self._session.execute(statement.returning(idempotency_keys.c.key))
        return None if kept.first() else await self.answer(key)

    async def open(self, plan: Plan, accepted: Accepted, *, signing_ends: datetime) -> bool:
        """Record the position and its command."""
        opened = await self._session.execute(_OPEN, _opening(plan, accepted))
        if opened.first() is None:
            return False
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
        )
        await self._command(command, version=1)
        return True

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command."""
        values = {
            "plan_id": plan.plan_id,
            "user_id": plan.user_id,
            "position_id": accepted.position_id,
            "accepted_at": accepted.accepted_at,
            "position_version": position.version,
        }
        taken = insert(close_requests).values(values).on_conflict_do_nothing().returning(close_requests.c.plan_id)
        if (await self._session.execute(taken)).first() is None:
            return False
        command = orders.ClosePosition(
            position_id=accepted.position_id,
            user_id=plan.user_id,
            account_id=plan.account_id,
            environment=plan.environment,
            plan_id=plan.plan_id,
            ceilings=_ceilings(plan),
            expires_at=signing_ends,
        )
        counted = await self._session.execute(_COUNT_COMMAND, {"position": accepted.position_id})
        await self._command(command, version=counted.scalar_one())
        return True

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        """A position of this user."""
        query = sa.select(synthetic_positions).where(synthetic_positions.c.position_id == position_id)
        found = await self._session.execute(query.with_for_update() if lock else query)
        row = found.mappings().first()
        return rows.noun(Position, dict(row)) if row else None

    async def closing(self, position: Position, *, since: datetime) -> bool:
        """Whether a close taken after `since` still waits for a word of execution."""
        facts = {"position": position.position_id, "version": position.version, "since": since}
        return bool((await self._session.execute(_CLOSING, facts)).scalar())

    async def _command(self, command: orders.PlaceBasketOrder | orders.ClosePosition, *, version: int) -> None:
        await self._outbox.add(
            self._session,
            command,
            user_id=command.user_id,
            entity_id=command.position_id,
            aggregate_id=command.position_id,
            aggregate_version=version,
        )


class PostgresAcceptances:
    """Opens such transactions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def begin(self, user_id: UUID) -> AsyncIterator[PostgresAcceptance]:
        """Commits when the block ends, rolls back on any error."""
        async with self._database.transaction(user_id) as session:
            yield PostgresAcceptance(session, self._outbox, user_id)


_PLAN = sa.select(plans).where(plans.c.plan_id == sa.bindparam("plan_id"))
_ANSWER = sa.select(idempotency_keys).where(
    idempotency_keys.c.user_id == sa.bindparam("owner"), idempotency_keys.c.key == sa.bindparam("name")
)
_OPEN = insert(synthetic_positions).on_conflict_do_nothing().returning(synthetic_positions.c.position_id)
_CLOSING = sa.select(
    sa.exists().where(
        close_requests.c.position_id == sa.bindparam("position"),
        close_requests.c.position_version >= sa.bindparam("version"),
        close_requests.c.accepted_at > sa.bindparam("since"),
    )
)
_COUNT_COMMAND = (
    sa.update(synthetic_positions)
    .where(synthetic_positions.c.position_id == sa.bindparam("position"))
    .values(commands=synthetic_positions.c.commands + 1)
    .returning(synthetic_positions.c.commands)
)


def _opening(plan: Plan, accepted: Accepted) -> dict[str, object]:
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
        )
        for one in plan.ceilings
    ]
