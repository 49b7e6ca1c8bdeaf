"""Results and guards as a person reads them."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from basketry_cli.views.guards import guards_view
from basketry_cli.views.results import portfolio_view, results_view

Json = dict[str, Any]
SLIPPAGE = {"cost": "0.2659", "bps": "1.34446", "traded": "1977.66", "unmeasured": "0"}
TOTALS = {
    "value": "1012.5",
    "cost": "990",
    "realised": "0",
    "unrealised": "22.5",
    "pnl": "12.5",
    "fees": "0.99",
    "paid_in": "1000",
    "taken_out": "0",
    "slippage": SLIPPAGE,
}
RETURNS = {
    "since": "2026-11-01T10:00:00Z",
    "until": "2026-11-20T10:00:00Z",
    "time_weighted": "0.0125",
    "money_weighted": "0.0119",
    "money_weighted_annual": None,
    "max_drawdown": "-0.034",
}
POINTS = [
    {"at": "2026-11-01T10:00:00Z", "value": "1000", "growth": "1", "bitcoin": "1", "index": "1", "held": None},
    {
        "at": "2026-11-20T10:00:00Z",
        "value": "1012.5",
        "growth": "1.0125",
        "bitcoin": "0.98",
        "index": "1.01",
        "held": None,
    },
]
POSITION = {"position_id": "46a35814" + "0" * 28, "environment": "paper", "index_id": "top-2", "status": "ACTIVE"}


def drawn(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=110, force_terminal=False, color_system=None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def a_performance(**other: Any) -> Json:
    contributions = [
        {"asset": "ETH", "realised": "0", "unrealised": "-2.5", "moved": "0", "total": "-2.5"},
        {"asset": "BTC", "realised": "5", "unrealised": "10", "moved": "0", "total": "15"},
    ]
    benchmarks = {"bitcoin": "-0.02", "index": "0.01", "held": None, "tracking_difference": "0.0025"}
    facts = {"totals": TOTALS, "gain": "12.5", "returns": RETURNS, "benchmarks": benchmarks, "points": POINTS}
    return {**facts, "contributions": contributions, **other}


def test_results_say_what_the_coins_did_what_the_money_did_and_what_else_there_was() -> None:
    text = drawn(results_view(a_performance(), POSITION))
    assert text.startswith(" PAPER  position 46a35814  top-2  ACTIVE")
    for line in (
        "value 1,012.50 USDT   P&L ▲ +12.5000 (+1.25 %)",
        "paid in       1,000.00 USDT, 0.00 taken out",
        "fees          0.99 USDT, inside the P&L",
        "in this time  ▲ +12.5000  2026-11-01 10:00 to 2026-11-20 10:00 UTC",
        "your money    +1.19 %, money-weighted",
        "deepest fall  -3.40 %",
        "yours                     +1.25 %  ▁█",
        "the index, without costs  +1.00 %  ▁█",
        "bitcoin                   -2.00 %  █▁",
    ):
        assert line in text, text
    assert "just held" not in text, "what is not known for the whole time is not shown"
    assert text.index("BTC ") < text.index("ETH "), "the largest contribution comes first"
    year = a_performance(returns={**RETURNS, "money_weighted_annual": "0.25"})
    assert "+1.19 % (+25.00 % a year), money-weighted" in drawn(results_view(year, POSITION))


def test_what_was_taken_out_is_told_apart_from_what_sales_brought() -> None:
    found = a_performance(totals={**TOTALS, "taken_out": "791.06"})
    told = drawn(results_view(found, {**POSITION, "status": "CLOSED", "proceeds": "790.6593"}))
    assert "Its sales brought 790.66 USDT in all. Taken out is what left it" in told
    same = drawn(results_view(found, {**POSITION, "status": "CLOSED", "proceeds": "791.06"}))
    assert "sales brought" not in same
    assert "0.27 USDT against the middle of the book, 1.3 bp" in same


def test_before_anything_was_bought_there_are_no_figures() -> None:
    nothing = a_performance(totals=None, contributions=[], points=[])
    assert "there are no results" in drawn(results_view(nothing, POSITION))
    assert "there are no results" in drawn(portfolio_view({"environments": []}))


def test_a_portfolio_never_adds_up_play_money_and_real_money() -> None:
    one = {"positions": 2, "open_positions": 1, "totals": TOTALS, "gain": "1", "returns": RETURNS, "points": POINTS}
    text = drawn(portfolio_view({"environments": [{**one, "environment": "paper"}, {**one, "environment": "mainnet"}]}))
    assert " PAPER  2 positions, 1 of them open" in text
    assert " LIVE  2 positions" in text
    assert text.count("value 1,012.50 USDT") == 2


def a_halt(**other: Any) -> Json:
    halt = {"extent": "opening", "symbol": None, "environment": None, "reason": "", "by_operator": False}
    return {**halt, "raised_at": "2026-11-20T10:00:00Z", **other}


def guards(**other: Any) -> Json:
    platform = {
        "order_max": "5000",
        "hour_max": "20000",
        "day_max": "50000",
        "slippage_bps_max": "150",
        "price_age_s_max": "90",
    }
    own = {**dict.fromkeys(platform), "hour_max": "1000"}
    facts = {"environment": "paper", "version": 1, "own": own, "platform": platform, "spent_hour": "250"}
    return {**facts, "limits": {**platform, "hour_max": "1000"}, "spent_day": "300", "halts": [], **other}


def test_limits_show_what_binds_whose_it_is_and_what_is_used() -> None:
    text = drawn(guards_view(guards()))
    assert text.startswith(" PAPER ")
    assert "bought in an hour        1,000.00  1,000.00  20,000.00  250.00  USDT" in text
    assert "worse price than shown        150         –        150          bps" in text
    assert "Nothing is halted." in text


def test_a_halt_says_what_does_not_happen_where_and_who_can_lift_it() -> None:
    every = [
        a_halt(reason="I want to look first."),
        a_halt(extent="all", symbol="BTCUSDT", environment="mainnet", by_operator=True),
    ]
    text = " ".join(drawn(guards_view(guards(halts=every))).split())
    assert (
        "! Nothing is bought, selling goes on (everywhere) since 2026-11-20 10:00:00 UTC: I want to look first.; "
        "./basketry release lifts it." in text
    )
    assert "! Nothing is traded of BTCUSDT (LIVE) since" in text
    assert "the operator, who alone can release it" in text
