"""A position's own cash must be on the account like its coins: what its owner takes of it is seen, shared and asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from execution.application.check_balances import CheckBalances
from execution.application.closable import must_stand_still
from execution.application.ports import Account
from execution.application.resolve_shortage import ResolveShortage
from execution.domain.errors import PositionBusy
from execution.domain.journal import LedgerAccount, imbalance
from execution.domain.position import Position
from execution.domain.shortage import ShortageAnswer, ShortageState
from shared.trading.status import AttemptState, PositionStatus

D = Decimal
A, B, C = UUID(int=3), UUID(int=33), UUID(int=333)


class Cash:
    """Two positions with a bitcoin each; the first has 10 of its own money, the second 30."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        self.usdt, self.btc = D(1000), D(2)
        first = replace(counter.position, contributed=D(110), invested=D(100))
        counter.holds("1")
        counter.state.positions[A] = first
        counter.state.positions[B] = replace(first, position_id=B, contributed=D(130))
        counter.state.holdings_[B, "BTC"] = replace(counter.state.holdings_[A, "BTC"], position_id=B)
        counter.clock.advance(60)
        self.account = Account(user_id=first.user_id, account_id=first.account_id, environment=first.environment)

    async def balances(self, _account: Any, _assets: Any) -> Mapping[str, D]:
        return {"USDT": self.usdt, "BTC": self.btc}

    async def is_compared(self) -> bool:
        check = CheckBalances(
            books=self.counter.books,
            venue=self,  # type: ignore[arg-type]
            clock=self.counter.clock,
            ids=self.counter.ids,
        )
        return await check.execute(self.account, ["USDT", "BTC"])

    async def is_answered(self, how: ShortageAnswer, asset: str = "USDT") -> None:
        answers = ResolveShortage(books=self.counter.books, clock=self.counter.clock)
        await answers.execute(
            user_id=self.account.user_id, account_id=self.account.account_id, asset=asset, how=how, shortage_id=None
        )

    def position(self, position_id: UUID) -> Position:
        found: Position = self.counter.state.positions[position_id]
        return found

    @property
    def shares(self) -> dict[UUID, D]:
        [(_, shares)] = self.counter.state.shortages_.values()
        return dict(shares)

    @property
    def ended(self) -> str | None:
        [(shortage, _)] = self.counter.state.shortages_.values()
        assert shortage.state is ShortageState.RESOLVED
        how: str | None = shortage.how
        return how

    def closes(self, position_id: UUID) -> None:
        """Its cash is free money now."""
        self.counter.clock.advance(1)
        now, open_ = self.counter.clock.now(), self.position(position_id)
        paid = replace(open_, withdrawn=open_.withdrawn + open_.cash)
        self.counter.state.positions[position_id] = paid.moved(PositionStatus.CLOSED, now)
        self.counter.clock.advance(1)


@pytest.fixture
def cash(counter: Any) -> Cash:
    return Cash(counter)


async def test_free_money_goes_first(cash: Cash) -> None:
    cash.usdt = D(40)
    assert not await cash.is_compared()
    assert cash.counter.state.shortages_ == {}


async def test_what_is_missing_is_shared_pro_rata_and_nothing_trades_on_it(cash: Cash) -> None:
    cash.usdt = D(20)
    assert await cash.is_compared()
    assert cash.shares == {A: D(5), B: D(15)}
    assert [cash.position(one).trading_paused for one in (A, B)] == ["shortage:USDT"] * 2
    assert [cash.position(one).cash for one in (A, B)] == [10, 30], "the books wait for the user's word"
    async with cash.counter.books.work(cash.account.user_id) as work:
        with pytest.raises(PositionBusy) as refusal:
            await must_stand_still(work, cash.position(A))
    assert refusal.value.context["reason"] == "shortage:USDT"


async def test_money_that_is_back_ends_it(cash: Cash) -> None:
    cash.usdt = D(20)
    await cash.is_compared()
    cash.usdt = D(41)
    assert await cash.is_compared()
    assert cash.ended == "returned"
    assert [cash.position(one).trading_paused for one in (A, B)] == [None, None]
    assert [cash.position(one).cash for one in (A, B)] == [10, 30]


async def test_a_shortage_that_ends_with_a_position_is_not_told_as_money_that_came_back(cash: Cash) -> None:
    cash.usdt = D(20)
    await cash.is_compared()
    cash.counter.state.positions[C] = replace(cash.position(A), position_id=C, contributed=D(200))
    cash.usdt = D(120)
    cash.closes(C)
    assert await cash.is_compared(), "its hundred stand in for the twenty that are still gone"
    assert cash.ended == "covered"
    assert [cash.position(one).trading_paused for one in (A, B)] == [None, None]


async def test_no_more_leaves_a_position_by_the_users_word_than_it_has(cash: Cash) -> None:
    cash.usdt = D(20)
    await cash.is_compared()
    cash.counter.state.positions[B] = replace(cash.position(B), contributed=D(104))
    await cash.is_answered(ShortageAnswer.WITHDRAWN)
    [(ended, shares)] = cash.counter.state.shortages_.values()
    assert (ended.quantity, shares) == (D(9), {A: D(5), B: D(4)}), "a late match had taken 11 of the 15"
    assert cash.counter.state.answers[-1].quantity == D(9)


@pytest.mark.parametrize("how", [ShortageAnswer.SOLD, ShortageAnswer.WITHDRAWN])
async def test_the_users_word_takes_it_out_of_the_positions(cash: Cash, how: ShortageAnswer) -> None:
    cash.usdt = D(20)
    await cash.is_compared()
    before = {one: cash.position(one) for one in (A, B)}
    await cash.is_answered(how)
    for one, share in ((A, D(5)), (B, D(15))):
        after = cash.position(one)
        assert (after.cash, after.withdrawn) == (before[one].cash - share, before[one].withdrawn + share)
        assert (after.contributed, after.invested, after.status) == (
            before[one].contributed,
            before[one].invested,
            PositionStatus.ACTIVE,
        )
        assert after.trading_paused is None
    lines = cash.counter.state.lines
    assert imbalance(lines) == {}
    moved = {(line.ledger, line.position_id): line.amount for line in lines}
    assert moved[LedgerAccount.POSITION, A] == D(-5)
    assert {line.asset for line in lines} == {"USDT"}
    assert not await cash.is_compared(), "books and balance agree again"


async def test_a_position_whose_last_coin_is_gone_gives_its_cash_back(cash: Cash) -> None:
    cash.btc = D(0)
    await cash.is_compared()
    await cash.is_answered(ShortageAnswer.SOLD, "BTC")
    for one, own in ((A, D(10)), (B, D(30))):
        position = cash.position(one)
        assert (position.status, position.cash, position.withdrawn) == (PositionStatus.CLOSED, D(0), own)
    assert imbalance(cash.counter.state.lines) == {}


async def test_while_an_order_waits_for_a_person_nothing_is_said_about_money(cash: Cash) -> None:
    cash.counter.sent(cash.counter.bought, AttemptState.NEEDS_ATTENTION)
    cash.usdt = D(0)
    assert not await cash.is_compared()
