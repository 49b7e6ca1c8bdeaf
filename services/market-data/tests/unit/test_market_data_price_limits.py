"""The venue's price limits: told while they are young, of the pairs that matter."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from market_data.application.market_board import MarketBoard
from market_data.domain.errors import VenueUnavailable
from market_data.domain.identity import Candle
from market_data.domain.price_limits import FRESH_S, PriceLimit
from market_data.inbound.beats import Pace, limit_beat
from market_data.inbound.views import quote_view
from market_data.outbound.bybit import BybitPublicVenue
from shared.testing import FakeClock, eventually
from shared.trading.clock import SystemClock
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

PATH = "/v5/market/price-limit"


class FakeVenue:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.away: set[str] = set()

    async def instruments(self) -> Sequence[Instrument]:
        return []

    async def quotes(self) -> Mapping[str, Quote]:
        one = Decimal(1)
        return {
            symbol: Quote(symbol=symbol, bid=one, ask=one, last=one, at=self.clock.now())
            for symbol in ("AUSDT", "BUSDT")
        }

    async def price_limit(self, symbol: str) -> PriceLimit:
        self.asked.append(symbol)
        if symbol in self.away:
            raise VenueUnavailable
        return PriceLimit(symbol=symbol, highest_buy=Decimal("1.01"), lowest_sell=Decimal("0.99"))

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        return None


@pytest.fixture
async def board() -> MarketBoard:
    board = MarketBoard(FakeVenue(FakeClock()), FakeClock())
    await board.refresh_quotes()
    return board


def limits(board: MarketBoard, *symbols: str) -> list[tuple[Decimal | None, Decimal | None]]:
    return [(view.buy_limit, view.sell_limit) for view in map(quote_view, board.quotes(symbols))]


KNOWN = (Decimal("1.01"), Decimal("0.99"))


async def test_a_named_quote_carries_the_limits_that_are_known(board: MarketBoard) -> None:
    assert limits(board, "AUSDT") == [(None, None)]
    assert await board.refresh_limits({"AUSDT"}) == 1
    assert limits(board, "AUSDT", "BUSDT") == [KNOWN, (None, None)]


async def test_a_limit_that_grew_old_is_not_told() -> None:
    clock = FakeClock()
    board = MarketBoard(FakeVenue(clock), clock)
    await board.refresh_quotes()
    await board.refresh_limits({"AUSDT"})
    clock.advance(FRESH_S)
    assert limits(board, "AUSDT") == [KNOWN]
    clock.advance(1)
    assert limits(board, "AUSDT") == [(None, None)]


async def test_pairs_that_no_longer_matter_are_forgotten(board: MarketBoard) -> None:
    await board.refresh_limits({"AUSDT", "BUSDT"})
    await board.refresh_limits({"BUSDT"})
    assert limits(board, "AUSDT", "BUSDT") == [(None, None), KNOWN]


async def test_a_missing_answer_keeps_what_was_heard_until_then() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.away = {"BUSDT"}
    with pytest.raises(VenueUnavailable):
        await board.refresh_limits({"AUSDT", "BUSDT"})
    assert limits(board, "AUSDT", "BUSDT") == [KNOWN, (None, None)]


async def test_the_beat_goes_on_after_a_failure_and_asks_for_what_indices_hold() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.away = {"AUSDT"}
    held: set[str] = set()

    async def symbols() -> Collection[str]:
        return held

    beat = limit_beat(VenueEnvironment.PAPER, board, symbols, Pace(limits_s=0.01))
    running = asyncio.ensure_future(beat())
    try:
        held.add("AUSDT")
        await eventually(lambda: len(venue.asked) >= 2)
        venue.away.clear()
        await eventually(lambda: limits(board, "AUSDT") == [KNOWN])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert set(venue.asked) == {"AUSDT"}


@pytest.mark.parametrize(
    ("result", "limit"),
    [
        ({"symbol": "AUSDT", "buyLmt": "1.01", "sellLmt": "0.99", "ts": "1"}, KNOWN),
        ({"symbol": "AUSDT", "buyLmt": "", "sellLmt": "0"}, (None, None)),
    ],
)
async def test_the_venues_answer_is_read(host: Any, result: dict[str, str], limit: tuple[Decimal | None, ...]) -> None:
    host.says(PATH, {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1})
    venue = BybitPublicVenue(host.url, SystemClock())
    try:
        found = await venue.price_limit("AUSDT")
    finally:
        await venue.close()
    assert (found.highest_buy, found.lowest_sell) == limit


@pytest.mark.parametrize(
    "body", [{"retCode": 10001, "retMsg": "no"}, {"retCode": 0, "result": {"symbol": "A", "buyLmt": "NaN"}}, b"<html>"]
)
async def test_an_answer_that_says_nothing_is_unavailable(host: Any, body: Any) -> None:
    host.says(PATH, body)
    venue = BybitPublicVenue(host.url, SystemClock())
    try:
        with pytest.raises(VenueUnavailable):
            await venue.price_limit("AUSDT")
    finally:
        await venue.close()
