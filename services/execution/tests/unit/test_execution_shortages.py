"""Coins that left the account are shared by the positions, pause them, and move only on the user's word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.application.check_balances import CheckBalances
from execution.application.closable import free_holdings, must_be_closable
from execution.application.ports import Account
from execution.application.resolve_shortage import ResolveShortage
from execution.application.told import ShortageTold
from execution.domain.errors import PositionNotClosable, ShortageChanged, ShortageNotFound
from execution.domain.journal import LedgerAccount, imbalance
from execution.domain.position import PositionHolding
from execution.domain.release import ReleaseReason
from execution.domain.shortage import LEAVE_BY, ShortageAnswer, ShortageState, missing, shared
from shared.trading.status import AttemptState, PositionStatus

D = Decimal
A, B, C = UUID(int=3), UUID(int=33), UUID(int=333)
SOLD, WITHDRAWN, WILL_RETURN = ShortageAnswer.SOLD, ShortageAnswer.WITHDRAWN, ShortageAnswer.WILL_RETURN


class FakeWallet:
    def __init__(self, **balances: str) -> None:
        self.balance = {coin: D(amount) for coin, amount in balances.items()}

    async def balances(self, account: Any, assets: Collection[str]) -> Mapping[str, D]:
        return {coin: amount for coin, amount in self.balance.items() if coin in assets}


class Two:
    """Two positions that hold BTC on one account: the first 1 for 100, the second as much as a test says."""

    def __init__(self, counter: Any, second: str) -> None:
        self.counter = counter
        self.wallet = FakeWallet(BTC="9")
        counter.holds("1")
        counter.clock.advance(60)
        self.add(B, second)
        position = counter.position
        self.account = Account(
            user_id=position.user_id, account_id=position.account_id, environment=position.environment
        )
        self.check = CheckBalances(books=counter.books, venue=self.wallet, clock=counter.clock, ids=counter.ids)  # type: ignore[arg-type]
        self.resolving = ResolveShortage(books=counter.books, clock=counter.clock)

    def add(self, position_id: UUID, quantity: str, cost: str = "300") -> None:
        state = self.counter.state
        state.positions[position_id] = replace(state.positions[A], position_id=position_id)
        state.holdings_[position_id, "BTC"] = replace(
            state.holdings_[A, "BTC"], position_id=position_id, quantity=D(quantity), cost=D(cost)
        )

    async def has(self, balance: str) -> None:
        """The account's balance is found to be this."""
        self.wallet.balance["BTC"] = D(balance)
        await self.check.execute(self.account, ["BTC"])

    async def says(self, how: ShortageAnswer, **changes: Any) -> Any:
        return await self.resolving.execute(
            user_id=self.account.user_id, account_id=self.account.account_id, asset="BTC", how=how, **changes
        )

    @property
    def shares(self) -> dict[UUID, D]:
        return {one: coins["BTC"] for one, coins in self.missing.items()}

    @property
    def missing(self) -> dict[UUID, dict[str, D]]:
        found: dict[UUID, dict[str, D]] = {}
        for shortage, shares in self.counter.state.shortages_.values():
            if shortage.state is not ShortageState.RESOLVED:
                for one, quantity in shares.items():
                    found.setdefault(one, {})[shortage.asset] = quantity
        return found

    def holding(self, position_id: UUID) -> PositionHolding:
        found: PositionHolding = self.counter.state.holdings_[position_id, "BTC"]
        return found

    def paused(self) -> list[str | None]:
        return [position.trading_paused for position in self.counter.state.positions.values()]

    def states(self) -> list[tuple[str, str | None]]:
        return [
            (told.shortage.state.value, told.shortage.how)
            for told in self.counter.state.told
            if isinstance(told, ShortageTold)
        ]


@pytest.fixture
def two(counter: Any) -> Two:
    return Two(counter, "3")


async def test_the_users_own_coins_come_first(two: Two) -> None:
    await two.has("4")
    assert two.counter.state.shortages_ == {}
    assert two.paused() == [None, None]


