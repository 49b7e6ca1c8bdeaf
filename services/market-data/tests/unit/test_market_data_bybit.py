from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from market_data.domain.errors import VenueUnavailable
from market_data.outbound.bybit import ANSWER_S, PLAN_THREADS, THREADS, BybitPublicVenue
from shared.testing import FakeClock, eventually
from shared.trading.clock import epoch_ms

NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
TICKERS, INSTRUMENTS, CANDLES = "/v5/market/tickers", "/v5/market/instruments-info", "/v5/market/kline"


def reply(*rows: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": list(rows)}, "time": epoch_ms(NOW)}


def a_ticker(symbol: str = "BTCUSDT", *, bid: str = "99", ask: str = "101", last: str = "100") -> dict[str, str]:
    return {"symbol": symbol, "bid1Price": bid, "ask1Price": ask, "lastPrice": last, "turnover24h": "5"}


def an_instrument(symbol: str = "BTCUSDT", **changes: str) -> dict[str, Any]:
    lot = {
        "basePrecision": "0.000001",
        "minOrderQty": "0.00001",
        "minOrderAmt": "5",
        "maxLimitOrderQty": "80",
        **changes,
    }
    return {
        "symbol": symbol,
        "baseCoin": symbol.removesuffix("USDT"),
        "quoteCoin": "USDT" if symbol.endswith("USDT") else "EUR",
        "status": "Trading",
        "lotSizeFilter": lot,
        "priceFilter": {"tickSize": "0.1"},
    }


def a_candle(start: datetime, low: str, high: str) -> list[str]:
    return [str(epoch_ms(start)), low, high, low, high, "1", "1"]


@pytest.fixture
async def venue(host: Any) -> AsyncIterator[BybitPublicVenue]:
    made = BybitPublicVenue(host.url, FakeClock(NOW))
    yield made
    await made.close()


async def test_quotes_carry_the_moment_of_the_answer(host: Any, venue: BybitPublicVenue) -> None:
    host.says(TICKERS, reply(a_ticker(), a_ticker("ETHUSDT", bid="", ask="")))
    quotes = await venue.quotes()
    assert set(quotes) == {"BTCUSDT", "ETHUSDT"}
    assert (quotes["BTCUSDT"].bid, quotes["BTCUSDT"].at) == (Decimal(99), NOW)
    assert not quotes["ETHUSDT"].two_sided()


@pytest.mark.parametrize(
    "row",
    [a_ticker("BTCEUR"), a_ticker(bid="NaN"), a_ticker(last="-1"), a_ticker(bid="", ask="", last=""), {"symbol": "X"}, None],
)  # fmt: skip
async def test_an_odd_ticker_is_left_out_and_the_others_stay(host: Any, venue: BybitPublicVenue, row: Any) -> None:
    host.says(TICKERS, reply(row, a_ticker("ETHUSDT")))
    assert set(await venue.quotes()) == {"ETHUSDT"}


@pytest.mark.parametrize(
    "row",
    [an_instrument("BTCEUR"), an_instrument(basePrecision="0"), an_instrument(maxLimitOrderQty="0"), {"symbol": "X"}],
)
async def test_an_odd_instrument_is_left_out_and_the_others_stay(host: Any, venue: BybitPublicVenue, row: Any) -> None:
    host.says(INSTRUMENTS, reply(row, an_instrument("ETHUSDT")))
    [item] = await venue.instruments()
    assert (item.symbol, item.base, item.lot_size, item.min_notional) == (
        "ETHUSDT",
        "ETH",
        Decimal("0.000001"),
        Decimal(5),
    )


async def test_the_candle_of_the_minute_is_taken_else_the_latest_before(host: Any, venue: BybitPublicVenue) -> None:
    minute = NOW.replace(second=0)
    earlier, later = minute - timedelta(minutes=3), minute + timedelta(minutes=1)
    rows = [a_candle(later, "7", "8"), a_candle(minute, "1", "2"), a_candle(earlier, "3", "4")]
    host.says(CANDLES, reply(*rows))
    covering = await venue.candle("BTCUSDT", NOW)
    assert covering is not None
    assert (covering.low, covering.high) == (Decimal(1), Decimal(2))
    host.says(CANDLES, reply(rows[2]))
    before = await venue.candle("BTCUSDT", NOW)
    assert before is not None
    assert before.start == earlier
    host.says(CANDLES, reply())
    assert await venue.candle("BTCUSDT", NOW) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"retCode": 10006, "retMsg": "Too many visits!", "result": {}}, 200),
        ({"retCode": 10016, "retMsg": "Internal error", "result": {}}, 200),
        ({"retCode": 0, "retMsg": "OK", "result": {}}, 200),
        (b"<html>maintenance</html>", 200),
        (b"", 502),
        ({"retCode": 0}, 403),
    ],
)
async def test_an_answer_that_cannot_be_used_is_no_answer(
    host: Any, venue: BybitPublicVenue, body: Any, status: int
) -> None:
    for path in (TICKERS, INSTRUMENTS, CANDLES):
        host.says(path, body, status=status)
    for question in (venue.quotes(), venue.instruments(), venue.candle("BTCUSDT", NOW)):
        with pytest.raises(VenueUnavailable):
            await question


async def test_price_limits_that_are_slow_to_come_do_not_make_the_tickers_late(
    host: Any, venue: BybitPublicVenue
) -> None:
    host.says(TICKERS, reply(a_ticker()))
    host.slow = "/v5/market/price-limit"
    asked = [asyncio.create_task(venue.price_limit(f"C{number}USDT")) for number in range(THREADS + PLAN_THREADS)]
    await eventually(lambda: len(host.asked) >= PLAN_THREADS)
    async with asyncio.timeout(ANSWER_S - 1):
        assert set(await venue.quotes()) == {"BTCUSDT"}
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
