"""Views on a console of fixed width, as a person reads them."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

from rich.console import Console, RenderableType

from basketry_cli.views.drift_bars import drift_bar, drift_bars
from basketry_cli.views.index import changes_table, index_table, indices_table, left_out_table, level_line
from basketry_cli.views.numbers import gain, money, number, percent
from basketry_cli.views.plan import plan_view, question
from basketry_cli.views.position import detail_panel, live_panel, position_panel
from basketry_cli.views.positions import positions_view
from basketry_cli.views.sparkline import sparkline

Json = dict[str, Any]


def drawn(view: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width
    return "\n".join(line.rstrip() for line in text.splitlines())


def a_leg(symbol: str, **other: Any) -> Json:
    base = symbol.removesuffix("USDT")
    leg = {
        "symbol": symbol,
        "side": "Buy",
        "effective_weight": "0.6",
        "quantity": "0.0025",
        "estimated_price": "118735.3",
    }
    return {**leg, "notional": "296.84", "fee": "0.0000025", "fee_asset": base, "check": "ok", **other}


def a_plan(**other: Any) -> Json:
    plan = {
        "plan_id": "46a35814-2209-4640-8259-abe19e56b410",
        "environment": "paper",
        "kind": "buy",
        "index_id": "top-3",
        "currency": "USDT",
        "amount": "500",
        "total_notional": "494.2",
        "total_fee": "0.49",
        "cash_after": "1.2",
        "minimum_amount": "57.3",
        "price_band": "0.01",
        "warnings": [],
        "expires_at": "2026-11-20T21:14:05Z",
        "legs": [
            a_leg("BTCUSDT"),
            a_leg("ETHUSDT", effective_weight="0.4"),
            a_leg(
                "DOGEUSDT", check="too_small", effective_weight="0", quantity="0", required_amount="812.5", reason="x"
            ),
        ],
    }
    return {**plan, **other}


def a_position(**other: Any) -> Json:
    holdings = [
        {"symbol": "BTCUSDT", "asset": "BTC", "weight": "0.612", "target_weight": "0.6", "drift": "0.012"},
        {"symbol": "ETHUSDT", "asset": "ETH", "weight": "0.388", "target_weight": "0.4", "drift": "-0.012"},
    ]
    pnl = {"at": "1", "currency": "USDT", "value": "1012.5", "cost": "1000", "pnl": "12.5", "holdings": holdings}
    position = {
        "position_id": "46a35814-2209-4640-8259-abe19e56b410",
        "index_id": "top-2",
        "environment": "paper",
        "status": "ACTIVE",
        "complete": True,
        "reasons": [],
        "pnl": pnl,
        "drift": {"max_abs_drift": "0.012", "deviating": False},
        "legs": [],
    }
    return {**position, **other}


def test_a_plan_shows_every_leg_with_its_check_and_the_totals() -> None:
    text = drawn(plan_view(a_plan()))
    assert " PAPER  Buy top-3 for up to 500.00 USDT" in text
    assert "BTCUSDT   ok" in text
    assert "60.00 %" in text
    assert "118735.3" in text
    assert "0.0000025 BTC" in text
    assert "too small: from 812.50" in text
    for line in (
        "total         494.20 USDT",
        "fees          0.49 USDT, an estimate",
        "not spent     about 5.80 USDT, to pay worse prices with; what is left stays yours",
        "minimum       57.30 USDT, so that no coin is left out",
        "stands until  21:14:05 UTC",
    ):
        assert line in text
    skipped = next(line for line in text.splitlines() if "DOGE" in line)
    assert skipped.count("–") == 4, "nothing is said to be bought where nothing is"


def test_a_plan_shows_what_the_order_books_would_cost_and_what_they_do_not_hold() -> None:
    seen = a_leg("BTCUSDT", book_price="118750", slippage="0.0445")
    estimated = a_leg("ETHUSDT", slippage="-0.02968")
    thin = {"check": "illiquid", "reason": "book_too_thin", "quantity": "0", "book_notional": "20.1"}
    text = drawn(
        plan_view(
            a_plan(
                slippage="0.01482",
                slippage_max="5.91",
                legs=[
                    seen,
                    estimated,
                    a_leg("TRXUSDT", **thin, largest_amount="252.52"),
                    a_leg("ADAUSDT", **thin),
                ],
            )
        )
    )
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert " 1.5 bp " in lines["BTCUSDT"]
    assert " ~-1.0 bp " in lines["ETHUSDT"], "by the best price, and better than the mid"
    assert "illiquid: up to 252.52" in lines["TRXUSDT"]
    assert "illiquid: book takes 20.10" in lines["ADAUSDT"]
    narrow = drawn(plan_view(a_plan(legs=[a_leg("BTCUSDT", fee="0.0300621623")])), width=80)
    assert "  ok " in narrow, "the check is the last to give way"
    assert "0.03006 BTC" in narrow
    moved = {"weight_before": "0.3003", "weight_after": "0.3001", "slippage": "0.01", "book_price": "118750"}
    small = a_leg("BTCUSDT", **moved, quantity="0.000249", fee="0.000000249")
    for legs in ([small], [small, a_leg("DOGEUSDT", **moved, side="Sell", fee="0.03007", fee_asset="USDT")]):
        narrow = drawn(plan_view(a_plan(kind="invest", legs=legs)), width=80)
        assert "0.000000249 BTC" in narrow, "a number cut in the middle would be another number"
        assert "→ 30.01 %" in narrow
        wide = drawn(plan_view(a_plan(kind="invest", legs=legs)), width=110)
        assert "30.03 % → 30.01 %" in wide
        assert " bp " in wide
    assert "slippage      0.01 USDT against the mid by the order books that were seen, at most 5.91" in text


def test_a_plan_on_real_money_says_so_and_the_question_names_what_is_ordered() -> None:
    live = a_plan(environment="mainnet")
    assert " LIVE " in drawn(plan_view(live))
    assert question(live) == "Place 2 LIVE orders, about 494.20 USDT and 0.49 USDT in fees?"


def test_a_plan_of_sells_and_buys_names_sides_drift_and_changes() -> None:
    plan = a_plan(
        kind="rebalance",
        amount="0",
        total_buy="20",
        total_sell="21.5",
        drift_before="0.06",
        drift_after="0.002",
        executable=True,
        changes=[{"asset": "SUI", "before": None, "after": "0.05"}, {"asset": "LTC", "before": "0.04", "after": None}],
        legs=[a_leg("BTCUSDT", side="Sell"), a_leg("ETHUSDT"), a_leg("XRPUSDT", check="hold")],
    )
    text = drawn(plan_view(plan))
    for words in (
        "Sell",
        "Buy",
        "hold",
        "21.50 USDT",
        "6.00 % now, 0.20 % after",
        "SUI: not in it → 5.00 %",
        "LTC: 4.00 % → leaves",
    ):
        assert words in text
    assert question(plan).startswith("Place 2 PAPER orders, about 41.50 USDT")


def test_a_plan_with_nothing_to_do_says_so() -> None:
    legs = [a_leg("BTCUSDT", check="hold")]
    assert "Nothing to do" in drawn(plan_view(a_plan(kind="rebalance", executable=False, legs=legs)))


def test_a_plan_that_a_halt_or_a_limit_stops_is_not_called_done() -> None:
    for check, words in (("halted", "halted"), ("over_limit", "over a limit")):
        legs = [a_leg("BTCUSDT", check=check, reason="hour_limit"), a_leg("ETHUSDT", check="too_small")]
        text = drawn(plan_view(a_plan(executable=False, legs=legs)))
        assert words in text
        assert "Nothing can be traded now" in text
        assert ("./basketry release" in text) == (check == "halted")
        assert ("./basketry limits" in text) == (check == "over_limit")
        assert "worse prices" not in text, "nothing is bought, at whatever price"
        assert "nothing; all USDT stay as they are" in text
        assert "Nothing to do" not in text


def test_legs_fill_up_while_a_position_trades() -> None:
    def leg(symbol: str, filled: str, status: str, run: str = "2") -> Json:
        facts = {"symbol": symbol, "run_id": run, "quantity": "2", "filled_quantity": filled, "status": status}
        return {**facts, "target_weight": "0.5", "fee": "0.001", "fee_asset": "BTC", "average_price": "10"}

    legs = [leg("OLDUSDT", "1", "FILLED", "1"), leg("BTCUSDT", "2", "FILLED"), leg("ETHUSDT", "1", "PARTIALLY_FILLED")]
    text = drawn(live_panel(a_position(status="EXECUTING", legs=legs)))
    assert "1 of 2 legs" in text
    assert "PARTIALLY_FILLED" in text
    assert "OLDUSDT" not in text, "an earlier run is over"
    later = drawn(position_panel(a_position(legs=[legs[1], {**legs[2], "status": "REJECTED", "reason": "price_band"}])))
    assert "2 of 2 legs" in later
    assert "REJECTED price band" in later


def test_a_position_that_stands_shows_value_course_and_drift() -> None:
    text = drawn(detail_panel(a_position(), [Decimal(1), Decimal(3), Decimal(2)]))
    assert "value 1,012.50 USDT   P&L ▲ +12.5000 (+1.25 %)  ▁█▅" in text
    assert "BTCUSDT  61.20 %  60.00 %            │██████████   +1.20" in text
    assert "ETHUSDT  38.80 %  40.00 %  ██████████│             -1.20" in text
    assert "out of its band" in drawn(detail_panel(a_position(drift={"deviating": True, "max_abs_drift": "0.06"})))


def test_positions_of_play_money_and_real_money_are_never_added_up() -> None:
    live = a_position(environment="mainnet", position_id="b" * 36)
    failed = a_position(status="FAILED", position_id="c" * 36, pnl=None, drift=None)
    text = drawn(positions_view([a_position(), live, failed], {"b" * 36: [Decimal(1), Decimal(2)]}))
    assert text.index("LIVE") < text.index("PAPER")
    assert text.count("held 1,012.50 USDT   P&L ▲ +12.50 (+1.25 %)") == 2
    assert "2,025" not in text
    assert "bbbbbbbb  top-2  ACTIVE  1,012.50  ▲ +12.50 (+1.25 %)  1.20 %  ▁█" in text
    assert "cccccccc" in text
    assert "No positions yet" in drawn(positions_view([], {}))


def test_a_sparkline_keeps_its_shape_at_any_length() -> None:
    assert sparkline([]) == ""
    assert sparkline([Decimal(5)] * 4) == "▄▄▄▄"
    assert sparkline([Decimal(number) for number in range(8)]) == "▁▂▃▄▅▆▇█"
    long = sparkline([Decimal(number) for number in range(1000)], width=8)
    assert (len(long), long[0], long[-1]) == (8, "▁", "█")


def test_a_drift_bar_points_to_the_side_and_never_leaves_its_room() -> None:
    for drift in ("-1", "-0.003", "0", "0.003", "1", "0.0001"):
        bar = drift_bar(Decimal(drift), widest=Decimal("0.01")).plain
        assert len(bar) == 21
        assert bar[10] == "│"
        left, right = bar[:10].strip(), bar[11:].strip()
        assert not (left and right)
        assert bool(right) == (Decimal(drift) > 0), drift
    assert "+0.00" in drawn(drift_bars([{"symbol": "BTC", "drift": "0", "weight": "1", "target_weight": "1"}]))


def test_numbers_are_for_reading_only_and_survive_what_is_missing() -> None:
    assert (money(None), money("1234.5"), percent("0.1234"), number("NaN")) == (
        "0.00",
        "1,234.50",
        "12.34 %",
        Decimal(0),
    )
    assert gain("-5", "100").plain == "▼ -5.00 (-5.00 %)"
    assert gain("0", "0").plain == "· +0.00"


def test_indices_are_listed_and_shown() -> None:
    index = {
        "index_id": "top-2",
        "name": "Top 2",
        "weighting": "market_cap",
        "version": 4,
        "as_of": "2026-11-01T00:00:00Z",
    }
    index |= {"constituents": [{"symbol": "BTCUSDT", "weight": "0.7"}, {"symbol": "ETHUSDT", "weight": "0.3"}]}
    assert "top-2  Top 2  2      market cap  2026-11-01" in drawn(indices_table([index]))
    assert "1  BTCUSDT  70.00 %" in drawn(index_table(index))


def test_an_index_says_who_is_left_out_how_it_went_and_what_changed() -> None:
    left = [
        {"rank": 4, "asset": "USDT", "reason": "category:stablecoins"},
        {"rank": 0, "asset": "X", "reason": "not_at_source"},
    ]
    text = drawn(left_out_table(left))
    assert "4  USDT      category:stablecoins" in text
    assert "not at source" in text
    assert drawn(level_line([{"level": "1000"}, {"level": "1102.5"}])).strip() == (
        "level 1102.50 (1000 at its first version)  ▁█"
    )
    changes = [
        {"asset": "C", "change": "entered", "before": None, "after": "0.5", "reason": "rank:2"},
        {"asset": "B", "change": "left", "before": "0.4", "after": None, "reason": "past_leave_rank"},
    ]
    diff = {"index_id": "top-2", "from_version": 1, "to_version": 2, "turnover": "0.45", "changes": changes}
    text = drawn(changes_table(diff))
    assert "version 1 → 2, 45.00 % turnover" in text
    assert "past leave rank" in text