async def test_a_shortage_is_shared_pro_rata_and_pauses_those_who_hold_the_coin(two: Two) -> None:
    await two.has("3.6")
    assert two.shares == {A: D("0.1"), B: D("0.3")}
    assert two.paused() == ["shortage:BTC", "shortage:BTC"]
    assert [two.holding(one).quantity for one in (A, B)] == [1, 3], "the books wait for the user's word"
    async with two.counter.books.work(two.account.user_id) as work:
        position = await work.position(A)
        assert [row.quantity for row in await free_holdings(work, position)] == [D("0.9")]
        with pytest.raises(PositionNotClosable) as refusal:
            await must_be_closable(work, position)
    assert refusal.value.context["reason"] == "shortage:BTC"


async def test_the_same_balance_again_says_nothing_new(two: Two) -> None:
    for _ in range(3):
        await two.has("3.6")
    assert two.states() == [("open", None)]


async def test_a_closing_order_is_refused_while_coins_are_missing(two: Two) -> None:
    plan = two.counter.a_close_plan()
    await two.has("3.6")
    await two.counter.close(plan)
    assert two.counter.position.status is PositionStatus.ACTIVE
    assert two.counter.position.blocked_reason == "shortage:BTC"
    assert two.counter.state.reservations == {}


async def test_what_goes_missing_later_is_shared_by_what_is_still_there(two: Two) -> None:
    await two.has("3.6")
    two.add(C, "4")
    two.counter.clock.advance(1)
    await two.has("7.6")
    assert two.shares == {A: D("0.1"), B: D("0.3")}, "who bought later takes no part in what was missing before"
    await two.has("6.84")
    assert sum(two.shares.values()) == D("1.16")
    assert two.shares[C] == D("0.4"), "0.76 more over 7.6 that are free"


async def test_coins_that_come_back_relieve_each_position_and_end_the_shortage(two: Two) -> None:
    await two.has("3.6")
    await two.says(WILL_RETURN)
    await two.has("3.8")
    assert two.shares == {A: D("0.05"), B: D("0.15")}
    await two.has("4.5")
    assert two.shares == {}
    assert two.paused() == [None, None]
    assert two.states()[-1] == ("resolved", "returned")
    assert [two.holding(one).quantity for one in (A, B)] == [1, 3]


@pytest.mark.parametrize("how", [SOLD, WITHDRAWN])
async def test_the_users_word_takes_the_coins_off_at_average_cost(two: Two, how: ShortageAnswer) -> None:
    await two.has("3.6")
    two.counter.clock.advance(1)
    shortage, shares = await two.says(how)
    assert (shortage.state, shortage.how, sum(shares.values())) == (ShortageState.RESOLVED, how, D("0.4"))
    assert [(two.holding(one).quantity, two.holding(one).cost) for one in (A, B)] == [
        (D("0.9"), D(90)),
        (D("2.7"), D(270)),
    ]
    assert [two.holding(one).realised for one in (A, B)] == [0, 0]
    lines = two.counter.state.lines
    assert imbalance(lines) == {}
    assert sum(line.amount for line in lines if line.ledger is LedgerAccount.UNASSIGNED) == D("0.4")
    assert two.paused() == [None, None]
    assert [(row.how, row.quantity) for row in two.counter.state.answers] == [(how, D("0.4"))]
    assert {one.traded_at for one in two.counter.state.positions.values()} == {two.counter.clock.now()}
    two.counter.clock.advance(1)
    await two.has("3.6")
    assert two.shares == {}, "books and account agree"


async def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(two: Two) -> None:
    await two.has("3.6")
    first = await two.says(SOLD)
    lines = len(two.counter.state.lines)
    assert await two.says(SOLD) == first
    assert await two.says(SOLD, shortage_id=first[0].shortage_id) == first
    assert len(two.counter.state.lines) == lines
    with pytest.raises(ShortageChanged):
        await two.says(WITHDRAWN)


