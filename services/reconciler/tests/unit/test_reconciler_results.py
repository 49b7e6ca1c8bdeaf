"""Flows, the basket that is held still, contributions and whole performances, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.reconciler_story import Story

from reconciler.domain.books import Account, HeldCoin, PositionBook
from reconciler.domain.flows import crossing
from reconciler.domain.performance import Kept
from reconciler.domain.portfolio import portfolios_of
from reconciler.domain.results import Level
from reconciler.domain.tracking import Tracked
from reconciler.domain.valuation import Mark, value_position
from shared.trading.holding import Holding
from shared.trading.status import PositionStatus, VenueEnvironment

D = Decimal


async def test_golden_a_position_from_its_first_coin_to_its_last(bench: Any, make: Any) -> None:
    """Bought for 200, worth 199 (cost 1); up to 238.8 (x 1.2); 101 in, worth 338.8 (cost 1); down to 304.92 (x 0.9);
    40 out; then all sold.
    """
    story = Story(bench, make)
    bench.price(BTC="100", ETH="99")
    await story.trade("buy", make.coin("BTC", cost="101"), make.coin("ETH", cost="99"), invested="200")
    await story.day(BTC="120", ETH="118.8")
    more = (make.coin("BTC", quantity="2", cost="222"), make.coin("ETH", cost="99"))
    bench.price(BTC="120", ETH="98.8")
    await bench.revaluing.run_once()
    await story.trade("invest", *more, invested="321")
    flows = [(flow.kind, flow.amount, flow.before, flow.after) for flow in bench.store.flows]
    assert flows == [("buy", D(200), D(0), D(199)), ("invest", D(121), D("218.8"), D("338.8"))]
    await story.day(BTC="108", ETH="88.92")
    rest = (make.coin("BTC", quantity="1.5", cost="166.5", realised="-2"), make.coin("ETH", cost="99"))
    await story.trade("withdraw", *rest, invested="321", proceeds="53.5")
    found = story.results()
    growth = D("0.995") * (D("218.8") / 199) * (D("338.8") / (D("218.8") + 121)) * D("0.9")
    growth *= (D("250.92") + D("53.5")) / D("304.92")
    assert abs(found.returns.time_weighted - (growth - 1)) < D("1e-15")
    assert (found.totals.value, found.totals.paid_in, found.totals.taken_out) == (D("250.92"), D(321), D("53.5"))
    assert found.totals.pnl == D("250.92") + D("53.5") - D(321) == found.gain
    assert found.totals.realised + found.totals.unrealised == found.totals.pnl
    assert {one.asset: one.total for one in found.contributions} == {
        "BTC": D(162) - D("166.5") - 2,
        "ETH": D("88.92") - 99,
    }
    assert sum(one.total for one in found.contributions) == found.totals.pnl


async def test_a_position_that_was_over_before_anybody_looked_has_the_return_of_its_money(
    bench: Any, make: Any
) -> None:
    story = Story(bench, make)
    sold = make.coin("BTC", quantity="0", cost="0", realised="-10")
    bench.price(BTC="100")
    await story.trade("unwind", sold, invested="950", proceeds="940", withdrawn=D(940), status=PositionStatus.CLOSED)
    flows = [(flow.number, flow.kind, flow.amount, flow.before, flow.after) for flow in bench.store.flows]
    assert flows == [(1, "buy", D(950), D(0), D(950)), (2, "close", D(-940), D(950), D(0))]
    found = story.results()
    assert (found.totals.paid_in, found.totals.taken_out, found.totals.pnl) == (D(950), D(940), D(-10))
    assert abs(found.returns.time_weighted - D(-10) / 950) < D("1e-15")
    assert found.returns.max_drawdown == found.returns.time_weighted
    assert found.benchmarks.held is None, "nobody knows which coins it was"


async def test_a_closed_position_keeps_its_returns(bench: Any, make: Any) -> None:
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="150")
    gone = make.coin(quantity="0", cost="0", realised="49")
    await story.trade("close", gone, invested="100", proceeds="149", status=PositionStatus.CLOSED)
    bench.clock.advance(86_400)
    found = story.results()
    assert (found.totals.value, found.totals.pnl, found.returns.time_weighted) == (D(0), D(49), D("0.49"))
    assert round(found.returns.money_weighted, 12) == D("0.49")
    assert found.returns.until == bench.store.flows[-1].valued_at, "the clock stops when nothing is in it any more"
    assert found.benchmarks.bitcoin == D("0.5")


async def test_money_on_its_way_inside_a_rebalance_crosses_no_border(bench: Any, make: Any) -> None:
    """ETH fell away and was sold for 89; the money is the position's own until BTC is bought with it."""
    story = Story(bench, make)
    bench.price(BTC="100", ETH="90")
    await story.trade("buy", make.coin("BTC", cost="100"), make.coin("ETH", cost="100"), invested="200")
    half = (make.coin("BTC", cost="100"), make.coin("ETH", quantity="0", cost="0", realised="-11"))
    running = {"invested": "200", "proceeds": "89", "cash": "89", "status": PositionStatus.REBALANCING}
    await story.trade("rebalance", *half, **running)
    whole = (make.coin("BTC", quantity="1.88", cost="188"), make.coin("ETH", quantity="0", cost="0", realised="-11"))
    await story.trade("rebalance", *whole, invested="288", proceeds="89", cash="1")
    assert len(bench.store.flows) == 1
    found = story.results()
    assert found.totals.value == D(189)
    assert found.returns.time_weighted == D("-0.055")
    held = {coin.asset: coin.quantity for coin in bench.store.held[make.POSITION]}
    assert {asset: held[asset] for asset in ("BTC", "ETH")} == {"BTC": D(1), "ETH": D(1)}, "had I just held"
    await story.day(BTC="100", ETH="180")
    found = story.results()
    assert found.benchmarks.held == D(280) / D(200) - 1
    assert found.returns.time_weighted == D("-0.055")


