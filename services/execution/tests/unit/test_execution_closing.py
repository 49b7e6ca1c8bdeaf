"""A close ends what it can end: a position of cash alone is over without an order, and one that cannot be sold keeps its cash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from kit.execution_counter import ACCOUNT, NOW, POSITION, Counter
from kit.execution_shop import Shop, checks

from execution.application.settle_run import settle_run
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.run_money import settled_flow
from execution.domain.trading_room import Stop
from shared.trading.errors import Denied
from shared.trading.status import LegStatus, PositionStatus, Side

D = Decimal


@pytest.fixture
def shop(counter: Counter) -> Shop:
    """The position has 50 USDT of its own, and the coins that a test says."""
    counter.state.positions[POSITION] = replace(counter.position, contributed=D(1000), invested=D(950))
    return Shop(counter)


async def test_a_position_of_cash_alone_is_over_without_an_order_and_its_cash_is_paid_out(shop: Shop) -> None:
    shop.holds(AAA="0")
    plan = await shop.close()
    assert (plan.legs, plan.executable, plan.amount, plan.cash_after) == ([], True, D(50), D(0))
    await shop.counter.close(plan)
    over = shop.counter.position
    assert (over.status, over.complete, over.blocked_reason) == (PositionStatus.CLOSED, True, None)
    assert (over.withdrawn, over.cash) == (D(50), D(0))
    assert [told.status for told in shop.counter.positions_told] == [PositionStatus.CLOSING, PositionStatus.CLOSED]
    assert not shop.counter.state.legs_
    paid = {line.ledger.value: line.amount for line in shop.counter.state.lines}
    assert paid == {"position": D(-50), "unassigned": D(50)}


def _suspended(shop: Shop) -> None:
    shop.active = False


def _revoked(shop: Shop) -> None:
    """Nobody has noticed yet that the venue does not take the key any more."""
    shop.key = Denied("The key was revoked.", code="key_denied")


@pytest.mark.parametrize("stop", [_suspended, _revoked])
async def test_a_position_of_cash_alone_is_over_though_its_key_may_not_trade(
    shop: Shop, stop: Callable[[Shop], None]
) -> None:
    stop(shop)
    plan = await shop.close()
    assert (plan.legs, plan.executable, plan.amount, plan.available) == ([], True, D(50), D(0))
    await shop.counter.close(plan)
    assert (shop.counter.position.status, shop.counter.position.withdrawn) == (PositionStatus.CLOSED, D(50))
    state = shop.counter.state
    assert (state.legs_, state.attempts, state.reservations) == ({}, {}, {})
    assert state.desks == [], "nobody opens a stream with a key that does not work"


@pytest.mark.parametrize("stop", [_suspended, _revoked])
async def test_coins_are_not_planned_to_be_sold_with_a_key_that_may_not_trade(
    shop: Shop, stop: Callable[[Shop], None]
) -> None:
    shop.holds(AAA="6")
    stop(shop)
    with pytest.raises(Denied):
        await shop.close()
    assert not shop.counter.state.plans


async def test_what_a_close_brings_is_told_without_what_nobody_buys(shop: Shop) -> None:
    shop.holds(AAA="6", CCC="1")
    shop.bids["CCC"] = "0"
    plan = await shop.close()
    assert (checks(plan), plan.amount) == ({"AAA": "ok", "CCC": "illiquid"}, D(600)), "and without cash that stays"


async def test_what_a_close_brings_is_told_without_what_is_halted(shop: Shop) -> None:
    shop.holds(AAA="6", CCC="1")
    shop.stops = [Stop(symbol="AAAUSDT", everything=True, reason="by you")]
    plan = await shop.close()
    assert (checks(plan), plan.amount) == ({"AAA": "halted", "CCC": "ok"}, D(100))
    shop.stops = []
    assert (await shop.close()).amount == D(750), "all is sold and the position ends with its cash"


async def test_a_position_of_nothing_at_all_is_over_too(shop: Shop) -> None:
    shop.counter.state.positions[POSITION] = replace(shop.counter.position, withdrawn=D(50))
    plan = await shop.close()
    assert (plan.legs, plan.executable, plan.amount) == ([], True, D(0))
    await shop.counter.close(plan)
    assert (shop.counter.position.status, shop.counter.position.withdrawn) == (PositionStatus.CLOSED, D(50))
    assert not shop.counter.state.lines


async def test_a_position_of_dust_and_cash_is_over_and_the_dust_is_the_users_own(shop: Shop) -> None:
    shop.holds(AAA="0.01")
    plan = await shop.close()
    assert (checks(plan), plan.executable, plan.cash_after) == ({"AAA": "residual"}, True, D(0))
    await shop.counter.close(plan)
    assert (shop.counter.position.status, shop.counter.position.cash) == (PositionStatus.CLOSED, D(0))


async def test_a_close_that_can_sell_nothing_is_refused_and_the_cash_stays_the_positions(shop: Shop) -> None:
    shop.holds(AAA="6", BBB="0.01")
    shop.bids["AAA"] = "0"
    plan = await shop.close()
    assert (checks(plan), plan.executable) == ({"AAA": "illiquid", "BBB": "residual"}, False)
    assert plan.cash_after == D(50)
    await shop.counter.close(plan)
    stands = shop.counter.position
    assert (stands.status, stands.blocked_reason) == (PositionStatus.ACTIVE, "nothing_to_sell")
    assert (stands.withdrawn, stands.cash) == (D(0), D(50))
    assert not shop.counter.state.legs_


async def test_a_close_whose_orders_sell_nothing_after_all_pays_nothing_out(shop: Shop) -> None:
    shop.holds(AAA="6", CCC="1")
    shop.bids["CCC"] = "0"
    plan = await shop.close()
    assert (checks(plan), plan.executable) == ({"AAA": "ok", "CCC": "illiquid"}, True)
    assert plan.cash_after == D(50), "it does not end"
    stands = await _ended(shop, plan, "0")
    assert (stands.counter.position.withdrawn, stands.counter.position.cash) == (D(0), D(50))


async def _ended(shop: Shop, plan: Plan, sold: str) -> Shop:
    """The close after its one order sold that many coins at 100 and was cancelled."""
    counter = shop.counter
    await counter.close(plan)
    async with counter.books.work(ACCOUNT.user_id) as work:
        [leg] = [leg for leg in await work.legs_of_run(plan.plan_id) if leg.status is LegStatus.PLANNED]
        ended = replace(leg, status=LegStatus.CANCELLED, reason="price_band", filled_quantity=D(sold))
        await work.save_legs([replace(ended, notional=D(sold) * 100)])
        position = await work.position(POSITION)
        assert position is not None
        await work.save_position(replace(position, proceeds=position.proceeds + D(sold) * 100))
        run = await work.run(plan.plan_id)
        assert run is not None
        await settle_run(work, run, now=NOW)
    assert (counter.position.status, counter.position.complete) == (PositionStatus.ACTIVE, False)
    return shop


async def test_a_close_that_sells_a_part_pays_out_what_it_sold_and_leaves_the_positions_own_cash(shop: Shop) -> None:
    shop.holds(AAA="6", CCC="1")
    shop.bids["CCC"] = "0"
    plan = await shop.close()
    await _ended(shop, plan, "2")
    assert (shop.counter.position.withdrawn, shop.counter.position.cash) == (D(200), D(50))


@pytest.mark.parametrize(
    ("ends", "paid", "sold", "cash", "flow"),
    [
        (True, "0", "100", "150", "-150"),  # all that is there
        (False, "0", "100", "150", "-100"),  # what it sold
        (False, "-100", "100", "50", "-100"),  # the same again pays nothing twice
        (False, "-100", "130", "80", "-130"),  # a late match pays the rest of what it sold
        (True, "-100", "130", "80", "-180"),  # the last coin was sold late: now it ends
        (False, "-150", "100", "20", "-150"),  # it had ended, and bought again: what it paid stays paid
        (False, "0", "100", "30", "-30"),  # never more than is there
    ],
)
def test_what_a_close_takes_out(counter: Counter, ends: bool, paid: str, sold: str, cash: str, flow: str) -> None:
    run = replace(counter.a_run(RunKind.CLOSE), flow=D(paid))
    position = replace(counter.position, contributed=D(cash))
    assert settled_flow(run, [_a_sale(counter, D(sold))], position, ends=ends) == D(flow)


def _a_sale(counter: Counter, notional: Decimal) -> Leg:
    return Leg(
        leg_id=counter.ids.uuid(),
        user_id=ACCOUNT.user_id,
        account_id=ACCOUNT.account_id,
        position_id=POSITION,
        run_id=counter.ids.uuid(),
        number=0,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        side=Side.SELL,
        status=LegStatus.FILLED,
        target_weight=D(1),
        quantity=D(1),
        limit_price=D(100),
        lot_size=D("0.01"),
        min_quantity=D("0.01"),
        min_notional=D(5),
        filled_quantity=D(1),
        notional=notional,
    )
