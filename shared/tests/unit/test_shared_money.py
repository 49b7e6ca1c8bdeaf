"""Decimals: parsed, written, rounded in the direction that the name says."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.trading.money import (
    InvalidAmount,
    InvalidLotSize,
    ceil_to_lot,
    ceil_to_tick,
    exact_product,
    exact_sum,
    floor_to_lot,
    floor_to_tick,
    parse_decimal,
    plain,
    truncate,
)

amounts = st.decimals(min_value=0, max_value=10**12, places=12)
steps = st.sampled_from([Decimal(10) ** -n for n in range(9)] + [Decimal("0.05"), Decimal("0.0025"), Decimal(5)])


@given(amounts, steps)
def test_floor_is_whole_lots_never_above_and_less_than_a_lot_below(quantity: Decimal, lot_size: Decimal) -> None:
    floored = floor_to_lot(quantity, lot_size=lot_size)
    assert 0 <= quantity - floored < lot_size
    assert floored % lot_size == 0


@given(amounts, steps)
def test_ceil_is_whole_steps_never_below(price: Decimal, tick_size: Decimal) -> None:
    raised = ceil_to_tick(price, tick_size=tick_size)
    assert 0 <= raised - price < tick_size
    assert raised == ceil_to_lot(price, lot_size=tick_size)
    assert floor_to_tick(raised, tick_size=tick_size) == raised


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=12))
def test_text_and_back_is_the_same_number(value: Decimal) -> None:
    text = plain(value)
    assert parse_decimal(text) == value
    assert "E" not in text
    assert text != "-0"


@pytest.mark.parametrize(
    ("given_text", "written"),
    [("1E+3", "1000"), ("1e-5", "0.00001"), ("-0.0", "0"), ("12.500", "12.5"), ("100", "100"), (" 7 ", "7")],
)
def test_plain_notation(given_text: str, written: str) -> None:
    assert plain(parse_decimal(given_text)) == written


@pytest.mark.parametrize(
    "nonsense", ["", "abc", "NaN", "Infinity", "-inf", "1e999", "1" * 41, "1,5", "0x10", 1.5, True, None]
)
def test_what_is_no_amount_is_refused(nonsense: object) -> None:
    with pytest.raises(InvalidAmount):
        parse_decimal(nonsense)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["0", "-0.1"])
def test_a_step_must_be_above_zero(step: str) -> None:
    with pytest.raises(InvalidLotSize):
        floor_to_lot(Decimal(1), lot_size=Decimal(step))


@given(st.lists(st.decimals(min_value=-(10**18), max_value=10**18, places=18), max_size=30))
def test_sums_lose_no_digit(values: list[Decimal]) -> None:
    assert Fraction(exact_sum(values)) == sum(Fraction(value) for value in values)


@given(st.decimals(min_value=0, max_value=10**17, places=18), st.decimals(min_value=0, max_value=10**17, places=18))
def test_products_lose_no_digit(left: Decimal, right: Decimal) -> None:
    assert Fraction(exact_product(left, right)) == Fraction(left) * Fraction(right)


def test_truncation_goes_towards_zero() -> None:
    assert truncate(Decimal("0.99999"), places=2) == Decimal("0.99")
    assert truncate(Decimal("-0.99999"), places=2) == Decimal("-0.99")
