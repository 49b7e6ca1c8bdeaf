"""Returns, drawdown and slippage against numbers worked out by hand, and one that every spreadsheet prints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.returns import Crossed, Step, Valued, annual, growth, max_drawdown, money_weighted, time_weighted
from reconciler.domain.slippage import LegResult, slippage_of
from shared.trading.status import Side

D = Decimal
DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def crossed(day: int, before: str, after: str, amount: str) -> Crossed:
    return Crossed(START + day * DAY, D(before), D(after), D(amount))


def valued(day: int, value: str) -> Valued:
    return Valued(START + day * DAY, D(value))


def test_golden_time_weighted_forgets_the_money_that_came() -> None:
    """100 grows to 110 (+10 %), 50 come in, 160 fall to 152 (-5 %): 1.1 x 0.95 - 1, although 150 became 152."""
    steps: list[Valued | Crossed] = [
        crossed(0, "0", "100", "100"),
        valued(5, "105"),
        crossed(10, "110", "160", "50"),
        valued(20, "152"),
    ]
    assert time_weighted(steps) == D("0.045")


def test_golden_the_cost_of_a_flows_trades_is_part_of_the_return() -> None:
    """Buying 100 leaves 99.8; taking 40 out of 160 leaves 119.6: (119.6 + 40) / 160."""
    assert time_weighted([crossed(0, "0", "99.8", "100")]) == D("-0.002")
    steps = [crossed(0, "0", "160", "160"), crossed(1, "160", "119.6", "-40")]
    assert time_weighted(steps) == D("-0.0025")
    closing: list[Valued | Crossed] = [*steps, crossed(2, "119.6", "0", "-119"), valued(3, "0")]
    found = time_weighted(closing)
    assert found is not None
    assert abs(found - (D("0.9975") * D(119) / D("119.6") - 1)) < D("1e-17")


def test_nothing_is_no_return() -> None:
    assert time_weighted([]) is None
    assert money_weighted([], end=START, value=D(1)) is None
    assert money_weighted([(START, D(1))], end=START, value=D(1)) is None


def test_golden_money_weighted_of_two_payments() -> None:
    """100 at the start and 100 halfway become 231: with x = 1.21, 100 x + 100 sqrt(x) = 121 + 110."""
    flows = [(START, D(100)), (START + 50 * DAY, D(100))]
    rate = money_weighted(flows, end=START + 100 * DAY, value=D(231))
    assert rate is not None
    assert round(rate, 15) == D("0.21")


def test_golden_money_weighted_is_the_xirr_of_the_spreadsheets_manual() -> None:
    """-10000, 2750, 4250, 3250, 2750 on the manual's dates: 37.3362535 % a year."""
    days = {
        datetime(2008, 1, 1, tzinfo=UTC): D(10000),
        datetime(2008, 3, 1, tzinfo=UTC): D(-2750),
        datetime(2008, 10, 30, tzinfo=UTC): D(-4250),
        datetime(2009, 2, 15, tzinfo=UTC): D(-3250),
    }
    end = datetime(2009, 4, 1, tzinfo=UTC)
    rate = money_weighted(list(days.items()), end=end, value=D(2750))
    assert rate is not None
    yearly = annual(rate, end - datetime(2008, 1, 1, tzinfo=UTC))
    assert yearly is not None
    assert round(yearly, 7) == D("0.3733625")


def test_all_is_lost_when_nothing_is_left_and_nothing_was_taken() -> None:
    assert money_weighted([(START, D(100))], end=START + DAY, value=D(0)) == D(-1)
    assert annual(D(-1), DAY) is None


@given(
    flows=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 10_000)), min_size=1, max_size=6),
    percent=st.integers(-90, 300),
)
def test_money_weighted_finds_the_rate_at_which_the_value_was_made(flows: list[tuple[int, int]], percent: int) -> None:
    first = min(day for day, _ in flows)
    factor = 1 + D(percent) / 100
    value = sum((D(amount) * factor ** (D(1000 - day) / D(1000 - first)) for day, amount in flows), D(0))
    found = money_weighted(
        [(START + day * DAY, D(amount)) for day, amount in flows], end=START + 1000 * DAY, value=value
    )
    assert found is not None
    assert abs(found - D(percent) / 100) < D("1e-12")


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        (["1.2", "0.9", "1.0", "0.6", "1.3"], "-0.5"),
        (["0.8", "0.9"], "-0.2"),
        (["1.1", "1.2"], "0"),
        ([], "0"),
    ],
)
def test_golden_drawdown_counts_the_start_as_a_peak(levels: list[str], worst: str) -> None:
    assert max_drawdown([D(level) for level in levels]) == D(worst)


@given(
    values=st.lists(st.integers(1, 10**6), min_size=3, max_size=20),
    gone=st.sets(st.integers(0, 18)),
)
def test_points_that_are_thinned_away_change_no_later_return(values: list[int], gone: set[int]) -> None:
    steps: list[Step] = [crossed(0, "0", str(values[0]), str(values[0]))]
    steps += [Valued(START + day * DAY, D(value)) for day, value in enumerate(values, 1)]
    kept = [step for number, step in enumerate(steps) if number not in gone or number in {0, len(steps) - 1}]
    assert abs(growth(kept)[-1] - growth(steps)[-1]) < D("1e-25")


def a_leg(side: Side, arrival: str | None, quantity: str, notional: str) -> LegResult:
    return LegResult(
        leg_id=UUID(int=1),
        run_id=UUID(int=2),
        symbol="BTCUSDT",
        side=side,
        arrival_price=None if arrival is None else D(arrival),
        quantity=D(quantity),
        notional=D(notional),
    )


@pytest.mark.parametrize(
    ("side", "notional", "cost", "bps"),
    [
        (Side.BUY, "201", "1", "50"),
        (Side.BUY, "199", "-1", "-50"),
        (Side.SELL, "199", "1", "50"),
        (Side.SELL, "202", "-2", "-100"),
    ],
)
def test_golden_slippage_above_zero_is_worse_on_both_sides(side: Side, notional: str, cost: str, bps: str) -> None:
    """Two coins at an arrival price of 100."""
    found = slippage_of([a_leg(side, "100", "2", notional)])
    assert (found.cost, found.bps) == (D(cost), D(bps))


def test_slippage_says_what_it_could_not_measure() -> None:
    found = slippage_of([a_leg(Side.BUY, "100", "1", "101"), a_leg(Side.SELL, None, "1", "70")])
    assert (found.cost, found.bps, found.traded, found.unmeasured) == (D(1), D(100), D(101), D(70))
    assert slippage_of([a_leg(Side.SELL, None, "1", "70")]).bps is None


@given(parts=st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=9))
def test_slippage_does_not_depend_on_how_fills_are_split(parts: list[tuple[int, int]]) -> None:
    quantity = list(accumulate(D(amount) for amount, _ in parts))[-1]
    notional = sum(D(amount) * price for amount, price in parts)
    together = slippage_of([a_leg(Side.BUY, "500", str(quantity), str(notional))])
    apart = slippage_of([a_leg(Side.BUY, "500", str(amount), str(amount * price)) for amount, price in parts])
    assert apart == together
