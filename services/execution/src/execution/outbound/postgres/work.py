"""One transaction of execution's books, in PostgreSQL."""

# ruff: noqa: D102 - the port says what each method promises

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from execution.application.book_ports import Reservation
from execution.application.ports import Account
from execution.application.told import Told
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run, RunState
from execution.outbound.postgres import tables
from execution.outbound.postgres.plan_document import from_document, to_document
from execution.outbound.postgres.rows import fetch, store, update, upsert
from shared.runtime.inbox import first_delivery
from shared.trading.link_id import position_tail, run_tail
from shared.trading.money import ZERO
from shared.trading.status import TERMINAL_ATTEMPTS

_LOCK = sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresWork:
    """Implements the port `Work` over one session; row-level security shows it one user's rows."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.told: list[tuple[Told, Run | None]] = []

    async def lock(self, account_id: UUID) -> None:
        await self._session.execute(_LOCK, {"name": f"execution:account:{account_id}"})

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        return await first_delivery(self._session, tables.inbox, consumer, message_id)

    async def fenced(self, account_id: UUID, fence: int) -> bool:
        desk = tables.desk
        # Shared lock: the lease cannot change hands before this transaction ends.
        query = sa.select(desk.c.fence).where(desk.c.account_id == account_id).with_for_update(read=True)
        return bool((await self._session.execute(query)).scalar_one_or_none() == fence)

    async def want_desk(self, account: Account, *, trades: bool, watch_until: datetime) -> None:
        desk = tables.desk
        row = insert(desk).values(
            account_id=account.account_id,
            user_id=account.user_id,
            environment=account.environment,
            work=trades,
            traded=trades,
            watch_until=watch_until,
            fence=0,
            leased_until=_EPOCH,
        )
        await self._session.execute(
            row.on_conflict_do_update(
                index_elements=[desk.c.account_id],
                set_={
                    "work": sa.or_(desk.c.work, row.excluded.work),
                    "traded": sa.or_(desk.c.traded, row.excluded.traded),
                    "watch_until": sa.func.greatest(desk.c.watch_until, row.excluded.watch_until),
                },
            )
        )

    async def rest_desk(self, account_id: UUID) -> None:
        desk = tables.desk
        await self._session.execute(sa.update(desk).where(desk.c.account_id == account_id).values(work=False))

    async def plan(self, plan_id: UUID) -> Plan | None:
        query = sa.select(tables.plan.c.body).where(tables.plan.c.plan_id == plan_id)
        document = (await self._session.execute(query)).scalar_one_or_none()
        return None if document is None else from_document(document)

    async def add_plan(self, plan: Plan) -> None:
        await self._session.execute(
            sa.insert(tables.plan).values(
                plan_id=plan.plan_id,
                user_id=plan.user_id,
                account_id=plan.account_id,
                kind=plan.kind,
                position_id=plan.position_id,
                amount=plan.amount,
                body=to_document(plan),
                created_at=plan.created_at,
                expires_at=plan.expires_at,
            )
        )

    async def position(self, position_id: UUID) -> Position | None:
        table = tables.position
        query = sa.select(table).where(table.c.position_id == position_id)
        return next(iter(await fetch(self._session, Position, table, query)), None)

    async def positions_of(self, account_id: UUID) -> Sequence[Position]:
        table = tables.position
        query = sa.select(table).where(table.c.account_id == account_id).order_by(table.c.position_id)
        return await fetch(self._session, Position, table, query)

    async def add_position(self, position: Position) -> None:
        tail = f"{position_tail(position.position_id):020x}"
        await store(self._session, tables.position, [position], tail=tail)

    async def save_position(self, position: Position) -> None:
        await update(self._session, tables.position, "position_id", [position])

    async def run(self, run_id: UUID) -> Run | None:
        query = sa.select(tables.run).where(tables.run.c.run_id == run_id)
        return next(iter(await fetch(self._session, Run, tables.run, query)), None)

    async def trading_runs(self, account_id: UUID) -> Sequence[Run]:
        table = tables.run
        query = (
            sa.select(table)
            .where(table.c.account_id == account_id, table.c.state == RunState.TRADING)
            .order_by(table.c.accepted_at)
        )
        return await fetch(self._session, Run, table, query)

    async def add_run(self, run: Run) -> None:
        await store(self._session, tables.run, [run], tail=run_tail(run.run_id))

    async def save_run(self, run: Run) -> None:
        await update(self._session, tables.run, "run_id", [run])

    async def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        table = tables.leg
        query = sa.select(table).where(table.c.run_id == run_id).order_by(table.c.number)
        return await fetch(self._session, Leg, table, query)

    async def legs_of_position(self, position_id: UUID) -> Sequence[Leg]:
        table = tables.leg
        query = (
            sa.select(table)
            .join(tables.run, tables.run.c.run_id == table.c.run_id)
            .where(table.c.position_id == position_id)
            .order_by(tables.run.c.accepted_at, table.c.number)
        )
        return await fetch(self._session, Leg, table, query)

    async def legs_of_account(self, account_id: UUID) -> Sequence[Leg]:
        table = tables.leg
        return await fetch(self._session, Leg, table, sa.select(table).where(table.c.account_id == account_id))

    async def legs(self, leg_ids: Collection[UUID]) -> Sequence[Leg]:
        table = tables.leg
        return await fetch(self._session, Leg, table, sa.select(table).where(table.c.leg_id.in_(leg_ids)))

    async def add_legs(self, legs: Sequence[Leg]) -> None:
        await store(self._session, tables.leg, legs)

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        await update(self._session, tables.leg, "leg_id", legs)

    async def attempts_by_link(self, link_ids: Collection[str]) -> Sequence[Attempt]:
        table = tables.attempt
        return await fetch(self._session, Attempt, table, sa.select(table).where(table.c.link_id.in_(link_ids)))

    async def open_attempts(self, account_id: UUID) -> Sequence[Attempt]:
        table = tables.attempt
        query = (
            sa.select(table)
            .where(table.c.account_id == account_id, table.c.state.not_in(TERMINAL_ATTEMPTS))
            .order_by(table.c.intent_at, table.c.link_id)
        )
        return await fetch(self._session, Attempt, table, query)

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        await store(self._session, tables.attempt, attempts)

    async def save_attempts(self, attempts: Sequence[Attempt]) -> None:
        await update(self._session, tables.attempt, "attempt_id", attempts)

    async def holdings(self, position_ids: Collection[UUID]) -> Sequence[PositionHolding]:
        table = tables.holding
        query = sa.select(table).where(table.c.position_id.in_(position_ids)).order_by(table.c.asset)
        return await fetch(self._session, PositionHolding, table, query)

    async def save_holdings(self, holdings: Sequence[PositionHolding]) -> None:
        await upsert(self._session, tables.holding, holdings)

    async def reserved(self, account_id: UUID, asset: str) -> Decimal:
        table = tables.reservation
        query = sa.select(sa.func.sum(table.c.amount)).where(table.c.account_id == account_id, table.c.asset == asset)
        total: Decimal | None = (await self._session.execute(query)).scalar_one()
        return total or ZERO

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        table = tables.reservation
        return await fetch(self._session, Reservation, table, sa.select(table).where(table.c.run_id == run_id))

    async def reservations_of_position(self, position_id: UUID) -> Sequence[Reservation]:
        table = tables.reservation
        query = sa.select(table).where(table.c.position_id == position_id)
        return await fetch(self._session, Reservation, table, query)

    async def reserve(self, reservations: Sequence[Reservation]) -> None:
        await upsert(self._session, tables.reservation, reservations)

    async def release(self, holder_ids: Collection[UUID]) -> None:
        table = tables.reservation
        await self._session.execute(sa.delete(table).where(table.c.holder_id.in_(holder_ids)))

    async def known_fills(self, account_id: UUID, exec_ids: Collection[str]) -> set[str]:
        if not exec_ids:
            return set()
        table = tables.fill
        query = sa.select(table.c.exec_id).where(table.c.account_id == account_id, table.c.exec_id.in_(exec_ids))
        return set((await self._session.execute(query)).scalars())

    async def fills_of_position(self, position_id: UUID) -> Sequence[Fill]:
        table = tables.fill
        query = sa.select(table).where(table.c.position_id == position_id).order_by(table.c.at, table.c.exec_id)
        return await fetch(self._session, Fill, table, query)

    async def first_fill_at(self, account_id: UUID) -> datetime | None:
        table = tables.fill
        query = sa.select(sa.func.min(table.c.at)).where(table.c.account_id == account_id)
        first: datetime | None = (await self._session.execute(query)).scalar_one()
        return first

    async def add_fills(self, fills: Sequence[Fill]) -> None:
        await store(self._session, tables.fill, fills)

    async def add_lines(self, lines: Sequence[JournalLine]) -> None:
        await store(self._session, tables.journal, lines)

    def tell(self, *told: Told, run: Run | None = None) -> None:
        self.told += [(one, run) for one in told]
