"""Order books are asked for once for plans made at the same time, and never hold a plan up."""

from __future__ import annotations

import asyncio

from market_data.application.read_depth import KEPT_S, ReadDepth
from market_data.domain.errors import VenueUnavailable
from shared.testing import FakeClock
from shared.trading.depth import Depth


class FakeVenue:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.broken: set[str] = set()

    async def depth(self, symbol: str) -> Depth:
        self.asked.append(symbol)
        await asyncio.sleep(0)
        if symbol in self.broken:
            raise VenueUnavailable
        return Depth(symbol=symbol, bids=[], asks=[], at=self.clock.now())


async def test_a_book_is_asked_for_again_only_when_it_is_old() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    read = ReadDepth(venue, clock)  # type: ignore[arg-type]  # only its books are asked for
    assert [book.symbol for book in await read.of(["ETHUSDT", "BTCUSDT", "ETHUSDT"])] == ["BTCUSDT", "ETHUSDT"]
    await read.of(["BTCUSDT"])
    assert venue.asked == ["BTCUSDT", "ETHUSDT"]
    clock.advance(KEPT_S + 0.1)
    await read.of(["BTCUSDT"])
    assert venue.asked == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]


async def test_a_book_that_is_not_told_is_left_out() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    venue.broken = {"BTCUSDT"}
    read = ReadDepth(venue, clock)  # type: ignore[arg-type]  # only its books are asked for
    assert [book.symbol for book in await read.of(["ETHUSDT", "BTCUSDT"])] == ["ETHUSDT"]
