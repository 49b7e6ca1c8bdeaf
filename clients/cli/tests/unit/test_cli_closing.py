"""A closing plan as it is shown: without legs, and when nothing can be sold."""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType

from basketry_cli.trading import sold_words
from basketry_cli.views.plan import is_blocked, plan_view, question
from basketry_cli.views.position import live_panel
from basketry_cli.views.positions import positions_view


def drawn(plan: dict[str, Any]) -> str:
    return printed(plan_view(plan))


def printed(view: RenderableType) -> str:
    console = Console(width=120, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as text:
        console.print(view)
    return text.get()


def a_close(**other: Any) -> dict[str, Any]:
    plan = {
        "plan_id": "46a35814-2209-4640-8259-abe19e56b410",
        "environment": "paper",
        "kind": "close",
        "index_id": "top-3",
        "currency": "USDT",
        "amount": "50.5",
        "legs": [],
        "total_notional": "0",
        "total_fee": "0",
        "cash_after": "0",
        "minimum_amount": "0",
        "price_band": "0.01",
        "slippage": "0",
        "warnings": [],
        "expires_at": "2026-11-20T21:14:05Z",
        "executable": True,
    }
    return {**plan, **other}


def a_leg(symbol: str, check: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "side": "Sell",
        "check": check,
        "reason": None if check == "ok" else check,
        "quantity": "1",
        "estimated_price": "100",
        "notional": "100",
        "fee": "0.1",
        "fee_asset": "USDT",
    }


def test_a_position_of_cash_alone_is_closed_without_an_order() -> None:
    plan = a_close()
    text = drawn(plan)
    assert "Close top-3: it holds no coins, and its 50.50 USDT are paid out" in text
    assert "coin" not in text.replace("no coins", ""), "no table of nothing"
    assert "Nothing to do" not in text
    assert not is_blocked(plan)
    assert question(plan) == "Close the PAPER position and pay out 50.50 USDT, without an order?"


def test_a_close_that_can_sell_nothing_says_what_becomes_of_the_money() -> None:
    plan = a_close(legs=[a_leg("BTCUSDT", "illiquid")], executable=False, cash_after="50.5")
    text = drawn(plan)
    assert "Nothing can be sold now" in text
    assert "Its coins and its cash stay in the position" in text
    assert "is closed" not in text
    assert is_blocked(plan)


def test_a_close_of_a_part_says_that_the_position_stays_open() -> None:
    legs = [a_leg("BTCUSDT", "ok"), a_leg("XRPUSDT", "halted")]
    assert "the position stays open with the rest and 50.50 USDT of its own" in drawn(
        a_close(legs=legs, cash_after="50.5")
    )
    assert "the position is closed" in drawn(a_close(legs=[legs[0], a_leg("XRPUSDT", "residual")]))


def a_sold_position(**other: Any) -> dict[str, Any]:
    known = {"position_id": "46a35814" + "0" * 28, "index_id": "top-2", "environment": "paper", "status": "CLOSED"}
    return {**known, "proceeds": "790.6593793698", "withdrawn": "791.06", "legs": [], **other}


def test_a_close_says_how_much_came_back() -> None:
    assert sold_words(a_sold_position(withdrawn="790.6593793698"), {}) == "sold for 790.66 USDT"
    assert sold_words(a_sold_position(), {}) == "sold for 790.66 USDT, 791.06 USDT paid out with its own cash"
    before = {"proceeds": "100", "withdrawn": "300"}
    assert sold_words(a_sold_position(withdrawn="990.66"), before) == "sold for 690.66 USDT"
    assert (
        sold_words(a_sold_position(), a_sold_position(withdrawn="790"), by_order=False) == "closed, 1.06 USDT paid out"
    )


def test_what_is_sold_is_worth_nothing_even_before_it_is_valued_again() -> None:
    pnl = {"value": "198.17", "cash": "0", "cost": "198", "pnl": "0.17", "currency": "USDT", "holdings": [{"x": "y"}]}
    for view in (live_panel(a_sold_position(pnl=pnl)), positions_view([a_sold_position(pnl=pnl)], {})):
        text = printed(view)
        assert ("198.17" in text, "0.00" in text) == (False, True), text
    over = printed(live_panel(a_sold_position(pnl={**pnl, "value": "0", "pnl": "-1.5", "holdings": []})))
    assert "value 0.00 USDT   P&L ▼ -1.5" in over
    gone = [{"symbol": "BTCUSDT", "weight": "0", "target_weight": "0.6", "drift": "0"}]
    over = printed(live_panel(a_sold_position(pnl={**pnl, "value": "0", "holdings": gone})))
    assert "60.00 %" not in over, "what holds nothing is not away from a target"
