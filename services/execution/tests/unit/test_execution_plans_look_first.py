"""Before a plan sells, the account is looked at: what the user sold by hand a moment ago is nobody's to sell again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from execution.application.make_close_plan import MakeClosePlan
from execution.application.make_run_plan import MakeRunPlan
from execution.application.planning import PlanRoom, PlanRules
from execution.application.ports import Account, AccountStanding
from execution.application.purse import Purses
from execution.domain.errors import PositionBusy, PositionNotClosable
from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.trading_room import TradingRoom
from shared.trading.depth import Depth
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote

D = Decimal
SECOND = UUID(int=33)


class Outside:
    """The venue, the market and the signer of one account that holds what a test says."""

    def __init__(self, counter: Any, btc: str) -> None:
        self.clock = counter.clock
        position = counter.position
        self.account = Account(
            user_id=position.user_id, account_id=position.account_id, environment=position.environment
        )
        self.wallet = {"BTC": D(btc), "USDT": D(0)}

    async def describe(self, **_: Any) -> AccountStanding:
        return AccountStanding(account=self.account, active=True, read_only=False)

    async def room(self, _: Any) -> TradingRoom:
        plenty = D(1_000_000_000)
        return TradingRoom(
            stops=(), order_max=plenty, slippage_bps_max=D(10_000), room=plenty, room_limit="day", room_max=plenty
        )

    async def spendable(self, _: Any, asset: str) -> Decimal:
        return self.wallet[asset]

    async def balances(self, _: Any, assets: Collection[str]) -> Mapping[str, Decimal]:
        return {asset: self.wallet[asset] for asset in assets}

    async def index(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(index_id="top-10", version=1, weight_cap=D(1), cash_share=D(0), constituents=[])

    async def depth(self, *_: Any) -> dict[str, Depth]:
        return {}

    async def instruments(self, _: Any, symbols: Collection[str]) -> dict[str, Instrument]:
        return {
            symbol: Instrument(
                symbol=symbol,
                base="BTC",
                quote="USDT",
                lot_size=D("0.001"),
                tick_size=D("0.01"),
                min_quantity=D("0.001"),
                min_notional=D(5),
                max_limit_quantity=D(1000),
            )
            for symbol in symbols
        }

    async def quotes(self, _: Any, symbols: Collection[str], **__: Any) -> dict[str, Quote]:
        price = D(100)
        return {one: Quote(symbol=one, bid=price, ask=price, last=price, at=self.clock.now()) for one in symbols}

    def ring(self, _: Any) -> None:
        """Nobody waits for this bell here."""


async def _close(counter: Any, outside: Outside) -> Plan:
    room = _room(counter, outside)
    position = counter.position
    return await MakeClosePlan(room).execute(user_id=position.user_id, position_id=position.position_id)


def _room(counter: Any, outside: Outside) -> PlanRoom:
    return PlanRoom(
        accounts=outside,
        market=outside,  # type: ignore[arg-type]
        venue=outside,  # type: ignore[arg-type]
        books=counter.books,
        bell=outside,  # type: ignore[arg-type]
        clock=counter.clock,
        ids=counter.ids,
        rules=PlanRules(),
        purse=Purses(venue=outside, times=ProtocolTimes(), clock=counter.clock).of,  # type: ignore[arg-type]
    )


@pytest.fixture
def shared_coin(counter: Any) -> Any:
    """Two positions hold 1 BTC each, and have not traded for a minute."""
    counter.holds("1")
    state = counter.state
    position = counter.position
    state.positions[SECOND] = replace(position, position_id=SECOND)
    key = (position.position_id, "BTC")
    state.holdings_[SECOND, "BTC"] = replace(state.holdings_[key], position_id=SECOND)
    counter.clock.advance(60)
    return counter


async def test_a_coin_sold_by_hand_a_moment_ago_stops_the_plan_that_would_sell_the_others(shared_coin: Any) -> None:
    with pytest.raises(PositionNotClosable) as refused:
        await _close(shared_coin, Outside(shared_coin, btc="1.5"))
    assert refused.value.context["reason"] == "shortage:BTC"
    paused = [position.trading_paused for position in shared_coin.state.positions.values()]
    assert paused == ["shortage:BTC", "shortage:BTC"]


async def test_every_plan_on_a_standing_position_looks_first(shared_coin: Any) -> None:
    room = _room(shared_coin, Outside(shared_coin, btc="1.5"))
    position = shared_coin.position
    with pytest.raises(PositionBusy) as refused:
        await MakeRunPlan(room).execute(
            user_id=position.user_id, position_id=position.position_id, kind=RunKind.WITHDRAW, amount=D(10)
        )
    assert refused.value.context["reason"] == "shortage:BTC"


async def test_what_is_there_is_sold(shared_coin: Any) -> None:
    plan = await _close(shared_coin, Outside(shared_coin, btc="2"))
    assert [line.quantity for line in plan.legs] == [D(1)]


async def test_a_balance_right_after_a_trade_is_not_believed(shared_coin: Any) -> None:
    state, position = shared_coin.state, shared_coin.position
    just_now = shared_coin.clock.now() - timedelta(seconds=9)
    state.positions[position.position_id] = replace(position, traded_at=just_now)
    plan = await _close(shared_coin, Outside(shared_coin, btc="1"))
    assert [line.quantity for line in plan.legs] == [D(1)]
    assert state.shortages_ == {}
