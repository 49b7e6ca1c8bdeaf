"""Execution's port `Work` in memory; the same contract tests run against it and against PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
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
from execution.domain.position import Position, PositionHolding, Run, RunState
from execution.domain.shortage import AnswerRecord, Share, Shortage, ShortageState
from kit.memory_house import BrokenRuleError, Rows, Transaction
from shared.trading.link_id import position_tail, run_tail
from shared.trading.money import ZERO

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Shares = Mapping[UUID, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRow:
    """An account's desk: ids only."""

    account: Account
    work: bool
    traded: bool
    watch_until: datetime
    holder: str | None = None
    fence: int = 0
    leased_until: datetime = EPOCH


class MemoryWork:
    """One transaction of execution's books."""

    def __init__(self, transaction: Transaction) -> None:
        self._unit = transaction
        self.told: list[tuple[Told, Run | None]] = []

    def _rows(self, table: str) -> Rows:
        return self._unit.rows(table)

    async def lock(self, account_id: UUID) -> None:
        await self._unit.hold("account", account_id)

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        await self._unit.hold("inbox", consumer, message_id)
        inbox = self._unit.everybodys("inbox")
        if inbox.get((consumer, message_id)) is not None:
            return False
        inbox.add((consumer, message_id), True)
        return True

    async def fenced(self, account_id: UUID, fence: int) -> bool:
        desk = self._unit.everybodys("desks").get(account_id)
        return desk is not None and desk.fence == fence

    async def want_desk(self, account: Account, *, trades: bool, watch_until: datetime) -> None:
        desks = self._unit.everybodys("desks")
        known = desks.get(account.account_id) or DeskRow(account=account, work=False, traded=False, watch_until=EPOCH)
        wanted = replace(
            known,
            work=known.work or trades,
            traded=known.traded or trades,
            watch_until=max(known.watch_until, watch_until),
        )
        desks.put(account.account_id, wanted)

    async def rest_desk(self, account_id: UUID) -> None:
        desks = self._unit.everybodys("desks")
        known = desks.get(account_id)
        if known is not None:
            desks.put(account_id, replace(known, work=False))

    async def plan(self, plan_id: UUID) -> Plan | None:
        return self._rows("plans").get(plan_id)

    async def add_plan(self, plan: Plan) -> None:
        self._rows("plans").add(plan.plan_id, plan)

    async def position(self, position_id: UUID) -> Position | None:
        return self._rows("positions").get(position_id)

    async def positions_of(self, account_id: UUID) -> Sequence[Position]:
        return _sorted(self._of("positions", account_id), lambda row: row.position_id)

    async def add_position(self, position: Position) -> None:
        self._unit.everybodys("position_tails").add(position_tail(position.position_id), position.position_id)
        self._rows("positions").add(position.position_id, position)

    async def save_position(self, position: Position) -> None:
        self._rows("positions").save(position.position_id, position)

    async def run(self, run_id: UUID) -> Run | None:
        return self._rows("runs").get(run_id)

    async def trading_runs(self, account_id: UUID) -> Sequence[Run]:
        trading = (row for row in self._of("runs", account_id) if row.state is RunState.TRADING)
        return _sorted(trading, lambda row: row.accepted_at)

    async def add_run(self, run: Run) -> None:
        self._rows("run_tails").add((run.position_id, run_tail(run.run_id)), run.run_id)
        self._rows("runs").add(run.run_id, run)

    async def save_run(self, run: Run) -> None:
        self._rows("runs").save(run.run_id, run)

    async def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        return _sorted((row for row in self._rows("legs") if row.run_id == run_id), lambda row: row.number)

    async def legs_of_position(self, position_id: UUID) -> Sequence[Leg]:
        runs = self._rows("runs")
        found = (row for row in self._rows("legs") if row.position_id == position_id)
        return _sorted(found, lambda row: (runs.get(row.run_id).accepted_at, row.number))  # type: ignore[union-attr]

    async def legs(self, leg_ids: Collection[UUID]) -> Sequence[Leg]:
        return _found(self._rows("legs"), leg_ids)

    async def add_legs(self, legs: Sequence[Leg]) -> None:
        for leg in legs:
            self._rows("leg_numbers").add((leg.run_id, leg.number), leg.leg_id)
            self._rows("legs").add(leg.leg_id, leg)

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        for leg in legs:
            self._rows("legs").save(leg.leg_id, leg)

    async def attempts_by_link(self, link_ids: Collection[str]) -> Sequence[Attempt]:
        return _found(self._rows("attempts"), link_ids)

    async def open_attempts(self, account_id: UUID) -> Sequence[Attempt]:
        found = (row for row in self._of("attempts", account_id) if not row.terminal)
        return _sorted(found, lambda row: (row.intent_at, row.link_id))

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._rows("attempt_numbers").add((attempt.leg_id, attempt.number), attempt.attempt_id)
            self._rows("attempts").add(attempt.link_id, attempt)

    async def save_attempts(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._rows("attempts").save(attempt.link_id, attempt)

    async def holdings(self, position_ids: Collection[UUID]) -> Sequence[PositionHolding]:
        wanted = set(position_ids)
        return _sorted((row for row in self._rows("holdings") if row.position_id in wanted), lambda row: row.asset)

    async def save_holdings(self, holdings: Sequence[PositionHolding]) -> None:
        for holding in holdings:
            _must(holding.quantity >= ZERO, "quantity_not_negative")
            self._rows("holdings").put((holding.position_id, holding.asset), holding)

    async def spoken_for(self, account_id: UUID, quote_asset: str) -> Decimal:
        aside: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
        for row in self._of("reservations", account_id):
            if row.asset == quote_asset:
                aside[row.position_id] += row.amount
        own = (max(row.cash, aside[row.position_id]) for row in self._of("positions", account_id))
        return sum(own, ZERO)

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        return [row for row in self._rows("reservations") if row.run_id == run_id]

    async def reservations_of_position(self, position_id: UUID) -> Sequence[Reservation]:
        return [row for row in self._rows("reservations") if row.position_id == position_id]

    async def reserve(self, reservations: Sequence[Reservation]) -> None:
        for row in reservations:
            _must(row.amount >= ZERO, "amount_not_negative")
            self._rows("reservations").put((row.holder_id, row.asset), row)

    async def release(self, holder_ids: Collection[UUID]) -> None:
        gone = set(holder_ids)
        self._rows("reservations").drop(lambda row: row.holder_id in gone)

    async def known_fills(self, account_id: UUID, exec_ids: Collection[str]) -> set[str]:
        fills = self._rows("fills")
        return {exec_id for exec_id in exec_ids if fills.get((account_id, exec_id)) is not None}

    async def fills_of_position(self, position_id: UUID) -> Sequence[Fill]:
        found = (row for row in self._rows("fills") if row.position_id == position_id)
        return _sorted(found, lambda row: (row.at, row.exec_id))

    async def first_fill_at(self, account_id: UUID) -> datetime | None:
        return min((row.at for row in self._of("fills", account_id)), default=None)

    async def add_fills(self, fills: Sequence[Fill]) -> None:
        for fill in fills:
            self._rows("fills").add((fill.account_id, fill.exec_id), fill)

    async def add_lines(self, lines: Sequence[JournalLine]) -> None:
        for line in lines:
            self._rows("journal").add((line.account_id, line.source, line.number), line)

    async def known_flows(self, account_id: UUID, flow_ids: Collection[str]) -> set[str]:
        flows = self._rows("account_flows")
        return {flow_id for flow_id in flow_ids if flows.get((account_id, flow_id)) is not None}

    async def flows(
        self, account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[AccountFlow]:
        found = _sorted(self._of("account_flows", account_id), lambda row: (row.at, row.flow_id))
        older = [row for row in reversed(found) if before is None or (row.at, row.flow_id) < before]
        return older[:limit]

    async def add_flows(self, flows: Sequence[AccountFlow]) -> None:
        for flow in flows:
            self._rows("account_flows").add((flow.account_id, flow.flow_id), flow)

    async def open_shortage(self, account_id: UUID, asset: str) -> tuple[Shortage, Shares] | None:
        found = [row for row in await self.shortages(account_id) if row[0].asset == asset]
        return found[0] if found else None

    async def last_shortage(
        self, account_id: UUID, asset: str, shortage_id: UUID | None
    ) -> tuple[Shortage, Shares] | None:
        found = (row for row in self._of("shortages", account_id) if row.asset == asset)
        newest_first = reversed(_sorted(found, lambda row: row.found_at))
        named = [row for row in newest_first if shortage_id in {None, row.shortage_id}]
        return self._with_shares(named[0]) if named else None

    async def shortages(self, account_id: UUID) -> Sequence[tuple[Shortage, Shares]]:
        found = (row for row in self._of("shortages", account_id) if row.state is not ShortageState.RESOLVED)
        return [self._with_shares(row) for row in _sorted(found, lambda row: row.asset)]

    def _with_shares(self, shortage: Shortage) -> tuple[Shortage, Shares]:
        shares = (row for row in self._rows("shares") if row.shortage_id == shortage.shortage_id)
        return shortage, {row.position_id: row.quantity for row in shares}

    async def save_shortage(self, shortage: Shortage, shares: Sequence[Share]) -> None:
        await self._unit.hold("shortage", shortage.account_id, shortage.asset)
        other = await self.open_shortage(shortage.account_id, shortage.asset)
        alone = other is None or other[0].shortage_id == shortage.shortage_id
        _must(alone or shortage.state is ShortageState.RESOLVED, "uq_shortage_unresolved")
        self._rows("shortages").put(shortage.shortage_id, shortage)
        self._rows("shares").drop(lambda row: row.shortage_id == shortage.shortage_id)
        for share in shares:
            _must(share.quantity > ZERO, "quantity_above_zero")
            self._rows("shares").add((share.shortage_id, share.position_id), share)

    async def missing_coins(self, account_id: UUID) -> Mapping[UUID, Mapping[str, Decimal]]:
        found: dict[UUID, dict[str, Decimal]] = {}
        for shortage, shares in await self.shortages(account_id):
            for position_id, quantity in shares.items():
                found.setdefault(position_id, {})[shortage.asset] = quantity
        return found

    async def add_answer(self, answer: AnswerRecord) -> None:
        self._rows("shortage_answers").add((answer.shortage_id, answer.how), answer)

    async def add_hand_settlement(self, settlement: HandSettlement) -> None:
        key = (settlement.account_id, settlement.client_order_id)
        self._rows("hand_settlements").add(key, settlement)

    def tell(self, *told: Told, run: Run | None = None) -> None:
        self.told += [(one, run) for one in told]

    def _of(self, table: str, account_id: UUID) -> Iterable[Any]:
        return (row for row in self._rows(table) if row.account_id == account_id)


def _found(rows: Rows, keys: Collection[Any]) -> list[Any]:
    return [row for key in dict.fromkeys(keys) if (row := rows.get(key)) is not None]


def _sorted(rows: Iterable[Any], key: Callable[[Any], Any]) -> list[Any]:
    return sorted(rows, key=key)


def _must(holds: bool, rule: str) -> None:
    if not holds:
        raise BrokenRuleError(rule)
