"""The simulated market: sane, seeded, and listed by the rules."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_exchange.application.market import Market
from paper_exchange.domain.book import best_ticks, make_book
from paper_exchange.domain.candles import CandleBook
from paper_exchange.domain.exact import mul, on_grid
from paper_exchange.domain.price_walk import FINE, PriceWalk
from paper_exchange.domain.rate_window import RateWindow
from paper_exchange.outbound.dataset import load_coins, load_contracts, load_listings
from shared.testing import FakeClock

EXCLUDED = {"stablecoins", "wrapped-tokens", "liquid-staking-tokens", "liquid-restaking-tokens", "tokenized-gold",
            "real-world-assets-rwa"}  # fmt: skip


def test_at_least_five_hundred_pairs_with_usable_rules() -> None:
    listings = load_listings()
    assert len(listings) >= 500
    assert len({listing.symbol for listing in listings}) == len({listing.base for listing in listings}) == len(listings)
    for listing in listings:
        assert on_grid(listing.base_price, step=listing.tick_size)
        assert mul(listing.lot_size, listing.base_price) < 5
        assert mul(listing.min_quantity, listing.base_price) < 5
        assert listing.tick_size / listing.base_price < Decimal("0.005")
        assert listing.max_market_quantity > 0
        assert 0 < listing.ratio_x <= listing.ratio_y


def test_perpetuals_follow_listed_coins_and_have_usable_rules() -> None:
    prices = {listing.base: listing.base_price for listing in load_listings()}
    contracts = load_contracts()
    assert len({contract.symbol for contract in contracts}) == len(contracts) >= 200
    for contract in contracts:
        price = prices[contract.tracks] * contract.tracks_ratio
        assert contract.tick_size / price <= Decimal("0.01")
        assert contract.lot_size <= contract.min_quantity <= contract.max_market_quantity <= contract.max_quantity
        assert contract.base in {contract.tracks, f"{contract.tracks_ratio}{contract.tracks}",
                                 f"{contract.tracks}{contract.tracks_ratio}", "LUNA2"}  # fmt: skip


def test_the_twenty_largest_coins_that_are_no_copies_are_mostly_listed() -> None:
    bases = {listing.base: listing for listing in load_listings()}
    coins = [coin for coin in load_coins() if not coin.categories & EXCLUDED]
    caps = sorted(
        coins,
        key=lambda coin: (
            -(
                (bases[coin.tracks].base_price * coin.tracks_ratio if coin.tracks in bases else coin.fixed_price)
                * coin.supply
            )
        ),
    )
    assert [coin.symbol for coin in caps[:10]] == [
        "btc",
        "eth",
        "xrp",
        "bnb",
        "sol",
        "doge",
        "trx",
        "ada",
        "hype",
        "link",
    ]
    assert all(coin.tracks in bases for coin in caps[:10])
    assert sum(coin.tracks in bases for coin in caps[:25]) >= 20


def test_every_coin_has_a_price_a_supply_and_an_id_of_its_own() -> None:
    bases = {listing.base for listing in load_listings()}
    coins = load_coins()
    assert len(coins) >= 100
    assert len({coin.coin_id for coin in coins}) == len(coins)
    for coin in coins:
        assert coin.supply > 0
        assert coin.tracks in bases or (not coin.tracks and coin.fixed_price > 0)


def test_the_same_seed_gives_the_same_prices() -> None:
    listings = load_listings()
    walks = [PriceWalk(listings, random.Random(seed)) for seed in (1, 1, 2)]
    for walk in walks:
        for _ in range(50):
            walk.step(1.0)
    assert walks[0].snapshot() == walks[1].snapshot()
    assert walks[0].snapshot() != walks[2].snapshot()


def test_a_month_of_walking_keeps_prices_within_reason() -> None:
    listings = load_listings()
    walk = PriceWalk(listings, random.Random(3))
    for _ in range(1500):
        walk.step(1800.0)
    for listing in listings:
        assert listing.base_price / 5 < walk.mid(listing.symbol) < listing.base_price * 5


def test_a_restart_goes_on_from_the_noted_prices() -> None:
    listings = load_listings()
    walk = PriceWalk(listings, random.Random(3))
    walk.step(3600.0)
    again = PriceWalk(listings, random.Random(9))
    again.resume(walk.snapshot() | {"GONEUSDT": 5})
    assert again.snapshot() == walk.snapshot()


@given(st.integers(FINE, 10**15))
def test_the_book_is_never_crossed(mid_fine: int) -> None:
    bid, ask = best_ticks(mid_fine)
    assert 0 < bid < ask


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(load_listings()), st.integers(0, 10**6), st.integers(20, 10**6))
def test_levels_lie_on_the_grid_and_go_the_right_way(listing: Any, salt: int, depth: int) -> None:
    mid_fine = int(listing.base_price / listing.tick_size) * FINE
    book = make_book(listing, mid_fine=mid_fine, depth=Decimal(depth), salt=salt)
    bids, asks = [level.ticks for level in book.bids], [level.ticks for level in book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert len(asks) == 50
    assert bids[0] < asks[0]
    assert all(level.lots >= 1 for level in (*book.bids, *book.asks))


def test_frozen_prices_stand_still_and_a_set_price_stays() -> None:
    clock = FakeClock(datetime(2026, 11, 20, tzinfo=UTC))
    listings = load_listings()
    market = Market(listings, PriceWalk(listings, random.Random(1)), clock, frozen=True)
    market.set_price("BTCUSDT", Decimal(50000))
    for _ in range(3):
        clock.advance(1.0)
        market.tick()
    assert market.walk.mid("BTCUSDT") == 50000
    assert market.walk.mid("WBTCUSDT") == 49950


def test_candles_tell_the_minute() -> None:
    book = CandleBook(["BTCUSDT"])
    for second, price in ((0, 10), (20, 14), (40, 8), (59, 9), (60, 9), (61, 12)):
        book.note([price], now_ms=second * 1000)
    candles = book.of("BTCUSDT")
    newest, first = candles.between(None, None, minutes=1, limit=10)
    assert (first.start_ms, *first.prices()) == (0, 10, 14, 8, 9)
    assert (newest.start_ms, *newest.prices()) == (60_000, 9, 12, 9, 12)
    assert [candle.prices() for candle in candles.between(None, None, minutes=5, limit=10)] == [(10, 14, 8, 12)]
    assert candles.between(60_000, None, minutes=1, limit=10) == [newest]


def test_a_rolling_second_lets_so_many_through_and_tells_when_a_place_is_free() -> None:
    window = RateWindow(20)
    first = window.take(10, now_ms=1_000)
    assert (first.granted, first.remaining, first.reset_ms) == (10, 10, 1_000)
    second = window.take(15, now_ms=1_500)
    assert (second.granted, second.remaining, second.reset_ms) == (10, 0, 2_000)
    assert window.take(1, now_ms=1_999).granted == 0
    assert window.take(11, now_ms=2_000).granted == 10


def test_a_tick_moves_five_hundred_pairs_in_one_pass_without_a_call_for_each() -> None:
    clock = FakeClock(datetime(2026, 11, 20, tzinfo=UTC))
    listings = load_listings()
    market = Market(listings, PriceWalk(listings, random.Random(1)), clock)
    for _ in range(130):  # over two turns of the minute, when candles are put away
        clock.advance(1.0)
        assert calls_of(market.tick) < len(listings) / 5


def calls_of(work: Callable[[], None]) -> int:
    """How many functions, Python's or built in, a piece of work calls: its cost, the same on every machine."""
    made: list[str] = []

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            made.append(event)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(made)


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SHIBUSDT", "USDCUSDT"])
def test_prices_do_move(symbol: str) -> None:
    listings = load_listings()
    walk = PriceWalk(listings, random.Random(1))
    before = walk.mid_fine(symbol)
    walk.step(1.0)
    assert walk.mid_fine(symbol) != before
