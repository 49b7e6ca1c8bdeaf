"""Books in memory: what PostgreSQL does for the use cases, with its commits and roll-backs."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from execution.application.accept_close import AcceptClose
from execution.application.accepting import Command
from execution.application.book_ports import Reservation, UnstorableError
from execution.application.bookkeeping import Bookkeeper
from execution.application.fee_prices import FeePrices
from execution.application.linking import Linking
from execution.application.ports import Account
from execution.application.told import IncidentTold, PositionTold, Told
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.hand_settlement import HandSettlement
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import Position, PositionHolding, Run, RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.shortage import AnswerRecord, Share, Shortage, ShortageState
from execution.domain.venue_facts import ExecutionFact
from shared.testing import FakeClock, FakeIds
from shared.trading.quote import Quote
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = Account(user_id=UUID(int=2), account_id=UUID(int=1), environment=VenueEnvironment.PAPER)
POSITION = UUID(int=3)
LINKING = Linking(bytes(16))


@dataclass
class FakeWork:
    """The port `Work`, as far as books and closes need it."""

    positions: dict[UUID, Position] = field(default_factory=dict)
    runs: dict[UUID, Run] = field(default_factory=dict)
    legs_: dict[UUID, Leg] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    holdings_: dict[tuple[UUID, str], PositionHolding] = field(default_factory=dict)
    reservations: dict[tuple[UUID, str], Reservation] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    lines: list[JournalLine] = field(default_factory=list)
    flows_: dict[str, AccountFlow] = field(default_factory=dict)
    shortages_: dict[UUID, tuple[Shortage, dict[UUID, Decimal]]] = field(default_factory=dict)
    answers: list[AnswerRecord] = field(default_factory=list)
    settlements: list[HandSettlement] = field(default_factory=list)
    messages: set[UUID] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    unstorable: set[str] = field(default_factory=set)
    desks: list[UUID] = field(default_factory=list)

    async def lock(self, account_id: UUID) -> None:
        pass

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        known = message_id in self.messages
        self.messages.add(message_id)
        return not known

    async def fenced(self, account_id: UUID, fence: int) -> bool:
        return True

    async def want_desk(self, account: Account, *, trades: bool, watch_until: datetime) -> None:
        self.desks.append(account.account_id)

    async def add_plan(self, plan: Plan) -> None:
        self.plans[plan.plan_id] = plan

    async def spoken_for(self, account_id: UUID, quote_asset: str) -> Decimal:
        aside: dict[UUID, Decimal] = defaultdict(Decimal)
        for row in self.reservations.values():
            if row.asset == quote_asset:
                aside[row.position_id] += row.amount
        return sum((max(one.cash, aside[one.position_id]) for one in self.positions.values()), Decimal(0))

    async def plan(self, plan_id: UUID) -> Plan | None:
        return self.plans.get(plan_id)

    async def position(self, position_id: UUID) -> Position | None:
        return self.positions.get(position_id)

    async def save_position(self, position: Position) -> None:
        self.positions[position.position_id] = position

    async def run(self, run_id: UUID) -> Run | None:
        return self.runs.get(run_id)

    async def add_run(self, run: Run) -> None:
        self.runs[run.run_id] = run

    save_run = add_run

    async def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        return sorted((leg for leg in self.legs_.values() if leg.run_id == run_id), key=lambda leg: leg.number)

    async def legs_of_position(self, position_id: UUID) -> Sequence[Leg]:
        return [leg for leg in self.legs_.values() if leg.position_id == position_id]

    async def legs(self, leg_ids: Collection[UUID]) -> Sequence[Leg]:
        return [self.legs_[leg_id] for leg_id in leg_ids]

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        self.legs_ |= {leg.leg_id: leg for leg in legs}

    add_legs = save_legs

    async def attempts_by_link(self, link_ids: Collection[str]) -> Sequence[Attempt]:
        return [self.attempts[link] for link in link_ids if link in self.attempts]

    async def open_attempts(self, account_id: UUID) -> Sequence[Attempt]:
        return [attempt for attempt in self.attempts.values() if not attempt.terminal]

    async def save_attempts(self, attempts: Sequence[Attempt]) -> None:
        self.attempts |= {attempt.link_id: attempt for attempt in attempts}

    add_attempts = save_attempts

    async def holdings(self, position_ids: Collection[UUID]) -> Sequence[PositionHolding]:
        return [holding for holding in self.holdings_.values() if holding.position_id in position_ids]

    async def save_holdings(self, holdings: Sequence[PositionHolding]) -> None:
        self.holdings_ |= {(holding.position_id, holding.asset): holding for holding in holdings}

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        return [row for row in self.reservations.values() if row.run_id == run_id]

    async def reservations_of_position(self, position_id: UUID) -> Sequence[Reservation]:
        return [row for row in self.reservations.values() if row.position_id == position_id]

    async def reserve(self, reservations: Sequence[Reservation]) -> None:
        self.reservations |= {(row.holder_id, row.asset): row for row in reservations}

    async def release(self, holder_ids: Collection[UUID]) -> None:
        self.reservations = {key: row for key, row in self.reservations.items() if key[0] not in holder_ids}

    async def known_fills(self, account_id: UUID, exec_ids: Collection[str]) -> set[str]:
        return set(exec_ids) & set(self.fills)

    async def add_fills(self, fills: Sequence[Fill]) -> None:
        if self.unstorable & {fill.exec_id for fill in fills}:
            raise UnstorableError("a field overflows")
        self.fills |= {fill.exec_id: fill for fill in fills}

    async def add_lines(self, lines: Sequence[JournalLine]) -> None:
        self.lines += lines

    async def known_flows(self, account_id: UUID, flow_ids: Collection[str]) -> set[str]:
        return set(flow_ids) & set(self.flows_)

    async def add_flows(self, flows: Sequence[AccountFlow]) -> None:
        self.flows_ |= {flow.flow_id: flow for flow in flows}

    async def positions_of(self, account_id: UUID) -> Sequence[Position]:
        return [position for position in self.positions.values() if position.account_id == account_id]

    async def trading_runs(self, account_id: UUID) -> Sequence[Run]:
        return [run for run in self.runs.values() if run.state is RunState.TRADING]

    async def open_shortage(self, account_id: UUID, asset: str) -> tuple[Shortage, dict[UUID, Decimal]] | None:
        rows = [row for row in await self.shortages(account_id) if row[0].asset == asset]
        return rows[0] if rows else None

    async def last_shortage(
        self, account_id: UUID, asset: str, shortage_id: UUID | None
    ) -> tuple[Shortage, dict[UUID, Decimal]] | None:
        rows = [row for row in self.shortages_.values() if row[0].asset == asset and row[0].account_id == account_id]
        named = [row for row in reversed(rows) if shortage_id in {None, row[0].shortage_id}]
        return named[0] if named else None

    async def shortages(self, account_id: UUID) -> Sequence[tuple[Shortage, dict[UUID, Decimal]]]:
        rows = self.shortages_.values()
        return [row for row in rows if row[0].state is not ShortageState.RESOLVED and row[0].account_id == account_id]

    async def save_shortage(self, shortage: Shortage, shares: Sequence[Share]) -> None:
        assert all(share.quantity > 0 for share in shares)
        self.shortages_[shortage.shortage_id] = (shortage, {share.position_id: share.quantity for share in shares})

    async def missing_coins(self, account_id: UUID) -> dict[UUID, dict[str, Decimal]]:
        found: dict[UUID, dict[str, Decimal]] = {}
        for shortage, shares in await self.shortages(account_id):
            for position_id, quantity in shares.items():
                found.setdefault(position_id, {})[shortage.asset] = quantity
        return found

    async def add_answer(self, answer: AnswerRecord) -> None:
        assert (answer.shortage_id, answer.how) not in {(row.shortage_id, row.how) for row in self.answers}
        self.answers.append(answer)

    async def add_hand_settlement(self, settlement: HandSettlement) -> None:
        self.settlements.append(settlement)

    def tell(self, *told: Told, run: Run | None = None) -> None:
        self.told += told


class FakeBooks:
    """The port `Books`: one state, replaced when a unit of work ends well."""

    def __init__(self) -> None:
        self.state = FakeWork()

    @asynccontextmanager
    async def work(self, user_id: UUID) -> AsyncIterator[FakeWork]:
        work = replace(self.state, **{name: copy.copy(value) for name, value in vars(self.state).items()})
        yield work
        self.state = work


class FakeBell:
    def ring(self, account_ids: object) -> None:
        pass

    def hand_over(self, fresh: object) -> None:
        pass


class Counter:
    """One position, bought by a run that is over, and whoever writes it down."""

    def __init__(self) -> None:
        self.books = FakeBooks()
        self.clock = FakeClock(NOW)
        self.ids = FakeIds()
        self.prices: dict[str, Quote] = {}
        self.bookkeeper = Bookkeeper(
            books=self.books,  # type: ignore[arg-type]
            linking=LINKING,
            times=ProtocolTimes(),
            clock=self.clock,
            fee_prices=FeePrices(self, self.clock),  # type: ignore[arg-type]
        )
        self.accept = AcceptClose(books=self.books, bell=FakeBell(), clock=self.clock, ids=self.ids)  # type: ignore[arg-type]
        self.bought = self.a_run(RunKind.BUY)
        self.books.state.positions[POSITION] = Position(
            position_id=POSITION,
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            environment=ACCOUNT.environment,
            index_id="top-10",
            index_version=1,
            status=PositionStatus.ACTIVE,
            run_id=self.bought.run_id,
            run_kind=RunKind.BUY,
            approved_amount=D(1000),
            created_at=NOW,
            updated_at=NOW,
            traded_at=NOW,
        )

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> dict[str, Quote]:
        """The port `Market`, as far as fees in third coins need it."""
        return {symbol: quote for symbol, quote in self.prices.items() if symbol in symbols}

    @property
    def state(self) -> FakeWork:
        return self.books.state

    @property
    def position(self) -> Position:
        return self.state.positions[POSITION]

    @property
    def incidents(self) -> list[str]:
        return [told.code for told in self.state.told if isinstance(told, IncidentTold)]

    @property
    def positions_told(self) -> list[Position]:
        return [told.position for told in self.state.told if isinstance(told, PositionTold)]

    def holding(self, asset: str = "BTC") -> PositionHolding:
        return self.state.holdings_[POSITION, asset]

    def stands(self, status: PositionStatus, run: Run | None = None) -> None:
        run = run or self.bought
        position = replace(self.position, status=status, run_id=run.run_id, run_kind=run.kind)
        self.state.positions[POSITION] = position

    def holds(self, quantity: str, cost: str = "100") -> None:
        self.state.holdings_[POSITION, "BTC"] = PositionHolding(
            position_id=POSITION,
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            asset="BTC",
            symbol="BTCUSDT",
            target_weight=D(1),
            quantity=D(quantity),
            cost=D(cost),
        )

    def a_run(self, kind: RunKind, position_id: UUID = POSITION) -> Run:
        run = Run(
            run_id=self.ids.uuid(),
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            environment=ACCOUNT.environment,
            position_id=position_id,
            kind=kind,
            state=RunState.SETTLED,
            accepted_at=NOW,
            expires_at=NOW + timedelta(minutes=1),
        )
        self.state.runs[run.run_id] = run
        return run

    def sent(self, run: Run, state: AttemptState, *, quantity: str = "1", number: int = 0) -> Attempt:
        """An order of the run, with its leg."""
        side = Side.BUY if run.kind is RunKind.BUY else Side.SELL
        leg = Leg(
            leg_id=self.ids.uuid(),
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            position_id=run.position_id,
            run_id=run.run_id,
            number=number,
            symbol="BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            side=side,
            status=LegStatus.PLANNED,
            target_weight=D(1),
            quantity=D(quantity),
            limit_price=D(100),
            lot_size=D("0.01"),
            min_quantity=D("0.01"),
            min_notional=D(5),
        )
        attempt = Attempt(
            attempt_id=self.ids.uuid(),
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            environment=ACCOUNT.environment,
            position_id=run.position_id,
            run_id=run.run_id,
            leg_id=leg.leg_id,
            number=0,
            link_id=LINKING.link(ACCOUNT.environment, leg, 0),
            symbol="BTCUSDT",
            side=side,
            quantity=D(quantity),
            limit_price=D(100),
            body="{}",
            state=state,
            intent_at=NOW,
            send_before=NOW,
            sent_by=NOW,
            updated_at=NOW,
        )
        self.state.attempts[attempt.link_id] = attempt
        self.state.legs_[leg.leg_id] = leg.follows(attempt)
        return attempt

    def a_match(
        self, attempt: Attempt, exec_id: str, quantity: str, price: str = "100", fee: str = "0"
    ) -> ExecutionFact:
        return ExecutionFact(
            exec_id=exec_id,
            link_id=attempt.link_id,
            venue_order_id="v",
            symbol=attempt.symbol,
            side=attempt.side,
            price=D(price),
            quantity=D(quantity),
            fee=D(fee),
            fee_asset="USDT",
            at=NOW,
        )

    async def book(self, *facts: Any) -> None:
        await self.bookkeeper.book(ACCOUNT, facts)

    def a_close_plan(self, quantity: str = "1") -> Plan:
        line = PlanLine(
            number=0,
            symbol="BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            side=Side.SELL,
            target_weight=D(1),
            effective_weight=D(0),
            quantity=D(quantity),
            estimated_price=D(100),
            limit_price=D(100),
            fee=D(0),
            fee_asset="USDT",
            price_at=NOW,
            check="ok",
            lot_size=D("0.01"),
            min_quantity=D("0.01"),
            min_notional=D(5),
        )
        plan = Plan(
            plan_id=self.ids.uuid(),
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            environment=ACCOUNT.environment,
            kind=RunKind.CLOSE,
            index_id="top-10",
            index_version=1,
            position_id=POSITION,
            amount=D(100),
            legs=[line],
            available=D(0),
            minimum_amount=D(0),
            price_band=D("0.005"),
            fee_rate=D("0.001"),
            created_at=NOW,
            expires_at=NOW + timedelta(minutes=1),
        )
        self.state.plans[plan.plan_id] = plan
        return plan

    async def close(self, plan: Plan) -> None:
        await self.accept.execute(
            Command(
                message_id=self.ids.uuid(),
                position_id=POSITION,
                account=ACCOUNT,
                plan_id=plan.plan_id,
                expires_at=NOW + timedelta(minutes=1),
            )
        )


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def new_counter() -> type[Counter]:
    """For tests that need one for each of many examples."""
    return Counter
