"""Order books are asked for once for plans made at the same time, and never hold a plan up."""

from __future__ import annotations

import asyncio

import pytest
from kit.market_venue import FakePublicVenue
from kit.town_virtual_loop import VirtualLoop

from market_data.application.read_depth import KEPT_S, PATIENCE_S, ReadDepth
from shared.testing import FakeClock, eventually


async def test_a_book_is_asked_for_again_only_when_it_is_old() -> None:
    clock = FakeClock()
    venue = FakePublicVenue(clock)
    read = ReadDepth(venue, clock)
    assert [book.symbol for book in await read.of(["ETHUSDT", "BTCUSDT", "ETHUSDT"])] == ["BTCUSDT", "ETHUSDT"]
    await read.of(["BTCUSDT"])
    assert venue.asked == ["BTCUSDT", "ETHUSDT"]
    clock.advance(KEPT_S + 0.1)
    await read.of(["BTCUSDT"])
    assert venue.asked == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]


async def test_a_book_that_is_not_told_is_left_out() -> None:
    clock = FakeClock()
    venue = FakePublicVenue(clock)
    venue.refused = {"BTCUSDT"}
    read = ReadDepth(venue, clock)
    assert [book.symbol for book in await read.of(["ETHUSDT", "BTCUSDT"])] == ["ETHUSDT"]


async def test_plans_made_side_by_side_share_what_is_under_way() -> None:
    clock = FakeClock()
    venue = FakePublicVenue(clock)
    read = ReadDepth(venue, clock)
    found = await asyncio.gather(*(read.of(["BTCUSDT", "ETHUSDT"]) for _ in range(20)))
    assert {len(books) for books in found} == {2}
    assert venue.asked == ["BTCUSDT", "ETHUSDT"]


def test_all_books_of_a_question_have_one_time_limit_together() -> None:
    async def asked() -> None:
        clock = FakeClock()
        venue = FakePublicVenue(clock)
        read = ReadDepth(venue, clock)
        silent = [f"C{number}USDT" for number in range(50)]
        venue.silent = set(silent)
        assert [book.symbol for book in await read.of(["ABCUSDT", *silent])] == ["ABCUSDT"]
        waited = asyncio.get_running_loop().time()
        assert waited == pytest.approx(PATIENCE_S), "not once for each of them, in turns of eight"
        venue.silent = set()

        async def told() -> bool:
            return len(await read.of(silent)) == 50

        await eventually(told, every_s=0.01, because="what was given up on is asked for again")

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asked())
