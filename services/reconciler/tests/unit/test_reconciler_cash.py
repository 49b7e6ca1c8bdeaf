"""A position's own cash is compared with the account like its coins, and what its owner takes of it was taken out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from kit.reconciler_story import Story

from shared.trading.status import BreakClass, PositionStatus

D = Decimal


async def test_d5_a_withdrawal_of_a_positions_own_money_is_a_shortage_of_it(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(make.book(cash=D("7.5")))
    line = make.line("t1", kind="TRANSFER_OUT", change="-100", asset="USDT")
    bench.sources.view = make.view({"BTC": "1", "USDT": "5"}, lines=(line,))
    comparison = await bench.reconcile()
    assert bench.breaks_told() == [("D5", "t1", "expected"), ("D5", "balance:USDT", "open")]
    assert comparison.findings[-1].difference == D("-2.5")
    handed = [told.handover for told in bench.handovers() if told.handover.assets]
    assert [(one.assets, one.break_class) for one in handed] == [(("USDT",), BreakClass.D5)]


async def test_money_beyond_what_positions_own_is_the_users_business(bench: Any, make: Any) -> None:
    line = make.line("t1", kind="TRANSFER_OUT", change="-100", asset="USDT")
    bench.sources.view = make.view({"BTC": "1", "USDT": "0"}, lines=(line,))
    await bench.reconcile()
    assert bench.breaks_told() == [], "no position has cash"
    bench.sources.book = make.books(make.book(cash=D("7.5")))
    bench.sources.view = make.view({"BTC": "1", "USDT": "7.5"})
    await bench.reconcile()
    assert bench.breaks_told() == []


async def test_d13_what_the_venue_forces_explains_missing_money(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(make.book(cash=D("7.5")))
    line = make.line("l1", kind="AUTO_SOLD_COLLATERAL_INS_LOAN", change="-3", asset="USDT")
    bench.sources.view = make.view({"BTC": "1", "USDT": "4.5"}, lines=(line,))
    await bench.reconcile()
    assert bench.breaks_told()[-1] == ("D13", "balance:USDT", "open")


async def test_golden_own_money_that_its_owner_took_is_taken_out_and_no_loss(bench: Any, make: Any) -> None:
    """100 in coins and 50 of its own; the coins double; 20 of the cash are gone by their owner's word: 230 of 250."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="50")
    await story.day(BTC="200")
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="30", withdrawn="20")
    flow = bench.store.flows[-1]
    assert (flow.kind, flow.amount, flow.before, flow.after) == ("withdraw", D(-20), D(250), D(230))
    found = story.results()
    assert (found.totals.paid_in, found.totals.taken_out, found.totals.value) == (D(150), D(20), D(230))
    assert found.totals.pnl == found.gain == D(100)
    assert abs(found.returns.time_weighted - D(2) / 3) < D("1e-15")
    assert bench.store.positions[make.POSITION].book.status is PositionStatus.ACTIVE


async def test_golden_own_money_that_was_taken_while_nobody_had_a_price_is_taken_out_too(bench: Any, make: Any) -> None:
    """The same, but the look that saw it go could value nothing, and the next one has no book before it."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="50")
    prices, bench.sources.prices = bench.sources.prices, {}
    bench.store.positions[make.POSITION] = replace(bench.store.positions[make.POSITION], last_prices={})
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="30", withdrawn="20")
    assert len(bench.store.flows) == 1, "nobody knows what was there"
    bench.sources.prices = prices
    await story.day(BTC="200")
    flow = bench.store.flows[-1]
    assert (flow.kind, flow.amount, flow.before, flow.after) == ("withdraw", D(-20), D(250), D(230))
    totals = story.results().totals
    assert (totals.paid_in, totals.taken_out, totals.pnl) == (D(150), D(20), D(100))


async def test_what_a_purchase_gives_back_after_a_withdrawal_was_never_paid_in(bench: Any, make: Any) -> None:
    """20 were taken of its cash, which is recorded; 60 come in, 5 of them go back unspent: 55 were paid in."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="50")
    await story.trade("buy", make.coin(cost="100"), invested="100", cash="30", withdrawn="20")
    await story.trade("invest", make.coin(cost="100"), invested="100", cash="90", withdrawn="20")
    bought = make.coin(quantity="1.55", cost="155")
    await story.trade("invest", bought, invested="155", cash="30", withdrawn="20")
    assert [flow.kind for flow in bench.store.flows] == ["buy", "withdraw", "invest", "invest"]
    totals = story.results().totals
    assert (totals.paid_in, totals.taken_out) == (D(205), D(20))
