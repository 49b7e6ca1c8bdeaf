"""The three feeds behind one port, and a day in virtual time."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from paper_exchange.application.market import CoinPrices, Market
from paper_exchange.application.ports import PriceFeed
from paper_exchange.application.venue_clock import VirtualClock
from paper_exchange.domain.candle_span import MINUTE_MS
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import FINE, PriceBoard
from paper_exchange.domain.price_mirror import PriceMirror
from paper_exchange.domain.price_replay import PriceReplay, along
from paper_exchange.domain.price_walk import GAP_BPS, PriceWalk
from paper_exchange.outbound.candle_file import CandleFileWrong, load_candles
from paper_exchange.outbound.dataset import load_listings

ALL = load_listings()
LISTINGS = [listing for listing in ALL if listing.symbol in {"BTCUSDT", "ETHUSDT", "STETHUSDT", "DOGEUSDT"}]
START_MS = 1_790_000_040_000
HEADER = "symbol,start_ms,open,high,low,close,volume\n"


def btc(price: str) -> int:
    return PriceBoard(LISTINGS).fine("BTCUSDT", Decimal(price))


def walk() -> PriceFeed:
    return PriceWalk(LISTINGS, random.Random(1))


def replay(*, loop: bool = False) -> PriceReplay:
    rows = [
        Candle(0, btc("100"), btc("130"), btc("70"), btc("110")),
        Candle(MINUTE_MS, btc("110"), btc("120"), btc("90"), btc("100")),
    ]
    return PriceReplay(LISTINGS, {"BTCUSDT": rows}, length_ms=MINUTE_MS, start_ms=START_MS, loop=loop)


def mirror() -> PriceFeed:
    feed = PriceMirror(LISTINGS)
    feed.tell("BTCUSDT", bid=Decimal("99.9"), ask=Decimal("100.1"))
    return feed


@pytest.mark.parametrize("make", [walk, replay, mirror])
class TestEveryFeed:
    def test_moves_with_time(self, make: Callable[[], PriceFeed]) -> None:
        feed = make()
        before = PriceBoard(LISTINGS).mid_fine("BTCUSDT")
        feed.step(1.0, now_ms=START_MS + 1_000)
        assert feed.mid_fine("BTCUSDT") != before

    def test_stays_where_a_test_puts_it_and_followers_follow(self, make: Callable[[], PriceFeed]) -> None:
        feed = make()
        feed.set_price("ETHUSDT", Decimal(5000))
        assert feed.mid("ETHUSDT") == feed.mid("STETHUSDT") == 5000

    def test_goes_on_from_a_snapshot(self, make: Callable[[], PriceFeed]) -> None:
        feed, again = make(), make()
        feed.step(600.0, now_ms=START_MS + 600_000)
        again.resume(feed.snapshot() | {"GONEUSDT": 7})
        assert again.snapshot() == feed.snapshot() == dict(feed.mids)


def test_a_recorded_candle_is_walked_through_its_low_and_high() -> None:
    feed = replay()
    seen = []
    for second in (0, 18, 36, 54, 59, 60, 78, 96, 114, 500):
        feed.step(1.0, now_ms=START_MS + second * 1000)
        seen.append(feed.mid("BTCUSDT"))
    assert seen == [100, 70, 130, 110, 110, 110, 120, 90, 100, 100]


def test_a_looped_recording_begins_again() -> None:
    feed = replay(loop=True)
    feed.step(1.0, now_ms=START_MS + 2 * MINUTE_MS + 18_000)
    assert feed.mid("BTCUSDT") == 70


def test_half_way_between_two_points_is_half_the_price() -> None:
    assert along(Candle(0, 100, 400, 100, 400), 27_000, length_ms=60_000) == 250


def test_a_mirror_takes_the_middle_and_refuses_nonsense() -> None:
    feed = PriceMirror(LISTINGS)
    feed.tell("BTCUSDT", bid=Decimal("100.1"), ask=Decimal("99.9"))
    feed.tell("NOPEUSDT", bid=Decimal(1), ask=Decimal(2))
    feed.step(1.0, now_ms=START_MS)
    assert feed.snapshot() == PriceBoard(LISTINGS).snapshot()
    feed.tell("BTCUSDT", bid=Decimal("99.9"), ask=Decimal("100.1"))
    feed.step(1.0, now_ms=START_MS)
    assert feed.mid("BTCUSDT") == 100


def test_a_candle_file_is_read_into_fine_units(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(
        f"# two minutes\n{HEADER}BTCUSDT,60000,110,120,90,100,3\nBTCUSDT,0,100,130,70,110,1\nNOPEUSDT,0,1,1,1,1,1\n"
    )
    recording = load_candles(path, PriceBoard(LISTINGS))
    assert recording.length_ms == MINUTE_MS
    assert recording.first_ms == 0
    assert [row.open for row in recording.candles["BTCUSDT"]] == [btc("100"), btc("110")]


@pytest.mark.parametrize(
    "text",
    ["symbol,open\nBTCUSDT,1\n", HEADER, HEADER + "BTCUSDT,0,100,90,80,100,1\n", HEADER + "BTCUSDT,0,1,x,1,1,1\n",
     HEADER + "BTCUSDT,0,100,100\n", HEADER + "BTCUSDT,soon,1,1,1,1,1\n"],
)  # fmt: skip
def test_a_wrong_candle_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(text)
    with pytest.raises(CandleFileWrong):
        load_candles(path, PriceBoard(LISTINGS))


def test_storms_move_more_than_calm_times_and_gaps_come_as_often_as_said() -> None:
    feed = PriceWalk(LISTINGS, random.Random(5))
    moves: list[int] = []
    for _ in range(4_000):
        before = feed.mid_fine("BTCUSDT")
        feed.step(60.0)
        moves.append(abs(feed.mid_fine("BTCUSDT") - before) * 1_000_000 // before)
    hours = [sum(moves[place : place + 60]) for place in range(0, len(moves), 60)]
    assert max(hours) > 3 * min(hours)
    gappy = PriceWalk(LISTINGS, random.Random(5), gaps_per_day=24.0)
    jumps = 0
    for _ in range(2_880):
        before = gappy.mid_fine("DOGEUSDT")
        gappy.step(30.0)
        jumps += abs(gappy.mid_fine("DOGEUSDT") - before) * 10_000 // before >= GAP_BPS[0] - 60
    assert 10 <= jumps <= 45


def day_of(seed: int, listings: list[Listing]) -> Market:
    """A day in virtual time."""
    clock = VirtualClock(START_MS)
    market = Market(listings, PriceWalk(listings, random.Random(seed), gaps_per_day=0.1), clock, max_step_s=3600)
    for _ in range(2_880):
        clock.advance(30_000)
        market.tick()
    return market


def digest(market: Market) -> str:
    found = hashlib.sha256(repr(market.walk.snapshot()).encode())
    for symbol in market.listings:
        candles = market.candles(symbol).between(None, None, minutes=1, limit=2_000)
        assert len(candles) == 1_441
        found.update(repr([(candle.start_ms, *candle.prices()) for candle in candles]).encode())
    return found.hexdigest()


def test_a_day_of_the_whole_market_takes_seconds() -> None:
    began = time.process_time()
    day_of(1, ALL)
    assert time.process_time() - began < 20


def test_the_same_seed_gives_the_same_day() -> None:
    first, again, other = (digest(day_of(seed, ALL[:12])) for seed in (1, 1, 2))
    assert first == again != other


def test_hours_are_kept_for_a_month_and_the_day_range_forgets() -> None:
    clock = VirtualClock(START_MS - START_MS % 86_400_000)
    market = Market(LISTINGS, PriceWalk(LISTINGS, random.Random(1)), clock, frozen=True)
    market.set_price("BTCUSDT", Decimal(200_000))
    for hour in range(24 * 33):
        market.set_price("BTCUSDT", Decimal(100_000 + hour))
        clock.advance(3_600_000)
    candles = market.candles("BTCUSDT")
    assert len(candles.between(None, None, minutes=60, limit=1000)) >= 744
    assert len(candles.between(None, None, minutes=1440, limit=1000)) >= 31
    day = market.day("BTCUSDT")
    assert day.high == btc(str(100_000 + 24 * 33 - 1))
    assert btc(str(100_000 + 24 * 31)) <= day.low <= btc(str(100_000 + 24 * 32 + 1))


def test_a_wallet_is_valued_by_the_coins_it_holds() -> None:
    clock = VirtualClock(START_MS)
    market = Market(LISTINGS, PriceWalk(LISTINGS, random.Random(1)), clock, frozen=True)
    market.set_price("BTCUSDT", Decimal(50_000))
    prices = CoinPrices(market)
    assert [prices["BTC"], prices["USDT"], prices.get("NOPE", Decimal(0))] == [50_000, 1, 0]
    assert len(list(prices)) == len(prices) == len(LISTINGS) + 1


def test_virtual_time_stands_still_until_moved_and_never_goes_back() -> None:
    clock = VirtualClock(START_MS)
    moment = clock.now()
    assert moment == datetime.fromtimestamp(START_MS / 1000, UTC)
    clock.advance(-5)
    assert clock.now() == moment
    clock.advance(1_500)
    assert clock.monotonic() == START_MS / 1000 + 1.5
    assert FINE == 1_000_000
