"""Marks and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.trading.clock import epoch_ms, from_epoch_ms
from shared.trading.quote import Quote

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_quote(bid: str = "99", ask: str = "101", *, age_s: float = 0) -> Quote:
    return Quote(
        symbol="BTCUSDT", bid=Decimal(bid), ask=Decimal(ask), last=Decimal(98), at=NOON - timedelta(seconds=age_s)
    )


def test_a_fresh_two_sided_quote_marks_at_its_middle() -> None:
    assert a_quote(age_s=3).mark(NOON) == (Decimal(100), False)


@pytest.mark.parametrize(
    "quote", [a_quote(age_s=3.001), a_quote(bid="0"), a_quote(ask="0"), a_quote(bid="102", ask="101")]
)
def test_else_the_last_trade_flagged_stale(quote: Quote) -> None:
    assert quote.mark(NOON) == (Decimal(98), True)
    assert not quote.fresh(NOON)


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_there_and_back(milliseconds: int) -> None:
    assert epoch_ms(from_epoch_ms(milliseconds)) == milliseconds