async def test_an_answer_to_an_old_shortage_never_meets_a_new_one(two: Two) -> None:
    await two.has("3.6")
    old = await two.says(SOLD)
    two.counter.clock.advance(1)
    await two.has("3")
    assert (await two.says(SOLD, shortage_id=old[0].shortage_id))[0] == old[0]
    assert sum(two.shares.values()) == D("0.6"), "the new one still waits"
    with pytest.raises(ShortageNotFound):
        await two.says(SOLD, shortage_id=UUID(int=77))


async def test_who_waits_may_still_say_that_it_was_sold(two: Two) -> None:
    await two.has("3.6")
    for _ in range(2):
        await two.says(WILL_RETURN)
    assert two.paused() == ["shortage:BTC", "shortage:BTC"]
    await two.says(SOLD)
    assert two.states() == [("open", None), ("waiting", "will_return"), ("resolved", "sold")]


async def test_nothing_is_missing_nothing_can_be_answered(two: Two) -> None:
    with pytest.raises(ShortageNotFound):
        await two.says(SOLD)


async def test_a_position_that_lost_everything_is_over(two: Two) -> None:
    await two.has("0")
    await two.says(WITHDRAWN)
    statuses = {one.status for one in two.counter.state.positions.values()}
    assert statuses == {PositionStatus.CLOSED}
    assert {two.holding(one).cost for one in (A, B)} == {D(0)}


async def test_while_an_order_moves_nothing_is_concluded(two: Two) -> None:
    attempt = two.counter.sent(two.counter.bought, AttemptState.ACKED)
    await two.has("1")
    assert two.shares == {}
    two.counter.state.attempts[attempt.link_id] = replace(attempt, state=AttemptState.NEEDS_ATTENTION)
    await two.has("1")
    assert two.shares == {}, "an order that waits for a person may have moved this very coin"
    two.counter.state.attempts[attempt.link_id] = replace(attempt, state=AttemptState.FILLED)
    await two.has("1")
    assert sum(two.shares.values()) == 3


async def test_a_balance_read_before_a_match_was_booked_proves_nothing(two: Two) -> None:
    later = two.counter.clock.now() + timedelta(seconds=1)
    two.counter.state.positions[A] = replace(two.counter.state.positions[A], traded_at=later)
    await two.has("1")
    assert two.shares == {}


QUANTITIES = st.decimals("0.00000001", "5000", places=8)


@given(
    held=st.lists(QUANTITIES, min_size=1, max_size=6),
    parts=st.lists(st.fractions(0, 1), min_size=1, max_size=8),
)
def test_shares_always_sum_to_what_is_missing_and_none_exceeds_its_position(held: list[D], parts: list[Any]) -> None:
    book = {UUID(int=number): quantity for number, quantity in enumerate(held)}
    total = sum(held)
    shares: dict[UUID, D] = {}
    for part in parts:
        short = (total * part.numerator / part.denominator).quantize(D("1e-10"), rounding="ROUND_DOWN")
        shares = shared(short, shares, book)
        assert sum(shares.values()) == short
        assert all(D(0) < share <= book[one] for one, share in shares.items())


def test_the_venues_rounding_is_not_missing() -> None:
    held = {A: D(1), B: D(3)}
    assert missing(held, D("3.9999998")) == 0
    assert missing(held, D("3.9999997")) == D("0.0000003")
    assert missing(held, D(-1)) == 4, "what is borrowed beyond is not the positions'"
    assert missing(held, D(5)) == 0


@pytest.mark.parametrize("how", list(ShortageAnswer))
def test_every_answer_says_whether_and_why_coins_leave(how: ShortageAnswer) -> None:
    why = LEAVE_BY[how]
    assert (why is None) == (how is WILL_RETURN), "whoever waits gives nothing up"
    assert why is not ReleaseReason.RESIDUAL, "what the venue would not sell was not missing"
