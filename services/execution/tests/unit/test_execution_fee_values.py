"""A fee in a third coin is worth what the coin costs when the match is booked, and says so when that is in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.one_desk import a_leg, a_position, a_run

from execution.domain.fill import split_sale
from execution.domain.position import RunKind
from execution.domain.run_money import settled_flow
from shared.trading.errors import Unavailable
from shared.trading.quote import Quote
from shared.trading.status import AttemptState, Side

D = Decimal


def a_quote(counter: Any, price: str, age_s: float = 0) -> Quote:
    at = counter.clock.now() - timedelta(seconds=age_s)
    return Quote(symbol="MNTUSDT", bid=D(price), ask=D(price), last=D(price), at=at)


async def booked(counter: Any, **changes: Any) -> Any:
    attempt = counter.sent(counter.bought, AttemptState.ACKED)
    match = replace(counter.a_match(attempt, "e1", "1", fee="0.2"), **({"fee_asset": "MNT"} | changes))
    await counter.book(match)
    return counter.state.fills["e1"]


async def test_a_fee_in_a_third_coin_is_valued_at_its_price(counter: Any) -> None:
    counter.prices = {"MNTUSDT": a_quote(counter, "0.8")}
    fill = await booked(counter)
    assert (fill.fee_value, fill.fee_value_stale) == (D("0.16"), False)
    assert counter.position.fees == D("0.16")
    assert counter.holding().cost == 100, "it was paid with the user's own coins: no cost of the position"


@pytest.mark.parametrize(("age_s", "late_s"), [(3600, 0), (0, 3600)])
async def test_an_old_price_or_an_old_match_is_marked(counter: Any, age_s: float, late_s: float) -> None:
    counter.prices = {"MNTUSDT": a_quote(counter, "0.8", age_s)}
    fill = await booked(counter, at=counter.clock.now() - timedelta(seconds=late_s))
    assert (fill.fee_value, fill.fee_value_stale) == (D("0.16"), True)


async def test_without_any_price_the_match_is_booked_all_the_same_and_marked(counter: Any) -> None:
    fill = await booked(counter)
    assert (fill.fee_value, fill.fee_value_stale) == (D(0), True)
    assert counter.holding().quantity == 1


async def test_market_data_that_is_away_keeps_no_match_from_the_books(counter: Any) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable(code="market_data_unavailable")

    counter.quotes = away
    assert (await booked(counter)).fee_value_stale


async def test_an_ordinary_fee_asks_nobody(counter: Any) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    counter.quotes = never
    fill = await booked(counter, fee_asset="BTC", fee=D("0.001"))
    assert (fill.fee_value, fill.fee_value_stale) == (D("0.1"), False)


async def test_a_sale_beyond_the_holding_splits_the_fees_worth_as_well(counter: Any) -> None:
    counter.prices = {"MNTUSDT": a_quote(counter, "0.8")}
    fill = await booked(counter)
    covered, beyond = split_sale(replace(fill, side="Sell"), D("0.25"))
    assert covered is not None
    assert beyond is not None
    assert (covered.fee_value, beyond.fee_value) == (D("0.04"), D("0.12"))


@given(coins=st.lists(st.sampled_from(("USDT", "MNT", "BNB")), min_size=1, max_size=5))
@pytest.mark.parametrize(
    ("kind", "side", "money"),
    [(RunKind.INVEST, Side.BUY, 1), (RunKind.WITHDRAW, Side.SELL, -1), (RunKind.UNWIND, Side.SELL, -1)],
)
def test_what_a_run_moved_counts_its_quote_fees_whatever_coins_the_others_were_paid_in(
    kind: RunKind, side: Side, money: int, coins: list[str]
) -> None:
    leg = replace(a_leg(), side=side)
    for coin in coins:
        leg = leg.filled(quantity=D(1), notional=D(100), fee=D("0.1"), fee_asset=coin)
    fees = D("0.1") * coins.count("USDT")
    moved = money * 100 * len(coins) + fees
    assert settled_flow(a_run(kind=kind), [leg], a_position(), ends=False) == moved


def test_a_match_without_a_fee_leaves_the_fee_that_is_shown() -> None:
    paid = a_leg().filled(quantity=D(1), notional=D(100), fee=D("0.2"), fee_asset="MNT")
    free = paid.filled(quantity=D(1), notional=D(100), fee=D(0), fee_asset="BTC")
    assert (free.fee, free.fee_asset) == (D("0.2"), "MNT")
