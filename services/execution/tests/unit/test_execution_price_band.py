"""The worst price of a leg: inside our band and inside the venue's own limit, on the tick grid."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.domain.price_band import beyond_venue, inside_venue, limit_price
from shared.trading.quote import Quote
from shared.trading.status import Side

BAND = Decimal("0.01")
TICK = Decimal("0.5")
PRICES = st.decimals(min_value=50, max_value=200, places=1)


def a_quote(
    *, bid: str | Decimal = "99.5", ask: str | Decimal = "100", buy_limit: object = None, sell_limit: object = None
) -> Quote:
    return Quote(
        symbol="BTCUSDT",
        bid=Decimal(bid),
        ask=Decimal(ask),
        last=Decimal(ask),
        at=datetime(2026, 11, 20, tzinfo=UTC),
        buy_limit=None if buy_limit is None else Decimal(str(buy_limit)),
        sell_limit=None if sell_limit is None else Decimal(str(sell_limit)),
    )


@pytest.mark.parametrize(
    ("buy_limit", "price"),
    [
        (None, "101"),
        ("105", "101"),
        ("102", "101"),
        ("101", "100.5"),
        ("100.7", "100.5"),
        ("100.2", "100"),
        ("99", "100"),
    ],
    ids=["not known", "wide", "wide enough", "as wide as ours", "tighter", "between ticks", "inside the spread"],
)
def test_a_buy_stays_below_the_venues_limit_and_never_below_the_ask(buy_limit: str | None, price: str) -> None:
    quote = a_quote(buy_limit=buy_limit)
    assert limit_price(quote, side=Side.BUY, band=BAND, tick_size=TICK) == Decimal(price)


@pytest.mark.parametrize(
    ("sell_limit", "price"),
    [(None, "99"), ("95", "99"), ("98.5", "99"), ("98.4", "99"), ("99.2", "99.5"), ("100", "99.5")],
    ids=["not known", "wide", "as wide as ours", "wide enough", "tighter", "inside the spread"],
)
def test_a_sell_stays_above_the_venues_limit_and_never_above_the_bid(sell_limit: str | None, price: str) -> None:
    quote = a_quote(sell_limit=sell_limit)
    assert limit_price(quote, side=Side.SELL, band=BAND, tick_size=TICK) == Decimal(price)


@given(ask=PRICES, buy_limit=st.none() | PRICES)
def test_a_limit_only_ever_makes_the_price_better(ask: Decimal, buy_limit: Decimal | None) -> None:
    free = limit_price(a_quote(ask=ask), side=Side.BUY, band=BAND, tick_size=TICK)
    kept = limit_price(a_quote(ask=ask, buy_limit=buy_limit), side=Side.BUY, band=BAND, tick_size=TICK)
    assert ask <= kept <= free
    assert kept == ask or buy_limit is None or kept <= buy_limit


@pytest.mark.parametrize(
    ("limit", "buy_limit", "price"),
    [
        ("101", None, "101"),
        ("101", "101", "101"),
        ("104", "102", "101.5"),
        ("104", "100.2", "100"),
        ("104", "99", "99"),
    ],
    ids=["not known", "at the limit", "well inside", "on the tick", "the market is below the quote"],
)
def test_a_buy_beyond_the_venues_limit_is_ordered_inside_it(limit: str, buy_limit: str | None, price: str) -> None:
    quote = a_quote(buy_limit=buy_limit)
    assert inside_venue(quote, side=Side.BUY, limit=Decimal(limit), tick_size=TICK) == Decimal(price)


@pytest.mark.parametrize(
    ("limit", "sell_limit", "price"),
    [
        ("98", None, "98"),
        ("98.5", "98.5", "98.5"),
        ("95", "97.5", "98"),
        ("95", "99.4", "99.5"),
        ("95", "101", "101"),
    ],
    ids=["not known", "at the limit", "well inside", "on the tick", "the market is above the quote"],
)
def test_a_sell_beyond_the_venues_limit_is_ordered_inside_it(limit: str, sell_limit: str | None, price: str) -> None:
    quote = a_quote(sell_limit=sell_limit)
    assert inside_venue(quote, side=Side.SELL, limit=Decimal(limit), tick_size=TICK) == Decimal(price)


@given(limit=PRICES, venue=st.none() | PRICES, ask=PRICES, side=st.sampled_from(Side))
def test_what_is_ordered_is_never_worse_than_what_was_approved_and_never_beyond_the_venue(
    limit: Decimal, venue: Decimal | None, ask: Decimal, side: Side
) -> None:
    quote = a_quote(bid=ask, ask=ask, buy_limit=venue, sell_limit=venue)
    ordered = inside_venue(quote, side=side, limit=limit, tick_size=Decimal("0.1"))
    assert ordered <= limit if side is Side.BUY else ordered >= limit
    assert not beyond_venue(quote, side=side, limit=ordered)
