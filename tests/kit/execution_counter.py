"""One position of one account in memory, with its orders and matches, beside the use cases that write books down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from execution.application.accept_close import AcceptClose
from execution.application.accepting import Command
from execution.application.bookkeeping import Bookkeeper
from execution.application.fee_prices import FeePrices
from execution.application.linking import Linking
from execution.application.ports import Account
from execution.application.told import IncidentTold, PositionTold
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import Position, PositionHolding, Run, RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import ExecutionFact
from kit.memory_execution_tables import BookTables
from kit.memory_house import House
from shared.testing import FakeClock, FakeIds
from shared.trading.quote import Quote
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = Account(user_id=UUID(int=2), account_id=UUID(int=1), environment=VenueEnvironment.PAPER)
POSITION = UUID(int=3)
LINKING = Linking(bytes(16))


class FakeBell:
    def ring(self, account_ids: object) -> None:
        pass

    def hand_over(self, fresh: object) -> None:
        pass


class Counter:
    """One position, bought by a run that is over, and whoever writes it down."""

    def __init__(self) -> None:
        self.state = BookTables(House(), ACCOUNT)
        self.books = self.state.books
        self.clock = FakeClock(NOW)
        self.ids = FakeIds()
        self.prices: dict[str, Quote] = {}
        self.bookkeeper = Bookkeeper(
            books=self.books,
            linking=LINKING,
            times=ProtocolTimes(),
            clock=self.clock,
            fee_prices=FeePrices(self, self.clock),  # type: ignore[arg-type]
        )
        self.accept = AcceptClose(books=self.books, bell=FakeBell(), clock=self.clock, ids=self.ids)
        self.bought = self.a_run(RunKind.BUY)
        self.state.positions[POSITION] = Position(
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
