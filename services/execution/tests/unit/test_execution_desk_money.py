"""With whose money a desk may buy, and when it says no."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from kit.one_desk import (
    ACCOUNT,
    LEASE,
    T0,
    TIMES,
    Books,
    D,
    Desk,
    Venue,
    a_run,
    an_intent,
)

from execution.application.account_desk import AccountDesk
from execution.application.desk_tools import DeskTools
from execution.application.ports import DeskNeed
from execution.application.purse import MOMENT, Funds, Purses
from shared.testing import eventually
from shared.trading.errors import Denied, Unavailable
from shared.trading.status import AttemptState, LegStatus


async def test_a_buy_whose_money_is_there_is_sent_and_its_intent_is_bounded() -> None:
    desk = Desk(Venue())
    (attempt,) = await desk.trade()
    assert attempt.send_before == attempt.sent_by == T0 + TIMES.sign_bound


async def test_a_balance_that_was_read_for_the_plan_is_not_read_again_for_the_order_but_never_after_spending() -> None:
    desk = Desk(Venue())
    await desk.purse.warm()
    assert await desk.trade()
    assert desk.venue.asked == 1
    await desk.purse.at_least(D(1))
    assert desk.venue.asked == 2


async def test_what_a_plan_read_is_enough_for_its_order_and_forgotten_once_money_moves() -> None:
    desk = Desk(Venue())
    purses = Purses(venue=desk.venue, times=TIMES, clock=desk.clock)  # type: ignore[arg-type]
    assert await purses.of(ACCOUNT).fresh() == D(2000)
    assert await purses.of(ACCOUNT).at_least(D(1)) == D(2000)
    assert desk.venue.asked == 1
    desk.venue.meanwhile = purses.of(ACCOUNT).forget
    await purses.of(ACCOUNT).fresh()
    await purses.of(ACCOUNT).at_least(D(1))
    assert desk.venue.asked == 3


async def test_a_plan_is_never_told_what_was_read_for_another() -> None:
    desk = Desk(Venue())
    purse = Purses(venue=desk.venue, times=TIMES, clock=desk.clock).of(ACCOUNT)  # type: ignore[arg-type]
    await purse.fresh()
    desk.venue.balance = D(10)
    assert await purse.fresh() == D(10)


async def test_where_only_free_money_lies_a_plans_reading_serves_its_order_for_as_long_as_the_plan_lives() -> None:
    desk = Desk(Venue())
    await desk.purse.fresh()
    desk.clock.advance(59)
    assert await Funds(purse=desk.purse, needed=D(1100)).verdict(a_run()) is None
    assert desk.venue.asked == 1


async def test_where_positions_have_cash_of_their_own_an_old_reading_does_not_spend_it() -> None:
    desk = Desk(Venue(D(1500)))
    funds = Funds(purse=desk.purse, needed=D(1500))  # 1100 for the run, 400 are a position's own
    await desk.purse.fresh()
    desk.venue.balance = D(1200)  # the user takes 300 of what the plan counted on
    desk.clock.advance(MOMENT.total_seconds())
    assert await funds.verdict(a_run()) == "short"
    assert desk.venue.asked == 2


async def test_where_positions_have_cash_of_their_own_a_reading_of_this_moment_is_enough() -> None:
    desk = Desk(Venue(D(1500)))
    await desk.purse.fresh()
    desk.clock.advance(1)
    assert await Funds(purse=desk.purse, needed=D(1500)).verdict(a_run()) is None
    assert desk.venue.asked == 1


class Quiet:
    """Whatever else a desk works with: nothing happens, but for one question that a test lets be answered."""

    def __init__(self, open_orders: Collection[str] = ()) -> None:
        self.open_orders = set(open_orders)
        self.asked = False
        self.answered = asyncio.Event()
        self.connected = True

    def stream(self, *_: Any, **__: Any) -> Quiet:
        return self

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def renew(self, *_: Any) -> DeskNeed:
        return DeskNeed.WATCH

    async def take_over(self, _: Any) -> set[str]:
        return self.open_orders

    async def execute(self, *_: Any, **__: Any) -> tuple[set[str], timedelta]:
        self.asked = True
        await self.answered.wait()
        answered, self.open_orders = self.open_orders, set()
        return answered, timedelta(seconds=60)


class Resting(Books):
    """No run trades."""

    async def rest_desk(self, _: Any) -> None: ...


@asynccontextmanager
async def opened(desk: Desk, quiet: Quiet) -> AsyncIterator[None]:
    """The account's desk is opened, and works."""
    rest: Any = quiet
    tools = DeskTools(
        books=Resting(),
        bookkeeper=rest,
        purse=lambda _: desk.purse,
        trade_run=desk.trade_run,
        send_orders=rest,
        resolve=rest,
        streams=rest,
        register=rest,
        holder="one",
    )
    work = asyncio.create_task(AccountDesk(LEASE, tools).run())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.wait([work])


