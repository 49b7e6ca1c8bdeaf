"""Money in where the least is, out where the most is."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from execution.domain.levels import drain, fill

D = Decimal
NAMES = ("AAA", "BBB", "CCC", "DDD")
amounts = st.decimals(min_value=0, max_value=10_000, places=4)
weights = st.decimals(min_value="0.01", max_value=1, places=3)


def test_new_money_goes_to_the_most_underweight_first() -> None:
    values = {"AAA": D(50), "BBB": D(30), "CCC": D(0)}
    even = {"AAA": D(1), "BBB": D(1), "CCC": D(1)}
    assert fill(values, even, D(20)) == {"CCC": D(20)}
    assert fill(values, even, D(40)) == {"CCC": D(35), "BBB": D(5)}
    assert fill(values, even, D(70)) == {"CCC": D(50), "BBB": D(20)}
    assert fill(values, even, D(100)) == {"CCC": D(60), "BBB": D(30), "AAA": D(10)}


def test_money_is_taken_from_what_has_no_target_and_then_from_the_most_overweight() -> None:
    values = {"AAA": D(50), "BBB": D(30), "CCC": D(20), "OLD": D(8)}
    even = {"AAA": D(1), "BBB": D(1), "CCC": D(1)}
    assert drain(values, even, D(5)) == {"OLD": D(5)}
    assert drain(values, even, D(18)) == {"OLD": D(8), "AAA": D(10)}
    assert drain(values, even, D(38)) == {"OLD": D(8), "AAA": D(25), "BBB": D(5)}
    assert drain(values, even, D(1000)) == values


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, amounts)), st.fixed_dictionaries(dict.fromkeys(NAMES, weights)), amounts
)
def test_filling_spends_the_money_and_lifts_nobody_above_the_others(
    values: dict[str, Decimal], targets: dict[str, Decimal], money: Decimal
) -> None:
    gains = fill(values, targets, money)
    assert sum(gains.values(), D(0)) <= money
    assert money - sum(gains.values(), D(0)) < D("1e-15")
    if gains:
        level = max((values[name] + gain) / targets[name] for name, gain in gains.items())
        assert all(values[name] / targets[name] >= level - D("1e-9") for name in NAMES if name not in gains)


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, amounts)), st.fixed_dictionaries(dict.fromkeys(NAMES, weights)), amounts
)
def test_draining_never_takes_more_than_there_is_and_lowers_nobody_below_the_others(
    values: dict[str, Decimal], targets: dict[str, Decimal], money: Decimal
) -> None:
    losses = drain(values, targets, money)
    assert sum(losses.values(), D(0)) <= money
    assert all(loss <= values[name] for name, loss in losses.items())
    assert min(money, sum(values.values(), D(0))) - sum(losses.values(), D(0)) < D("1e-15")
    left = {name: values[name] - losses.get(name, D(0)) for name in NAMES}
    if losses and any(left.values()):
        level = max(left[name] / targets[name] for name in losses)
        assert all(left[name] / targets[name] <= level + D("1e-9") for name in NAMES)
