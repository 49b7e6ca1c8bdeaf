"""A shortage is called the user's doing only if what they did since the coin was there in full comes to as much."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.trading.status import Side

D = Decimal


def classes(bench: Any) -> list[str]:
    """Of the shortages that stand, in the order in which they were told."""
    told = {letter: status for letter, subject, status in bench.breaks_told() if subject.startswith("balance:")}
    return [letter for letter, status in told.items() if status == "open"]


async def test_what_was_withdrawn_while_everything_was_there_does_not_explain_a_later_loss(
    bench: Any, make: Any
) -> None:
    line = make.line("t1", change="-5")
    bench.sources.view = make.view({"BTC": "1"}, lines=(line,))
    await bench.reconcile()
    assert classes(bench) == [], "they were the user's own"
    bench.clock.advance(300)
    await bench.reconcile()
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "0.5"}, lines=(line,))
    await bench.reconcile()
    assert classes(bench) == ["D10"], "although the history is read over again"


async def test_more_is_missing_than_what_was_withdrawn(bench: Any, make: Any) -> None:
    line = make.line("t1", change="-0.1")
    bench.sources.view = make.view({"BTC": "0.9"}, lines=(line,))
    await bench.reconcile()
    assert classes(bench) == ["D5"]
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "0.5"}, lines=(line,))
    await bench.reconcile()
    assert classes(bench) == ["D10"]
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "0.9"}, lines=(line,))
    await bench.reconcile()
    assert classes(bench) == ["D5"], "the rest came back"


async def test_what_came_is_set_against_what_went(bench: Any, make: Any) -> None:
    lines = (make.line("t1", kind="TRANSFER_IN", change="2"), make.line("t2", change="-2"))
    bench.sources.view = make.view({"BTC": "0.5"}, lines=lines)
    await bench.reconcile()
    assert classes(bench) == ["D10"]


async def test_fees_of_trades_by_hand_are_explained_by_them(bench: Any, make: Any) -> None:
    bought = make.execution("u1", client_order_id="", side=Side.BUY, quantity=D(2))
    sold = make.execution("u2", client_order_id="", side=Side.SELL, quantity=D(2))
    bench.sources.view = make.view({"BTC": "0.998"}, executions=(bought, sold))
    await bench.reconcile()
    assert classes(bench) == ["D4"]


async def test_a_history_that_tells_later_or_earlier_than_the_balance_explains_it(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.9"})
    await bench.reconcile()
    assert classes(bench) == ["D10"]
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "0.9"}, lines=(make.line("t1", change="-0.1"),))
    await bench.reconcile()
    assert classes(bench) == ["D5"]
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "1"}, lines=(make.line("t2", change="-0.2"),))
    await bench.reconcile()
    assert classes(bench) == [], "the coins came back, and the next withdrawal is not in the balance yet"
    bench.clock.advance(300)
    bench.sources.view = make.view({"BTC": "0.8"})
    await bench.reconcile()
    assert classes(bench) == ["D5"]


async def test_a_trade_by_hand_does_not_explain_that_a_positions_money_is_gone_later(bench: Any, make: Any) -> None:
    """500 of the user's own USDT buy something; days later 100 of the position's are gone."""
    bench.sources.book = make.books(make.book(cash=D(100)))
    own = make.execution("u1", client_order_id="", side=Side.BUY, quantity=D(5))
    bench.sources.view = make.view({"BTC": "6", "USDT": "100"}, executions=(own,))
    for _ in range(2):
        await bench.reconcile()
        bench.clock.advance(300)
    assert classes(bench) == []
    bench.sources.view = make.view({"BTC": "6", "USDT": "0"})
    await bench.reconcile()
    assert classes(bench) == ["D10"]