async def test_held_takes_part_in_money_from_outside_alone(bench: Any, make: Any) -> None:
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.trade("invest", make.coin(cost="100"), invested="100", cash="50", status=PositionStatus.REBALANCING)
    assert story.results().totals.value == D(150)
    await story.trade("invest", make.coin(quantity="1.5", cost="150"), invested="150")
    assert {coin.asset: coin.quantity for coin in bench.store.held[make.POSITION]} == {"BTC": D("1.5"), "USDT": D(0)}
    await story.trade("withdraw", make.coin(quantity="0.75", cost="75", realised="0"), invested="150", proceeds="75")
    assert {coin.asset: coin.quantity for coin in bench.store.held[make.POSITION]} == {"BTC": D("0.75"), "USDT": D(0)}
    assert [flow.amount for flow in bench.store.flows] == [D(100), D(50), D(-75)]


async def test_what_a_purchase_gives_back_was_never_paid_in(bench: Any, make: Any) -> None:
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.trade("invest", make.coin(cost="100"), invested="100", cash="50", status=PositionStatus.REBALANCING)
    await story.trade("invest", make.coin(quantity="1.4", cost="140"), invested="140")
    totals = story.results().totals
    assert [flow.amount for flow in bench.store.flows] == [D(100), D(50), D(-10)]
    assert (totals.paid_in, totals.taken_out, totals.pnl) == (D(140), D(0), D(0))
    assert {coin.asset: coin.quantity for coin in bench.store.held[make.POSITION]} == {"BTC": D("1.4"), "USDT": D(0)}


