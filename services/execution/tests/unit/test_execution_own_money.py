"""A rebalance has sold already: what its position owns buys again, unless the account really does not hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.execution_counter import ACCOUNT, LINKING
from kit.one_desk import TIMES, Market, a_leg, a_run

from execution.application.check_balances import CheckBalances
from execution.application.ports import DeskLease
from execution.application.purse import Funds, Purse, needed_for
from execution.application.trade_run import TradeRun
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Position, RunKind
from execution.domain.shortage import AT_REST_FOR
from shared.trading.quote import Quote
from shared.trading.status import LegStatus

D = Decimal
A, B = UUID(int=3), UUID(int=33)
LEASE = DeskLease(account=ACCOUNT, fence=1)


class Fresh(Market):
    """Quotes are always fresh."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self.clock = clock

    async def quotes(self, *_: Any, **__: Any) -> dict[str, Quote]:
        return {"BTCUSDT": Quote(symbol="BTCUSDT", bid=D(99), ask=D(100), last=D(100), at=self.clock.now())}


class Rebalance:
    """A holds a bitcoin and stands still; B sells for 1100 and wants to buy for 1010 at most."""

    def __init__(self, counter: Any) -> None:
        self.counter, self.clock = counter, counter.clock
        self.usdt = D(1100)
        counter.holds("1")
        first = replace(counter.position, contributed=D(100), invested=D(100))
        counter.state.positions |= {A: first, B: replace(first, position_id=B)}
        self.clock.advance(60)
        now = self.clock.now()
        same = {"position_id": B, "account_id": ACCOUNT.account_id}
        self.run = a_run(
            kind=RunKind.REBALANCE, approved=D(0), accepted_at=now, expires_at=now + timedelta(minutes=10), **same
        )
        self.purse = Purse(venue=self, account=ACCOUNT, times=TIMES, clock=self.clock)  # type: ignore[arg-type]
        self.trade_run = TradeRun(
            books=counter.books,
            market=Fresh(self.clock),  # type: ignore[arg-type]
            linking=LINKING,
            times=TIMES,
            clock=self.clock,
            ids=counter.ids,
        )

    async def spendable(self, *_: Any) -> D:
        return self.usdt

    async def balances(self, *_: Any) -> Mapping[str, D]:
        return {"USDT": self.usdt, "BTC": D(2)}

    async def is_compared(self) -> bool:
        check = CheckBalances(
            books=self.counter.books,
            venue=self,  # type: ignore[arg-type]
            clock=self.clock,
            ids=self.counter.ids,
        )
        return await check.execute(ACCOUNT, ["USDT"])

    def has_sold(self) -> None:
        """The sells are booked this moment: it is the turn of the buy."""
        state = self.counter.state
        state.positions[B] = replace(state.positions[B], proceeds=D(1100), traded_at=self.clock.now())
        state.runs[self.run.run_id] = self.run
        leg = replace(a_leg(), position_id=B, account_id=ACCOUNT.account_id)
        state.legs_[leg.leg_id] = leg

    async def buys(self) -> int:
        """How many orders are sent now."""
        async with self.counter.books.work(ACCOUNT.user_id) as work:
            needed = await needed_for(work, self.run, younger=())
        funds = Funds(purse=self.purse, needed=needed)
        attempts: list[Attempt] = list(await self.trade_run.intents(LEASE, self.run, [self.leg], funds))
        return len(attempts)

    def paused(self) -> list[str | None]:
        return [self.counter.state.positions[one].trading_paused for one in (A, B)]

    @property
    def leg(self) -> Leg:
        found: Leg = self.counter.state.legs_[a_leg().leg_id]
        return found

    def has(self, position_id: UUID, *, cash: str) -> None:
        position: Position = self.counter.state.positions[position_id]
        self.counter.state.positions[position_id] = replace(position, contributed=position.invested + D(cash))


@pytest.fixture
def rebalance(counter: Any) -> Rebalance:
    return Rebalance(counter)


async def test_a_wallet_that_does_not_show_the_proceeds_yet_makes_the_buys_wait(rebalance: Rebalance) -> None:
    rebalance.has_sold()
    rebalance.usdt = D(0)
    assert await rebalance.buys() == 0
    assert rebalance.leg.status is LegStatus.PLANNED
    rebalance.clock.advance(1)
    rebalance.usdt = D(1100)
    assert await rebalance.buys() == 1


async def test_money_that_never_shows_is_missing_once_the_wallet_had_its_time(rebalance: Rebalance) -> None:
    rebalance.has_sold()
    rebalance.usdt = D(0)
    rebalance.clock.advance(AT_REST_FOR.total_seconds())
    assert await rebalance.buys() == 0
    assert rebalance.leg.status is LegStatus.PLANNED
    rebalance.clock.advance(0.001)
    assert await rebalance.buys() == 0
    assert (rebalance.leg.status, rebalance.leg.reason) == (LegStatus.CANCELLED, "insufficient_balance")


async def test_rounding_that_is_no_shortage_keeps_nobody_from_buying_again(rebalance: Rebalance) -> None:
    rebalance.has_sold()
    rebalance.usdt = D("1099.9999999")
    assert await rebalance.buys() == 1


async def test_what_is_more_than_rounding_is_missing(rebalance: Rebalance) -> None:
    rebalance.has_sold()
    rebalance.clock.advance(60)
    rebalance.usdt = D("1099.99999989")
    assert await rebalance.buys() == 0
    assert rebalance.leg.reason == "insufficient_balance"


async def test_another_positions_missing_cash_keeps_a_rebalance_from_nothing(rebalance: Rebalance) -> None:
    rebalance.has(A, cash="500")
    rebalance.usdt = D(0)
    assert await rebalance.is_compared()
    assert rebalance.paused() == ["shortage:USDT", None], "B bears nothing of it: its rebalance goes on"
    rebalance.has_sold()
    rebalance.usdt = D(1100)
    assert await rebalance.buys() == 1


async def test_a_rebalance_does_not_spend_what_another_position_still_has(rebalance: Rebalance) -> None:
    rebalance.has(A, cash="500")
    rebalance.usdt = D(300)
    await rebalance.is_compared()
    rebalance.has_sold()
    rebalance.usdt = D(1399)  # A misses 200 and has 300; of B's 1100 one is gone
    rebalance.clock.advance(60)
    assert await rebalance.buys() == 0
    assert rebalance.leg.reason == "insufficient_balance"


async def test_money_that_came_back_for_a_shortage_is_no_free_money(rebalance: Rebalance) -> None:
    rebalance.has(A, cash="500")
    rebalance.usdt = D(0)
    await rebalance.is_compared()
    buy = a_run(position_id=B, account_id=ACCOUNT.account_id)
    async with rebalance.counter.books.work(ACCOUNT.user_id) as work:
        assert await needed_for(work, buy, younger=()) == D(500)


async def test_what_a_younger_rebalance_has_put_aside_stays_its_positions_own(rebalance: Rebalance) -> None:
    rebalance.has_sold()
    assert await rebalance.buys() == 1
    buy = a_run(account_id=ACCOUNT.account_id)
    async with rebalance.counter.books.work(ACCOUNT.user_id) as work:
        assert await needed_for(work, buy, younger=[rebalance.run]) == D(1100)
