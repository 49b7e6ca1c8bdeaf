"""Price bands, budgets of addresses, funding: rules that are only figures."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_exchange.domain.contract import Contract
from paper_exchange.domain.funding import funding_rate, next_funding_ms
from paper_exchange.domain.ip_budget import IpBudget
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_band import price_band
from paper_exchange.domain.refusal import Refused
from paper_exchange.outbound.dataset import load_contracts, load_listings

BITCOIN = next(listing for listing in load_listings() if listing.symbol == "BTCUSDT")
PERPETUAL = next(contract for contract in load_contracts() if contract.symbol == "BTCUSDT")


@pytest.mark.parametrize(
    ("inner", "premium", "low", "high"),
    [
        (True, "0", "99000", "101000"),
        (True, "500", "99500", "101500"),
        (True, "-3000", "98000", "100000"),
        (True, "9000", "100000", "102000"),
        (False, "0", "98000", "102000"),
    ],
)
def test_the_band_follows_the_venues_formula(inner: bool, premium: str, low: str, high: str) -> None:
    band = price_band(BITCOIN, Decimal(100_000), inner=inner, premium=Decimal(premium))
    assert (band.low, band.high) == (Decimal(low), Decimal(high))


@given(mid=st.decimals("0.01", "1e6", places=3), inner=st.booleans(), premium=st.decimals("-1e4", "1e4", places=2))
def test_the_band_lies_on_the_grid_and_refuses_beyond_itself(mid: Decimal, inner: bool, premium: Decimal) -> None:
    band = price_band(BITCOIN, mid, inner=inner, premium=premium)
    for price in (band.low, band.high):
        assert price % BITCOIN.tick_size == 0
    band.check("Buy", band.high)
    band.check("Sell", band.low)
    with pytest.raises(Refused):
        band.check("Buy", band.high + BITCOIN.tick_size)
    with pytest.raises(Refused):
        band.check("Sell", band.low - BITCOIN.tick_size)


def test_an_address_is_shut_out_until_the_ban_is_over() -> None:
    budget = IpBudget(3, window_ms=1_000, ban_ms=60_000, spared=frozenset({"127.0.0.1"}))
    assert [budget.allows("a", now_ms=moment) for moment in (0, 400, 800)] == [True] * 3
    assert budget.allows("a", now_ms=1_000)  # the first has left the window
    assert not budget.allows("a", now_ms=1_100)
    assert not budget.allows("a", now_ms=60_000)
    assert budget.allows("a", now_ms=61_100)
    assert all(budget.allows("127.0.0.1", now_ms=0) for _ in range(50))
    assert all(budget.allows("b", now_ms=moment) for moment in range(0, 5_000, 500))


@given(moments=st.lists(st.integers(0, 3_000), min_size=1, max_size=80).map(sorted))
def test_no_window_ever_holds_more_than_the_budget(moments: list[int]) -> None:
    budget = IpBudget(5, window_ms=100, ban_ms=300)
    allowed = [moment for moment in moments if budget.allows("a", now_ms=moment)]
    for moment in allowed:
        assert sum(moment - 100 < other <= moment for other in allowed) <= 5


def test_funding_is_the_same_whenever_it_is_asked() -> None:
    moment = next_funding_ms(PERPETUAL, now_ms=1_795_000_000_000)
    assert moment % (PERPETUAL.funding_minutes * 60_000) == 0
    assert funding_rate(PERPETUAL, at_ms=moment) == funding_rate(PERPETUAL, at_ms=moment)
    assert next_funding_ms(PERPETUAL, now_ms=moment) == moment + PERPETUAL.funding_minutes * 60_000


def test_funding_rates_stay_within_their_cap_and_move() -> None:
    contracts: list[Contract] = load_contracts()
    for row in contracts:
        rates = [funding_rate(row, at_ms=moment * 28_800_000) for moment in range(50)]
        assert all(abs(rate) <= Decimal("0.00375") for rate in rates)
        assert len(set(rates)) > 1


def test_every_listing_has_an_inner_band_within_the_outer() -> None:
    listings: list[Listing] = load_listings()
    assert all(0 < listing.ratio_x <= listing.ratio_y < 1 for listing in listings)