@pytest.mark.parametrize("looks", [0, 1, 2], ids=["at its end", "in the middle", "twice in the middle"])
async def test_a_return_does_not_depend_on_who_looks_in_the_middle_of_a_purchase(
    bench: Any, make: Any, looks: int
) -> None:
    """100 grow to 120; of 60 more 50 are spent, which costs 1; at the end all of it is worth half as much again."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="120")
    running = {"cash": "60", "status": PositionStatus.REBALANCING}
    for look in range(looks):
        spent = 30 * look
        coin = make.coin(quantity=str(D(1) + D("0.25") * look), cost=str(100 + spent))
        await story.trade("invest", coin, invested=str(100 + spent), **{**running, "cash": str(60 - spent)})
    last = make.coin(quantity=str(D(1) + D(49) / D(120)), cost="150")
    await story.trade("invest", last, invested="150")
    await story.day(BTC="180")
    found = story.results()
    expected = D("1.2") * (D(169) / D(170)) * D("1.5") - 1
    assert abs(found.returns.time_weighted - expected) < D("1e-15")
    assert (found.totals.paid_in, found.totals.taken_out) == (D(150), D(0))
    assert found.returns.max_drawdown > D("-0.01"), "what was given back is no loss"


async def test_dust_counts_at_its_cost_whoever_looks_between_the_sale_and_its_end(bench: Any, make: Any) -> None:
    """ETH is sold but for a hundredth, which cost 1 and is worth 2: the venue takes no less, so it is the user's."""
    story = Story(bench, make)
    bench.price(BTC="100", ETH="200")
    await story.trade("buy", make.coin("BTC", cost="100"), make.coin("ETH", cost="100"), invested="200")
    dust = make.coin("ETH", quantity="0.01", cost="1", realised="99")
    running = {"invested": "200", "proceeds": "198", "cash": "198", "status": PositionStatus.REBALANCING}
    await story.trade("rebalance", make.coin("BTC", cost="100"), dust, **running)
    gone = make.coin("ETH", quantity="0", cost="0", realised="99")
    await story.trade("rebalance", make.coin("BTC", cost="100"), gone, invested="200", proceeds="198", cash="198")
    assert [(flow.kind, flow.amount) for flow in bench.store.flows] == [("buy", D(200)), ("rebalance", D(-1))]


async def test_coins_that_leave_without_a_sale_leave_at_their_value(bench: Any, make: Any) -> None:
    """A shortage takes half a bitcoin of cost 50 when it is worth 75: no gain is lost and none is made up."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="150")
    await story.trade("buy", make.coin(quantity="0.5", cost="50"), invested="100")
    assert (bench.store.flows[-1].amount, bench.store.flows[-1].before) == (D(-75), D(150))
    found = story.results()
    assert (found.totals.pnl, found.returns.time_weighted) == (D(50), D("0.5"))
    assert [(one.asset, one.unrealised, one.moved, one.total) for one in found.contributions] == [
        ("BTC", D(25), D(25), D(50))
    ]


async def test_a_range_begins_with_what_stood_then(bench: Any, make: Any) -> None:
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    for price in ("200", "100", "150"):
        await story.day(BTC=price)
    now = bench.clock.now()
    found = story.results(start=now - timedelta(days=1, hours=1))
    assert (found.returns.time_weighted, found.gain) == (D(-0.25), D(-50))
    assert found.returns.max_drawdown == D("-0.5")
    assert found.benchmarks.bitcoin == D("-0.25")
    assert story.results().returns.time_weighted == D("0.5")
    levels = [Level(at=now - timedelta(days=9), level=D(1000)), Level(at=now, level=D(1250))]
    found = story.results(levels=levels)
    assert (found.benchmarks.index, found.benchmarks.tracking_difference) == (D("0.25"), D("0.25"))
    assert story.results().benchmarks.index is None, "no level, no figure"


async def test_paper_and_live_are_two_portfolios(bench: Any, make: Any) -> None:
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="110")
    paper = story.kept()
    account = Account(user_id=make.ACCOUNT.user_id, account_id=UUID(int=9), environment=VenueEnvironment.DEMO)
    book = replace(paper.tracked.book, account=account)
    demo = replace(paper, tracked=replace(paper.tracked, book=book))
    found = portfolios_of([paper, demo], start=None, now=bench.clock.now())
    assert [(one.environment, one.totals.value) for one in found] == [
        (VenueEnvironment.DEMO, D(110)),
        (VenueEnvironment.PAPER, D(110)),
    ]
    assert [one.returns.time_weighted for one in found] == [D("0.1"), D("0.1")]


async def test_golden_two_positions_as_one(bench: Any, make: Any) -> None:
    """100 become 120; a second position of 80 comes; both gain a tenth: 1.2 x 1.1."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="120")
    first = story.kept()
    at = bench.clock.now() + timedelta(seconds=1)
    second_id = UUID(int=77)
    flow = replace(first.flows[0], position_id=second_id, at=at, valued_at=at, amount=D(80), after=D(80))
    await story.day(BTC="132")
    first = story.kept()
    points = [replace(first.points[-1], position_id=second_id, value=D(88), net_in=D(80))]
    book = replace(first.tracked.book, position_id=second_id, invested=D(80))
    border = replace(first.tracked.border, paid_in=D(80))
    tracked = replace(first.tracked, book=book, told=(D(88), D(8)), border=border)
    second = Kept(tracked=tracked, points=points, flows=[flow], moved=[], legs=[])
    [found] = portfolios_of([first, second], start=None, now=bench.clock.now() + timedelta(seconds=2))
    assert (found.totals.value, found.totals.pnl, found.positions) == (D(220), D(40), 2)
    assert found.returns.time_weighted is not None
    assert round(found.returns.time_weighted, 15) == D("0.32")


