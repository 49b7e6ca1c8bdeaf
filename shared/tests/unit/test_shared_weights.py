"""Capped weights: golden values, and what must always hold."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.trading.errors import Invalid
from shared.trading.weights import InfeasibleCap, capped_weights

CAPS = {"A": Decimal(60), "B": Decimal(25), "C": Decimal(10), "D": Decimal(5)}


@pytest.mark.parametrize(
    ("cap", "weights"),
    [
        ("0.4", ["0.4", "0.375", "0.15", "0.075"]),
        ("0.35", ["0.35", "0.35", "0.2", "0.1"]),
        ("1", ["0.6", "0.25", "0.1", "0.05"]),
    ],
)
def test_golden_weights(cap: str, weights: list[str]) -> None:
    assert list(capped_weights(CAPS, cap=Decimal(cap)).values()) == [Decimal(weight) for weight in weights]


def test_a_cap_that_cannot_hold_is_refused() -> None:
    with pytest.raises(InfeasibleCap):
        capped_weights(CAPS, cap=Decimal("0.2499"))


@pytest.mark.parametrize("values", [{}, {"A": Decimal(0)}, {"A": Decimal(1), "B": Decimal(-1)}])
def test_values_must_be_above_zero(values: dict[str, Decimal]) -> None:
    with pytest.raises(Invalid):
        capped_weights(values, cap=Decimal(1))


many = st.dictionaries(
    st.text("ABCDEFGH", min_size=1, max_size=4),
    st.decimals(min_value="0.001", max_value=10**13, places=3),
    min_size=1,
    max_size=40,
)


@given(many, st.decimals(min_value="0.01", max_value=1, places=4))
def test_weights_sum_to_one_and_respect_cap_and_rank(values: dict[str, Decimal], cap: Decimal) -> None:
    if cap * len(values) < 1:
        with pytest.raises(InfeasibleCap):
            capped_weights(values, cap=cap)
        return
    weights = capped_weights(values, cap=cap)
    assert sum(weights.values()) == 1
    assert weights.keys() == values.keys()
    crumb = Decimal("1e-9")
    assert all(0 <= weight <= cap + crumb for weight in weights.values())
    ranked = sorted(values, key=lambda name: values[name])
    assert all(weights[low] <= weights[high] + crumb for low, high in pairwise(ranked))


@given(many)
def test_without_a_cap_weights_are_shares(values: dict[str, Decimal]) -> None:
    weights, total = capped_weights(values, cap=Decimal(1)), sum(values.values())
    assert all(abs(weights[name] - value / total) < Decimal("1e-10") for name, value in values.items())
