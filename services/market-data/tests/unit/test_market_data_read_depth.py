"""Order books are asked for once for plans made at the same time, and never hold a plan up."""

from __future__ import annotations

import asyncio

from market_data.application.read_depth import KEPT_S, PATIENCE_S, ReadDepth
from market_data.domain.errors import VenueUnavailable
from shared.testing import FakeClock, eventually
from shared.trading.depth import Depth


class FakeVenue:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.silent: set[str] = set()

    async def depth(self, symbol: str) -> Depth:
        self.asked.append(symbol)
        await asyncio.sleep(0)
        if symbol in self.silent:
            await asyncio.Event().wait()
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


async def test_plans_made_side_by_side_share_what_is_under_way() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    read = ReadDepth(venue, clock)  # type: ignore[arg-type]  # only its books are asked for
    found = await asyncio.gather(*(read.of(["BTCUSDT", "ETHUSDT"]) for _ in range(20)))
    assert {len(books) for books in found} == {2}
    assert venue.asked == ["BTCUSDT", "ETHUSDT"]


async def test_all_books_of_a_question_have_one_time_limit_together() -> None:
    clock = FakeClock()
    venue = FakeVenue(clock)
    read = ReadDepth(venue, clock)  # type: ignore[arg-type]  # only its books are asked for
    silent = [f"C{number}USDT" for number in range(50)]
    venue.silent = set(silent)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert [book.symbol for book in await read.of(["ABCUSDT", *silent])] == ["ABCUSDT"]
    waited = loop.time() - begun
    assert PATIENCE_S * 0.9 <= waited < PATIENCE_S * 10, "not once for each of them, in turns of eight"
    venue.silent = set()

    async def told() -> bool:
        return len(await read.of(silent)) == 50

    await eventually(told, timeout_s=30, every_s=0.01, because="what was given up on is asked for again")
