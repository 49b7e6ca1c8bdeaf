"""The venue's price limits move with the market: an order stays inside them, and never costs more than was approved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from kit.one_desk import T0, D, Desk, Market, Venue, a_leg

from execution.application.prices import REFUSED_LIMITS_S
from execution.domain.price_band import PRICE_LIMIT
from execution.domain.venue_facts import ReplyKind
from execution.outbound.venue_words import reply
from shared.runtime.bybit.outcomes import Refused


async def test_an_order_beyond_the_venues_limit_goes_out_inside_it_and_the_leg_keeps_what_was_approved() -> None:
    desk = Desk(Venue(), market=Market(buy_limit=D("100.4")))
    (attempt,) = await desk.trade()
    assert attempt.limit_price == D("100.3")
    assert json.loads(attempt.body)["price"] == "100.3"
    assert desk.books.leg.limit_price == a_leg().limit_price == D(101)


@pytest.mark.parametrize("limit", [None, D(101), D(105)])
async def test_an_order_that_the_venue_takes_goes_out_as_it_was_approved(limit: object) -> None:
    desk = Desk(Venue(), market=Market(buy_limit=limit))  # type: ignore[arg-type]
    (attempt,) = await desk.trade()
    assert attempt.limit_price == D(101)


async def test_the_first_orders_wait_for_no_answer_of_the_venue_and_what_is_tried_again_asks_for_limits_of_now() -> (
    None
):
    desk = Desk(Venue())
    await desk.trade()
    desk.books.leg = replace(a_leg(), client_order_id="first", retry_at=T0)
    await desk.trade()
    assert desk.market.limits_age_s == [None, REFUSED_LIMITS_S]


@pytest.mark.parametrize("code", [170371, 170372, 170132, 170133, 170193, 170194])
def test_a_price_beyond_the_limits_is_refused_in_words(code: int) -> None:
    said = reply(Refused(code=code, message="Order price cannot be higher than 99, the price limitation"), T0)
    assert said.kind is ReplyKind.REFUSED
    assert said.reason == (
        f"{PRICE_LIMIT}: the venue takes no order at this price now: "
        f"Order price cannot be higher than 99, the price limitation ({code})"
    )
    assert reply(Refused(code=170131, message="Balance insufficient"), T0).reason.startswith("venue_170131")
