from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from market_data.outbound.coingecko import decode, read_page

AT = datetime(2026, 11, 20, tzinfo=UTC)


def a_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "bitcoin",
        "symbol": "btc",
        "name": "Bitcoin",
        "current_price": Decimal("118648.9"),
        "market_cap": Decimal(2364440000000),
        "last_updated": "2026-11-20T11:59:01.123Z",
        **changes,
    }


def test_a_sound_row_keeps_every_digit() -> None:
    listing = read_page([a_row(current_price=Decimal("0.000000010000000001"))], categories={}, at=AT)
    [coin] = listing.coins
    assert coin.price == Decimal("0.000000010000000001")
    assert (coin.symbol, coin.market_cap) == ("BTC", Decimal(2364440000000))


@pytest.mark.parametrize(
    "raw",
    [
        a_row(market_cap=None),
        a_row(market_cap=Decimal("NaN")),
        a_row(market_cap=Decimal("Infinity")),
        a_row(market_cap=Decimal(-1)),
        a_row(market_cap=Decimal(0)),
        a_row(market_cap=Decimal("1e400")),
        decode('{"id": "bitcoin", "symbol": "btc", "name": "", "market_cap": 1e99999999999999999999}'),
        a_row(market_cap=Decimal("1e999999")),
        a_row(current_price=None),
        a_row(current_price="a lot"),
        a_row(last_updated=None),
        a_row(last_updated="yesterday"),
        a_row(last_updated="2026-11-20T11:59:01"),
        a_row(id=None),
        a_row(id=""),
        a_row(symbol=7),
        {},
        None,
        [],
        "bitcoin",
    ],
)
def test_a_malformed_row_is_told_apart_and_the_next_one_is_read(raw: Any) -> None:
    listing = read_page([raw, a_row(id="ethereum", symbol="eth")], categories={}, at=AT)
    assert [coin.source_id for coin in listing.coins] == ["ethereum"]
    [broken] = listing.broken
    assert broken.place == 1
    assert broken.why


def test_a_coin_that_comes_twice_counts_once() -> None:
    listing = read_page([a_row(), a_row(market_cap=Decimal(1))], categories={}, at=AT)
    assert [coin.market_cap for coin in listing.coins] == [Decimal(2364440000000)]
    assert [row.why for row in listing.broken] == ["twice"]


def test_categories_are_attached_by_id() -> None:
    listing = read_page([a_row(), a_row(id="dai", symbol="dai")], categories={"dai": frozenset({"stablecoins"})}, at=AT)
    assert [sorted(coin.categories) for coin in listing.coins] == [[], ["stablecoins"]]


def test_a_recorded_page_reads_without_a_broken_row(recorded_data: Path) -> None:
    text = (recorded_data / "coingecko_coins_markets_top100_2023-01-16.json").read_text("utf-8")
    listing = read_page(decode(text), categories={}, at=AT)
    assert (len(listing.coins), listing.broken) == (100, ())
    assert listing.coins[0].source_id == "bitcoin"
    assert listing.coins[0].market_cap == Decimal(407948005392)
