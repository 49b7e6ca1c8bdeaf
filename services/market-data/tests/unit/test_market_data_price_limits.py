"""The venue's price limits: told while they are young, of the pairs that matter."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import pytest
from kit.market_venue import FakePublicVenue
from kit.town_virtual_loop import VirtualLoop

from market_data.application.limit_board import PATIENCE_S
from market_data.application.market_board import MarketBoard
from market_data.domain.errors import VenueUnavailable
from market_data.domain.price_limits import FRESH_S
from market_data.inbound.beats import Pace, limit_beat
from market_data.inbound.views import quote_view
from market_data.outbound.bybit import BybitPublicVenue
from shared.runtime.bybit.public_rows import InstrumentRow
from shared.testing import FakeClock, eventually
from shared.trading.clock import SystemClock
from shared.trading.status import VenueEnvironment

PATH = "/v5/market/price-limit"


def a_venue(clock: FakeClock) -> FakePublicVenue:
    """Two pairs at 1, and it takes no order more than a hundredth off."""
    venue = FakePublicVenue(clock, dict.fromkeys("AB", Decimal(1)))
    venue.reach = Decimal("0.01")
    return venue


@pytest.fixture
async def board() -> MarketBoard:
    board = MarketBoard(a_venue(FakeClock()), FakeClock())
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
    board = MarketBoard(a_venue(clock), clock)
    await board.refresh_quotes()
    await board.refresh_limits({"AUSDT"})
    clock.advance(FRESH_S)
    assert limits(board, "AUSDT") == [KNOWN]
    clock.advance(1)
    assert limits(board, "AUSDT") == [(None, None)]


async def test_pairs_that_no_longer_matter_are_forgotten_once_they_are_old() -> None:
    clock = FakeClock()
    board = MarketBoard(a_venue(clock), clock)
    await board.refresh_quotes()
    assert await board.refresh_limits({"AUSDT", "BUSDT"}) == 2
    clock.advance(FRESH_S)
    assert await board.refresh_limits({"BUSDT"}) == 2
    clock.advance(1)
    assert await board.refresh_limits({"BUSDT"}) == 1


async def test_a_missing_answer_keeps_what_was_heard_until_then() -> None:
    clock = FakeClock()
    venue = a_venue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.refused = {"BUSDT"}
    with pytest.raises(VenueUnavailable):
        await board.refresh_limits({"AUSDT", "BUSDT"})
    assert limits(board, "AUSDT", "BUSDT") == [KNOWN, (None, None)]


async def test_a_pair_that_the_venue_does_not_know_any_more_does_not_hide_those_after_it() -> None:
    clock = FakeClock()
    venue = a_venue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.refused = {"AUSDT"}
    with pytest.raises(VenueUnavailable):
        await board.refresh_limits({"AUSDT", "BUSDT"})
    assert limits(board, "BUSDT") == [KNOWN]


async def test_a_venue_that_is_away_is_not_asked_for_every_pair() -> None:
    clock = FakeClock()
    venue = a_venue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.refused = {"AUSDT", "BUSDT", "CUSDT"}
    with pytest.raises(VenueUnavailable):
        await board.refresh_limits(venue.refused)
    assert venue.asked == ["AUSDT", "BUSDT"]


class Moving:
    """A board whose venue publishes a ratio of 1.5 %, and refuses beyond 1 %."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.venue = a_venue(self.clock)
        self.venue.ratio = Decimal("0.015")
        self.board = MarketBoard(self.venue, self.clock)

    async def goes_to(self, price: str) -> None:
        self.clock.advance(1)
        self.venue.prices["A"] = Decimal(price)
        await self.board.refresh_quotes()


async def stands() -> Moving:
    made = Moving()
    await made.board.refresh_instruments()
    await made.board.refresh_quotes()
    return made


@pytest.fixture
async def moving() -> Moving:
    return await stands()


def told(low: str, high: str) -> tuple[Decimal, Decimal]:
    return Decimal(high), Decimal(low)


async def test_limits_that_nobody_asked_for_are_those_of_the_published_ratio(moving: Moving) -> None:
    assert limits(moving.board, "AUSDT") == [told("0.985", "1.015")]
    assert moving.venue.asked == []