fills = st.lists(st.tuples(st.integers(2, 10**6), st.integers(1, 10**6)), min_size=1, max_size=6)


@given(bought=fills, sold=st.integers(0, 100), cut=st.integers(1, 9))
def test_pnl_and_flows_do_not_depend_on_how_fills_are_split(bought: list[tuple[int, int]], sold: int, cut: int) -> None:
    def booked(*, split: bool) -> tuple[Holding, Decimal, Decimal]:
        holding, invested, proceeds = Holding(), D(0), D(0)
        for quantity, price in bought:
            parts = [D(quantity) * cut / 10, D(quantity) - D(quantity) * cut / 10] if split else [D(quantity)]
            for part in parts:
                holding = holding.bought(quantity=part, paid=part * price, base_fee=part / 1000)
                invested += part * price
        leaving = holding.quantity * sold / 100
        for part in [leaving * cut / 10, leaving - leaving * cut / 10] if split else [leaving]:
            if part:
                holding = holding.sold(quantity=part, proceeds=part * 7, quote_fee=part * 7 / 1000)
                proceeds += part * 7 - part * 7 / 1000
        return holding, invested, proceeds

    found = []
    for split in (False, True):
        holding, invested, proceeds = booked(split=split)
        found.append(_flow_and_pnl(holding, invested, proceeds))
    assert found[0] == found[1]


def _flow_and_pnl(holding: Holding, invested: Decimal, proceeds: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    coin = HeldCoin(
        asset="BTC", symbol="BTCUSDT", quantity=holding.quantity, cost=holding.cost, realised=holding.realised,
        target_weight=D(1),
    )  # fmt: skip
    now = datetime(2026, 11, 20, tzinfo=UTC)
    account = Account(user_id=UUID(int=1), account_id=UUID(int=2), environment=VenueEnvironment.PAPER)
    book = PositionBook(
        account=account, position_id=UUID(int=3), status=PositionStatus.ACTIVE, index_id="x", invested=invested,
        proceeds=proceeds, fees=D(0), coins=(coin,), traded_at=now,
    )  # fmt: skip
    marks = {"BTCUSDT": Mark(price=D(9), stale=False)}
    valuation = value_position(book, marks, now)
    assert valuation is not None
    crossed = crossing(Tracked(book=book), valuation, marks)
    assert crossed is not None
    flow, moved = crossed
    assert not moved
    return flow.amount, flow.after, valuation.pnl
