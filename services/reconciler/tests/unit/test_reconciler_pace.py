"""While execution trades the reconciler keeps out of its way, and at rest it asks for little."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from reconciler.application.follow_trading import FollowTrading

DEBOUNCE = timedelta(seconds=2)


@pytest.fixture
def follow(bench: Any) -> FollowTrading:
    return FollowTrading(desk=bench.store, agenda=bench.store, clock=bench.clock, debounce=DEBOUNCE)


def the_agenda_is_done(bench: Any) -> None:
    bench.store.due.clear()


async def test_a_burst_of_events_is_one_line_on_the_agenda(bench: Any, make: Any, follow: FollowTrading) -> None:
    await follow.account(make.ACCOUNT)
    due = bench.store.due.pop(make.ACCOUNT.account_id)
    assert due == bench.clock.now() + DEBOUNCE
    for _ in range(20):
        bench.clock.advance(0.05)
        await follow.fills(make.ACCOUNT.user_id, make.ACCOUNT.account_id, make.POSITION)
    assert bench.store.due == {}, "the line stands; nobody writes it again"


async def test_what_happens_when_the_line_is_due_makes_a_new_one(bench: Any, make: Any, follow: FollowTrading) -> None:
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4())
    await follow.account(make.ACCOUNT)
    the_agenda_is_done(bench)
    bench.clock.advance(1.75)
    await follow.fills(make.ACCOUNT.user_id, make.ACCOUNT.account_id, make.POSITION)
    assert bench.store.due[make.ACCOUNT.account_id] == bench.clock.now() + DEBOUNCE


async def test_an_earlier_line_counts_as_it_stands(bench: Any, make: Any, follow: FollowTrading) -> None:
    bench.store.due[make.ACCOUNT.account_id] = bench.clock.now() + timedelta(seconds=0.6)
    await follow.account(make.ACCOUNT)
    the_agenda_is_done(bench)
    bench.clock.advance(0.5)
    await follow.account(make.ACCOUNT)
    assert bench.store.due[make.ACCOUNT.account_id] == bench.clock.now() + DEBOUNCE


async def test_a_fill_of_an_unknown_position_is_left_to_the_positions_own_event(
    bench: Any, make: Any, follow: FollowTrading
) -> None:
    await follow.fills(make.ACCOUNT.user_id, make.ACCOUNT.account_id, uuid4())
    assert bench.store.due == {}


async def test_only_quotes_of_coins_that_are_held_are_asked_for(bench: Any, make: Any) -> None:
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4())
    bench.sources.asked.clear()
    for price in ("111", "112"):
        bench.price(BTC=price, DOGE="1")
        assert await bench.revaluing.run_once() == 1
    assert bench.sources.asked == [{"BTCUSDT"}, {"BTCUSDT"}], "never all of them"


async def test_a_new_coin_is_valued_in_the_same_pass(bench: Any, make: Any) -> None:
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4())
    await bench.revaluing.run_once()
    bench.clock.advance(1)
    coins = [make.coin(), make.coin("ETH")]
    bench.sources.book = make.books(make.book(*coins, traded_at=bench.clock.now()))
    bench.price(BTC="110", ETH="10")
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4())
    bench.price(BTC="110", ETH="11")
    assert await bench.revaluing.run_once() == 1
    assert {coin.coin.symbol for coin in bench.pnl_told()[-1].valuation.coins} == {"BTCUSDT", "ETHUSDT"}