async def test_limits_follow_a_price_that_left_them_at_once_and_stay_the_venues_while_it_did_not(
    moving: Moving,
) -> None:
    await moving.board.refresh_limits({"AUSDT"})
    await moving.goes_to("1.002")
    assert limits(moving.board, "AUSDT") == [told("0.99", "1.01")]
    for price, low, high in (("1.1", "1.084", "1.116"), ("0.9", "0.887", "0.913")):
        await moving.goes_to(price)
        assert limits(moving.board, "AUSDT") == [told(low, high)], "on the tick grid, inside what the ratio gives"
    assert moving.venue.asked == ["AUSDT"]


async def test_a_plan_has_the_venue_asked_where_the_price_has_moved_or_nothing_young_is_known(moving: Moving) -> None:
    await moving.board.refresh_limits({"AUSDT"})
    await moving.board.ask_limits(["AUSDT", "BUSDT", "NOPEUSDT"], age_s=15)
    assert moving.venue.asked == ["AUSDT", "BUSDT"], "what is young and fits is not asked for again"
    await moving.goes_to("1.1")
    await moving.board.ask_limits(["AUSDT"], age_s=15)
    assert limits(moving.board, "AUSDT") == [told("1.089", "1.111")]
    moving.clock.advance(16)
    await moving.board.ask_limits(["AUSDT"], age_s=15)
    assert moving.venue.asked == ["AUSDT", "BUSDT", "AUSDT", "AUSDT"]


async def test_what_the_venue_said_after_the_newest_quote_is_told_whatever_the_quote_says(moving: Moving) -> None:
    moving.clock.advance(1)
    moving.venue.prices["A"] = Decimal("1.1")
    await moving.board.ask_limits(["AUSDT"], age_s=15)
    assert limits(moving.board, "AUSDT") == [told("1.089", "1.111")]


def test_a_venue_that_does_not_answer_or_says_no_holds_nobody_up_for_long() -> None:
    async def asked() -> None:
        moving = await stands()
        moving.venue.silent, moving.venue.refused = {"AUSDT"}, {"BUSDT"}
        await moving.board.ask_limits(["AUSDT", "BUSDT"], age_s=0)
        assert limits(moving.board, "AUSDT", "BUSDT") == [told("0.985", "1.015")] * 2
        assert asyncio.get_running_loop().time() == pytest.approx(PATIENCE_S)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asked())


async def test_plans_made_at_the_same_time_ask_once(moving: Moving) -> None:
    await asyncio.gather(*(moving.board.ask_limits(["AUSDT", "BUSDT"], age_s=1) for _ in range(20)))
    assert sorted(moving.venue.asked) == ["AUSDT", "BUSDT"]


async def test_the_beat_goes_on_after_a_failure_and_asks_for_what_indices_hold() -> None:
    clock = FakeClock()
    venue = a_venue(clock)
    board = MarketBoard(venue, clock)
    await board.refresh_quotes()
    venue.refused = {"AUSDT"}
    held: set[str] = set()

    async def symbols() -> Collection[str]:
        return held

    beat = limit_beat(VenueEnvironment.PAPER, board, symbols, Pace(limits_s=0.01))
    running = asyncio.ensure_future(beat())
    try:
        held.add("AUSDT")
        await eventually(lambda: len(venue.asked) >= 2)
        venue.refused.clear()
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
    ("told_ratios", "ratio"),
    [
        ({"riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"}}, Decimal("0.01")),
        ({"riskParameters": {"priceLimitRatioX": "", "priceLimitRatioY": "0.02"}}, Decimal("0.02")),
        ({"riskParameters": {"priceLimitRatioX": "0", "priceLimitRatioY": "0"}}, None),
        ({"riskParameters": {"limitParameter": "0.03", "marketParameter": "0.03"}}, None),
        ({}, None),
    ],
    ids=["both", "one", "none", "fields of 2024", "not told"],
)
def test_the_ratio_is_read_with_the_venues_rules(told_ratios: dict[str, Any], ratio: Decimal | None) -> None:
    rules = {"lotSizeFilter": {"basePrecision": "0.1"}, "priceFilter": {"tickSize": "0.1"}, **told_ratios}
    names = {"symbol": "AUSDT", "baseCoin": "A", "quoteCoin": "USDT", "status": "Trading"}
    assert InstrumentRow.model_validate({**names, **rules}).to_domain().price_limit_ratio == ratio


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
