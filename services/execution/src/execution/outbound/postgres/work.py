"""One transaction of execution's books, in PostgreSQL.

What it writes waits and leaves in one statement: before the next question that is asked of the tables, and at the end.
"""

# ruff: noqa: D102 - the port says what each method promises

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from execution.application.book_ports import Reservation
from execution.application.ports import Account
from execution.application.told import Told
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.hand_settlement import HandSettlement
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run
from execution.domain.shortage import AnswerRecord, Share, Shortage
from execution.outbound.postgres import statements as sql
from execution.outbound.postgres.announcements import Announcer
from execution.outbound.postgres.plan_document import from_document, to_document
from shared.runtime.bundle import Bundle
from shared.runtime.inbox import first_delivery_in
from shared.runtime.keeper import Keeper
from shared.runtime.unit import Unit
from shared.trading.link_id import position_tail, run_tail
from shared.trading.money import ZERO

Noun = TypeVar("Noun")
_THE_END = (datetime(9999, 1, 1, tzinfo=UTC), "")


class PostgresWork:
    """Implements the port `Work` over one unit; row-level security shows it one user's rows."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._writes = Bundle(unit)
        self.told: list[tuple[Told, Run | None]] = []

    async def _read(self) -> Unit:
        """Where to ask: whoever asks sees what was written before."""
        await self._writes.flush()
        return self._unit

    async def _add(self, keeper: Keeper[Noun], nouns: Sequence[Noun], **extra: Any) -> None:
        for rows in keeper.adding(nouns, **extra):
            await self._writes.write(rows)

    async def finish(self, announcer: Announcer) -> None:
        """Before the commit: what was told enters the outbox, with whatever waits to be written."""
        await announcer.announce(self._writes, self.told)
        await self._writes.flush()

    async def lock(self, account_id: UUID) -> None:
        await sql.LOCK.run(self._unit, name=f"execution:account:{account_id}")

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        return await first_delivery_in(self._unit, sql.FIRST_DELIVERY, consumer, message_id)

    async def fenced(self, account_id: UUID, fence: int) -> bool:
        return bool(await sql.FENCE.value(await self._read(), account_id=account_id) == fence)

    async def want_desk(self, account: Account, *, trades: bool, watch_until: datetime) -> None:
        await self._writes.run(
            sql.WANT_DESK,
            account_id=account.account_id,
            user_id=account.user_id,
            environment=account.environment,
            trades=trades,
            watch_until=watch_until,
        )

    async def rest_desk(self, account_id: UUID) -> None:
        await sql.REST_DESK.run(await self._read(), account=account_id)

    async def plan(self, plan_id: UUID) -> Plan | None:
        document = await sql.PLAN.value(await self._read(), plan_id=plan_id)
        return None if document is None else from_document(json.loads(document))

    async def add_plan(self, plan: Plan) -> None:
        await self._writes.run(
            sql.ADD_PLAN,
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

    async def position(self, position_id: UUID) -> Position | None:
        return await sql.POSITION.first(await self._read(), position_id=position_id)

    async def positions_of(self, account_id: UUID) -> Sequence[Position]:
        return await sql.POSITIONS_OF.all(await self._read(), account_id=account_id)

    async def add_position(self, position: Position) -> None:
        await self._add(sql.POSITIONS, [position], tail=f"{position_tail(position.position_id):020x}")

    async def save_position(self, position: Position) -> None:
        await self._writes.write(sql.POSITIONS.saving([position]))

    async def run(self, run_id: UUID) -> Run | None:
        return await sql.RUN.first(await self._read(), run_id=run_id)

    async def trading_runs(self, account_id: UUID) -> Sequence[Run]:
        return await sql.TRADING_RUNS.all(await self._read(), account_id=account_id)

    async def add_run(self, run: Run) -> None:
        await self._add(sql.RUNS, [run], tail=run_tail(run.run_id))

    async def save_run(self, run: Run) -> None:
        await self._writes.write(sql.RUNS.saving([run]))

    async def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        return await sql.LEGS_OF_RUN.all(await self._read(), run_id=run_id)

    async def legs_of_position(self, position_id: UUID) -> Sequence[Leg]:
        return await sql.LEGS_OF_POSITION.all(await self._read(), position_id=position_id)

    async def legs(self, leg_ids: Collection[UUID]) -> Sequence[Leg]:
        return await sql.LEGS_AMONG.all(await self._read(), leg_ids=leg_ids)

    async def add_legs(self, legs: Sequence[Leg]) -> None:
        await self._add(sql.LEGS, legs)

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        await self._writes.write(sql.LEGS.saving(legs))

    async def attempts_by_link(self, link_ids: Collection[str]) -> Sequence[Attempt]:
        return await sql.ATTEMPTS_BY_LINK.all(await self._read(), link_ids=link_ids)

    async def open_attempts(self, account_id: UUID) -> Sequence[Attempt]:
        return await sql.OPEN_ATTEMPTS.all(await self._read(), account_id=account_id)

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        await self._add(sql.ATTEMPTS, attempts)

    async def save_attempts(self, attempts: Sequence[Attempt]) -> None:
        await self._writes.write(sql.ATTEMPTS.saving(attempts))

    async def holdings(self, position_ids: Collection[UUID]) -> Sequence[PositionHolding]:
        return await sql.HOLDINGS_AMONG.all(await self._read(), position_ids=position_ids)

    async def save_holdings(self, holdings: Sequence[PositionHolding]) -> None:
        await self._writes.write(sql.HOLDINGS.putting(holdings))

    async def spoken_for(self, account_id: UUID, quote_asset: str) -> Decimal:
        total: Decimal | None = await sql.SPOKEN_FOR.value(await self._read(), account_id=account_id, asset=quote_asset)
        return total or ZERO

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        return await sql.RESERVATIONS_OF_RUN.all(await self._read(), run_id=run_id)

    async def reservations_of_position(self, position_id: UUID) -> Sequence[Reservation]:
        return await sql.RESERVATIONS_OF_POSITION.all(await self._read(), position_id=position_id)

    async def reserve(self, reservations: Sequence[Reservation]) -> None:
        await self._writes.write(sql.RESERVATIONS.putting(reservations))

    async def release(self, holder_ids: Collection[UUID]) -> None:
        await self._writes.remove(sql.RELEASE, holder_ids)

    async def known_fills(self, account_id: UUID, exec_ids: Collection[str]) -> set[str]:
        if not exec_ids:
            return set()
        return set(await sql.KNOWN_FILLS.column(await self._read(), account_id=account_id, exec_ids=exec_ids))

    async def fills_of_position(self, position_id: UUID) -> Sequence[Fill]:
        return await sql.FILLS_OF_POSITION.all(await self._read(), position_id=position_id)

    async def first_fill_at(self, account_id: UUID) -> datetime | None:
        first: datetime | None = await sql.FIRST_FILL_AT.value(await self._read(), account_id=account_id)
        return first

    async def add_fills(self, fills: Sequence[Fill]) -> None:
        await self._add(sql.FILLS, fills)

    async def add_lines(self, lines: Sequence[JournalLine]) -> None:
        await self._add(sql.LINES, lines)

    async def known_flows(self, account_id: UUID, flow_ids: Collection[str]) -> set[str]:
        if not flow_ids:
            return set()
        return set(await sql.KNOWN_FLOWS.column(await self._read(), account_id=account_id, flow_ids=flow_ids))

    async def flows(
        self, account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[AccountFlow]:
        at, flow_id = before or _THE_END
        return await sql.FLOWS_OF_ACCOUNT.all(
            await self._read(), account_id=account_id, before_at=at, before_id=flow_id, most=limit
        )

    async def add_flows(self, flows: Sequence[AccountFlow]) -> None:
        await self._add(sql.FLOWS, flows)

    async def open_shortage(self, account_id: UUID, asset: str) -> tuple[Shortage, Mapping[UUID, Decimal]] | None:
        found = await sql.OPEN_SHORTAGE.first(await self._read(), account_id=account_id, asset=asset)
        return None if found is None else await self._with_shares(found)

    async def last_shortage(
        self, account_id: UUID, asset: str, shortage_id: UUID | None
    ) -> tuple[Shortage, Mapping[UUID, Decimal]] | None:
        found = await sql.SHORTAGES_OF.all(await self._read(), account_id=account_id, asset=asset)
        named = [one for one in found if shortage_id in {None, one.shortage_id}]
        return await self._with_shares(named[0]) if named else None

    async def shortages(self, account_id: UUID) -> Sequence[tuple[Shortage, Mapping[UUID, Decimal]]]:
        found = await sql.UNRESOLVED_SHORTAGES.all(await self._read(), account_id=account_id)
        return [await self._with_shares(one) for one in found]

    async def _with_shares(self, shortage: Shortage) -> tuple[Shortage, Mapping[UUID, Decimal]]:
        shares = await sql.SHARES_OF.all(await self._read(), shortage_id=shortage.shortage_id)
        return shortage, {share.position_id: share.quantity for share in shares}

    async def save_shortage(self, shortage: Shortage, shares: Sequence[Share]) -> None:
        await self._writes.write(sql.SHORTAGES.putting([shortage]))
        await self._writes.remove(sql.NO_SHARES, [shortage.shortage_id])
        await self._add(sql.SHARES, shares)

    async def missing_coins(self, account_id: UUID) -> Mapping[UUID, Mapping[str, Decimal]]:
        found: dict[UUID, dict[str, Decimal]] = {}
        for share in await sql.UNRESOLVED_SHARES.all(await self._read(), account_id=account_id):
            found.setdefault(share.position_id, {})[share.asset] = share.quantity
        return found

    async def add_answer(self, answer: AnswerRecord) -> None:
        await self._add(sql.ANSWERS, [answer])

    async def add_hand_settlement(self, settlement: HandSettlement) -> None:
        await self._add(sql.HAND_SETTLEMENTS, [settlement])

    def tell(self, *told: Told, run: Run | None = None) -> None:
        self.told += [(one, run) for one in told]
