"""A price that jumped just before money came or went is a gain or loss of the position, and no part of the flow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from kit.reconciler_story import Story

from shared.trading.status import PositionStatus

D = Decimal
TINY = D("1e-15")
OTHER = UUID(int=99)


async def a_bitcoin(bench: Any, make: Any) -> Story:
    """One, for 100, told at 100."""
    story = Story(bench, make)
    bench.price(BTC="100")
    await story.trade("buy", make.coin(cost="100"), invested="100")
    await story.day(BTC="100")
    return story


def the_flow(bench: Any) -> tuple[Any, ...]:
    flow = bench.store.flows[-1]
    return flow.amount, flow.before, flow.after


async def test_golden_a_jump_before_an_invest_is_in_the_return_and_not_in_the_flow(bench: Any, make: Any) -> None:
    """100 become 120 unseen; 60 come in and buy half a bitcoin: 20 %, exactly."""
    story = await a_bitcoin(bench, make)
    bench.price(BTC="120")
    await story.trade("invest", make.coin(quantity="1.5", cost="160"), invested="160")
    assert the_flow(bench) == (D(60), D(120), D(180))
    found = story.results()
    assert found.returns.time_weighted == D("0.2")
    assert (found.totals.pnl, found.gain) == (D(20), D(20))


async def test_golden_what_the_trades_cost_stays_in_the_flow(bench: Any, make: Any) -> None:
    """The same, but 60 buy 0.49 only: 1.2 x 178.8 / 180."""
    story = await a_bitcoin(bench, make)
    bench.price(BTC="120")
    await story.trade("invest", make.coin(quantity="1.49", cost="160"), invested="160")
    assert the_flow(bench) == (D(60), D(120), D("178.8"))
    assert abs(story.results().returns.time_weighted - D("0.192")) < TINY


async def test_golden_a_fall_before_a_withdrawal_and_before_a_close(bench: Any, make: Any) -> None:
    """100 fall to 80; half is sold for 39; the rest falls to 30 and is sold for 30: 0.8 x (40 + 39) / 80 x 0.75."""
    story = await a_bitcoin(bench, make)
    bench.price(BTC="80")
    half = make.coin(quantity="0.5", cost="50", realised="-11")
    await story.trade("withdraw", half, invested="100", proceeds="39")
    assert the_flow(bench) == (D(-39), D(80), D(40))
    bench.price(BTC="60")
    gone = make.coin(quantity="0", cost="0", realised="-31")
    await story.trade("close", gone, invested="100", proceeds="69", status=PositionStatus.CLOSED)
    assert the_flow(bench) == (D(-30), D(30), D(0))
    assert abs(story.results().returns.time_weighted - (D("0.8") * 79 / 80 * D("0.75") - 1)) < TINY


async def test_a_flow_that_younger_prices_overtook_is_valued_on_its_own_both_before_and_after(
    bench: Any, make: Any
) -> None:
    """Asked at 120; before the answer the position was told at 130. The chain is 1.3, whatever came between."""
    story = await a_bitcoin(bench, make)
    bench.price(BTC="120")

    async def meanwhile() -> None:
        bench.clock.advance(1)
        bench.price(BTC="130")
        await bench.revaluing.run_once()

    bench.sources.meanwhile = meanwhile
    await story.trade("invest", make.coin(quantity="1.5", cost="160"), invested="160")
    assert the_flow(bench) == (D(60), D(120), D(180))
    tracked = bench.store.positions[make.POSITION]
    assert tracked.told == (D(130), D(30)), "an older price is not told after a younger one"
    await story.day(BTC="130")
    assert len(bench.store.flows) == 2
    assert abs(story.results().returns.time_weighted - D("0.3")) < TINY


async def test_without_the_book_before_it_a_flow_still_holds_no_price_move(bench: Any, make: Any) -> None:
    """Nobody had a price when the money came; when there is one again, trades count as free."""
    story = await a_bitcoin(bench, make)
    prices, bench.sources.prices = bench.sources.prices, {}
    bench.store.positions[make.POSITION] = replace(bench.store.positions[make.POSITION], last_prices={})
    await story.trade("invest", make.coin(quantity="1.5", cost="160"), invested="160")
    assert len(bench.store.flows) == 1
    bench.sources.prices = prices
    await story.day(BTC="120")
    assert the_flow(bench) == (D(60), D(120), D(180))
    assert story.results().returns.time_weighted == D("0.2")


async def test_an_event_of_one_position_leaves_the_books_of_others_to_theirs(bench: Any, make: Any) -> None:
    """Their own events say what their runs are for, and find the book before."""
    story = await a_bitcoin(bench, make)
    first = bench.sources.book.positions[0]
    other = make.book(position_id=OTHER, traded_at=bench.clock.now())
    bench.sources.book = make.books(first, other)
    await bench.refreshing.refresh(make.ACCOUNT, OTHER, consumer="c", message_id=bench.ids.uuid())
    bigger = make.book(make.coin(quantity="1.5", cost="160"), invested=D(160), traded_at=bench.clock.now())
    bench.sources.book = make.books(bigger, other)
    await bench.refreshing.refresh(make.ACCOUNT, OTHER, consumer="c", message_id=bench.ids.uuid())
    assert bench.store.positions[make.POSITION].book == first
    bench.price(BTC="120")
    await story.trade("invest", make.coin(quantity="1.5", cost="160"), invested="160")
    assert the_flow(bench) == (D(60), D(120), D(180))
