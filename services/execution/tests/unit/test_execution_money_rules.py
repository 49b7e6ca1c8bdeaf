"""What is never sold twice, never lost and never left behind."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from execution.application.book_ports import Reservation
from execution.application.make_close_plan import MakeClosePlan
from execution.domain.attempt import Attempt
from execution.domain.errors import PositionNotClosable
from execution.domain.journal import JournalLine, LedgerAccount, imbalance
from execution.domain.next_step import Step, next_step
from execution.domain.position import RunKind
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact
from shared.trading.errors import Unavailable
from shared.trading.status import AttemptState, LegStatus, PositionStatus

D = Decimal


class Room:
    """The one door that a refused plan goes through."""

    def __init__(self, books: Any) -> None:
        self.books = books


@pytest.mark.parametrize("state", [AttemptState.NEEDS_ATTENTION, AttemptState.UNKNOWN, AttemptState.ACKED])
async def test_while_an_order_of_a_position_is_unresolved_nobody_plans_to_sell_it(
    counter: Any, state: AttemptState
) -> None:
    counter.holds("1")
    counter.sent(counter.a_run(RunKind.CLOSE), state)
    plans = MakeClosePlan(Room(counter.books))  # type: ignore[arg-type]
    with pytest.raises(PositionNotClosable):
        await plans.execute(user_id=counter.position.user_id, position_id=counter.position.position_id)


@pytest.mark.parametrize("kind", [RunKind.CLOSE, RunKind.BUY])
async def test_a_close_beside_an_unresolved_order_sells_nothing_and_says_so(counter: Any, kind: RunKind) -> None:
    counter.holds("1")
    counter.sent(counter.a_run(kind), AttemptState.NEEDS_ATTENTION)
    await counter.close(counter.a_close_plan())
    assert counter.position.status is PositionStatus.ACTIVE
    assert counter.position.blocked_reason == "BTCUSDT:order_unresolved"
    assert [told.blocked_reason for told in counter.positions_told] == ["BTCUSDT:order_unresolved"]
    assert not counter.state.reservations


async def test_a_close_sells_no_coin_that_the_position_has_put_aside(counter: Any) -> None:
    counter.holds("1")
    aside = Reservation(
        holder_id=UUID(int=77),
        asset="BTC",
        user_id=counter.position.user_id,
        account_id=counter.position.account_id,
        position_id=counter.position.position_id,
        run_id=UUID(int=78),
        amount=D("0.4"),
    )
    counter.state.reservations[aside.holder_id, "BTC"] = aside
    plan = counter.a_close_plan("1")
    await counter.close(plan)
    assert [leg.quantity for leg in counter.state.legs_of_run(plan.plan_id)] == [D("0.6")]


async def test_a_second_close_of_a_closing_position_is_told_and_sells_nothing(counter: Any) -> None:
    counter.holds("1")
    first, second = counter.a_close_plan(), counter.a_close_plan()
    await counter.close(first)
    await counter.close(second)
    assert counter.position.run_id == first.plan_id
    assert counter.incidents == ["close_refused"]
    assert second.plan_id not in counter.state.runs


async def test_a_close_with_a_plan_that_is_gone_or_came_too_late_is_told(counter: Any) -> None:
    counter.holds("1")
    plan = counter.a_close_plan()
    del counter.state.plans[plan.plan_id]
    await counter.close(plan)
    assert counter.position.blocked_reason == "plan_not_found"
    counter.clock.advance(120)
    await counter.close(counter.a_close_plan())
    assert counter.position.blocked_reason == "plan_expired"
    assert [told.status for told in counter.positions_told] == [PositionStatus.ACTIVE] * 2


async def test_a_match_that_sold_coins_of_nobodys_position_is_booked_as_the_users_own(counter: Any) -> None:
    counter.holds("0", cost="0")
    order = counter.sent(counter.a_run(RunKind.CLOSE), AttemptState.ACKED)
    await counter.book(counter.a_match(order, "e1", "1", fee="0.1"))
    assert set(counter.state.fills) == {"e1"}
    assert counter.incidents == ["oversold"]
    assert (counter.holding().quantity, counter.holding().realised, counter.position.proceeds) == (0, 0, 0)
    assert imbalance(counter.state.lines) == {}
    own = {line.asset: line.amount for line in counter.state.lines if line.ledger is LedgerAccount.UNASSIGNED}
    assert own["BTC"] == -1
    assert sum(line.amount for line in counter.state.lines if line.ledger is LedgerAccount.UNASSIGNED) == D("98.9")


async def test_a_position_gains_only_by_the_coins_that_it_held(counter: Any) -> None:
    counter.holds("0.25", cost="20")
    order = counter.sent(counter.a_run(RunKind.CLOSE), AttemptState.ACKED)
    await counter.book(counter.a_match(order, "e1", "1", fee="0.1"))
    assert counter.holding().quantity == 0
    assert counter.holding().realised == D("25") - D("0.025") - D("20")
    assert counter.position.proceeds == D("24.975")
    assert counter.position.fees == D("0.025")
    assert imbalance(counter.state.lines) == {}
    held = {
        asset: sum(
            line.amount for line in counter.state.lines if line.ledger is LedgerAccount.POSITION and line.asset == asset
        )
        for asset in ("BTC", "USDT")
    }
    assert held == {"BTC": D("-0.25"), "USDT": counter.position.cash}, "what a close brings is the user's own money"
    assert (counter.position.withdrawn, counter.position.cash) == (D("24.975"), 0)


async def test_one_match_that_cannot_be_booked_keeps_no_other_from_the_books(counter: Any) -> None:
    order = counter.sent(counter.bought, AttemptState.ACKED)
    in_its_way = JournalLine(
        user_id=order.user_id,
        account_id=order.account_id,
        position_id=None,
        ledger=LedgerAccount.UNASSIGNED,
        source="bad",
        number=0,
        asset="BTC",
        amount=D(0),
        at=counter.clock.now(),
    )
    counter.state.journal[order.account_id, "bad", 0] = in_its_way
    for _ in range(2):
        await counter.book(counter.a_match(order, "bad", "0.1"), counter.a_match(order, "good", "0.2"))
    assert set(counter.state.fills) == {"good"}
    assert counter.holding().quantity == D("0.2")
    assert set(counter.incidents) == {"unbookable_fact"}
    assert {told.once for told in counter.state.told if hasattr(told, "once")} == {"bad"}


async def test_without_a_database_no_fact_is_given_up(counter: Any) -> None:
    class Away:
        def work(self, user_id: UUID) -> Any:
            raise Unavailable

    order = counter.sent(counter.bought, AttemptState.ACKED)
    counter.bookkeeper._books = Away()
    with pytest.raises(Unavailable):
        await counter.book(counter.a_match(order, "e1", "1"))


@pytest.mark.parametrize("over", [PositionStatus.CLOSED, PositionStatus.FAILED])
async def test_a_late_buy_opens_a_position_that_was_over(counter: Any, over: PositionStatus) -> None:
    order = counter.sent(counter.bought, AttemptState.CANCELLED)
    counter.stands(over, counter.a_run(RunKind.CLOSE))
    await counter.book(counter.a_match(order, "late", "0.5"))
    reopened = counter.position
    assert reopened.status is PositionStatus.ACTIVE
    assert not reopened.complete
    assert reopened.reasons == ("BTCUSDT:late_fill",)
    assert [told.status for told in counter.positions_told] == [PositionStatus.ACTIVE]
    assert counter.incidents == ["late_execution", "position_reopened"]
    await counter.close(counter.a_close_plan("0.5"))
    assert counter.position.status is PositionStatus.CLOSING


async def test_a_late_buy_beside_a_close_that_still_sells_does_not_end_it(counter: Any) -> None:
    order = counter.sent(counter.bought, AttemptState.CANCELLED)
    selling = counter.a_run(RunKind.CLOSE)
    counter.stands(PositionStatus.CLOSING, selling)
    await counter.book(counter.a_match(order, "late", "0.5"))
    assert counter.position.status is PositionStatus.CLOSING
    assert counter.state.legs_[order.leg_id].status is LegStatus.CANCELLED


@pytest.mark.parametrize(("status", "told"), [(PositionStatus.ACTIVE, True), (PositionStatus.REBALANCING, False)])
async def test_a_late_match_of_an_older_run_shows_in_the_figures_of_a_position_at_rest(
    counter: Any, status: PositionStatus, *, told: bool
) -> None:
    order = counter.sent(counter.bought, AttemptState.CANCELLED)
    counter.stands(status, counter.a_run(RunKind.REBALANCE))
    before = counter.position
    await counter.book(counter.a_match(order, "late", "0.5"))
    assert counter.position.invested == before.invested + 50
    assert counter.position.status is status
    assert counter.positions_told == ([counter.position] if told else [])
    assert counter.position.version == before.version + told


TIMES = ProtocolTimes()


def what_is_due(attempt: Attempt, after: timedelta) -> Step:
    now = attempt.sent_by + after
    return next_step(attempt, now=now, times=TIMES, in_band=None, may_trade=False)


async def looked_for(counter: Any, attempt: Attempt, *after: timedelta) -> Attempt:
    for wait in after:
        await counter.book(AbsenceFact(link_id=attempt.link_id, asked_at=attempt.sent_by + wait))
    found: Attempt = counter.state.attempts[attempt.link_id]
    return found


async def test_three_clean_not_founds_end_an_order_that_waits_for_a_person(counter: Any) -> None:
    counter.holds("1")
    order = counter.sent(counter.a_run(RunKind.CLOSE), AttemptState.NEEDS_ATTENTION)
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    twice = await looked_for(counter, order, hour, hour + minute)
    assert what_is_due(twice, hour + minute) is not Step.CLOSE
    thrice = await looked_for(counter, order, hour + 2 * minute)
    assert what_is_due(thrice, hour + 2 * minute) is Step.CLOSE
    ended = thrice.closed_absent(thrice.sent_by + hour, reason="never_placed")
    assert ended.state is AttemptState.CANCELLED
    assert ended.held == 0


async def test_what_the_venue_no_longer_shows_proves_nothing(counter: Any) -> None:
    order = counter.sent(counter.bought, AttemptState.NEEDS_ATTENTION)
    days = [timedelta(days=day) for day in (7, 8, 9, 10)]
    assert what_is_due(await looked_for(counter, order, *days), days[-1]) is not Step.CLOSE


async def test_an_order_that_traded_is_never_absent(counter: Any) -> None:
    order = counter.sent(counter.bought, AttemptState.NEEDS_ATTENTION)
    await counter.book(counter.a_match(order, "e1", "0.4"))
    assert counter.state.attempts[order.link_id].state is AttemptState.PARTIAL
    hours = [timedelta(hours=hour) for hour in (1, 2, 3, 4)]
    after = await looked_for(counter, order, *hours)
    assert what_is_due(after, hours[-1]) is not Step.CLOSE
    assert after.closed_absent(after.sent_by, reason="x") is after