async def test_a_desk_that_opens_does_not_trust_what_was_read_before_others_may_have_traded() -> None:
    desk = Desk(Venue())
    await desk.purse.fresh()
    desk.clock.advance(MOMENT.total_seconds())
    async with opened(desk, Quiet()):
        await eventually(lambda: desk.venue.asked == 2, because="the desk reads again")


async def test_a_desk_that_a_plan_opens_keeps_the_plans_reading() -> None:
    desk = Desk(Venue())
    await desk.purse.fresh()
    desk.purse.doubt()
    await desk.purse.at_least(D(1))
    assert desk.venue.asked == 1


async def test_what_was_read_before_an_answer_about_an_order_was_booked_is_forgotten() -> None:
    desk, quiet = Desk(Venue()), Quiet(["link"])
    async with opened(desk, quiet):
        await eventually(lambda: quiet.asked, because="the order is asked about")
        await desk.purse.fresh()
        quiet.answered.set()

        async def read_again() -> bool:
            await desk.purse.at_least(D(1))
            return desk.venue.asked > 1

        await eventually(read_again, because="the purse forgets")


async def test_purses_that_nobody_uses_make_room() -> None:
    desk = Desk(Venue())
    purses = Purses(venue=desk.venue, times=TIMES, clock=desk.clock, most=1)  # type: ignore[arg-type]
    purse = purses.of(ACCOUNT)
    assert purses.of(ACCOUNT) is purse
    purses.of(replace(ACCOUNT, account_id=uuid4()))
    assert purses.of(ACCOUNT) is not purse


async def test_too_little_money_ends_the_legs_with_their_reason_and_nothing_is_sent() -> None:
    desk = Desk(Venue(D(1000)))
    assert await desk.trade() == []
    assert (desk.books.leg.status, desk.books.leg.reason) == (LegStatus.CANCELLED, "insufficient_balance")


async def test_money_that_other_runs_have_put_aside_is_not_spent() -> None:
    desk = Desk(Venue(D(2000)))
    desk.books.put_aside = D(2200)
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.reason == "insufficient_balance"


async def test_what_was_put_aside_at_another_moment_than_the_balance_was_read_is_no_reason_to_refuse() -> None:
    desk = Desk(Venue(D(1100)), Books(open_attempts=[an_intent(state=AttemptState.ACKED)]))
    # Another buy fills and is booked while the balance is read: the answer is without its money, the need is with it.
    desk.venue.meanwhile = desk.books.attempts.clear
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.status is LegStatus.PLANNED
    assert len(await desk.trade(needed="1100")) == 1


async def test_while_orders_of_the_account_are_on_their_way_their_money_may_be_counted_twice_so_the_buy_waits() -> None:
    desk = Desk(Venue(D(2000)), Books(open_attempts=[an_intent(state=AttemptState.ACKED)]))
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.status is LegStatus.PLANNED


async def test_a_no_is_never_said_on_an_old_reading() -> None:
    desk = Desk(Venue(D(10)))
    await desk.purse.warm()
    desk.venue.balance = D(2000)
    assert len(await desk.trade()) == 1


async def test_what_was_read_before_money_was_spent_is_forgotten_even_if_the_answer_comes_later() -> None:
    desk = Desk(Venue())
    desk.venue.meanwhile = desk.purse.forget
    await desk.purse.warm()
    await desk.purse.at_least(D(1))
    assert desk.venue.asked == 2


async def test_an_accepted_buy_survives_the_venues_outage_until_it_expires_and_then_says_why() -> None:
    desk = Desk(Venue(Unavailable(code="venue_unavailable")))
    for _ in range(2000):  # a pass every quarter of a second, for longer than the bus would deliver again
        assert await desk.trade() == []
        assert desk.books.leg.status is LegStatus.PLANNED
        desk.clock.advance(0.25)
    assert desk.venue.asked < 20, "the venue is not hammered while it is away"
    desk.clock.advance(101)
    assert await desk.trade() == []
    assert (desk.books.leg.status, desk.books.leg.reason) == (LegStatus.CANCELLED, "venue_unavailable")


async def test_a_key_that_works_no_more_ends_the_buy_at_once() -> None:
    desk = Desk(Venue(Denied(code="key_suspended")))
    assert await desk.trade() == []
    assert desk.books.leg.reason == "key_suspended"
