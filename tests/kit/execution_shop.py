"""Three coins and their order books, beside the use cases that plan, order and close: for unit tests of execution."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from execution.application.accept_basket_order import AcceptBasketOrder
from execution.application.accepting import Command
from execution.application.make_close_plan import MakeClosePlan
from execution.application.make_plan import MakePlan
from execution.application.make_run_plan import MakeRunPlan
from execution.application.planning import PlanRoom, PlanRules
from execution.application.ports import AccountStanding, Constituent, IndexVersion
from execution.application.purse import Purses
from execution.domain.plan import Mode, Plan, PlanOptions
from execution.domain.position import PositionHolding, RunKind
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.trading_room import Stop, TradingRoom
from kit.execution_counter import ACCOUNT, POSITION, Counter, FakeBell
from shared.trading.depth import BookLevel, Depth
from shared.trading.errors import PlatformError
from shared.trading.instrument import Instrument
from shared.trading.policy import LegPolicy
from shared.trading.quote import Quote

D = Decimal
WEIGHTS = {"AAA": "0.6", "BBB": "0.32", "CCC": "0.08"}
DEEP = "100000"


class Shop:
    """Three coins at 100, an account with money, and order books of which a test says how many coins stand on a side."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.asks, self.bids = dict.fromkeys(WEIGHTS, DEEP), dict.fromkeys(WEIGHTS, DEEP)
        self.away: PlatformError | None = None
        self.key: PlatformError | None = None
        self.active = True
        self.stops: list[Stop] = []
        self.looks = 0
        same = {"books": counter.books, "bell": FakeBell(), "clock": counter.clock, "ids": counter.ids}
        purses = Purses(venue=self, times=ProtocolTimes(), clock=counter.clock)  # type: ignore[arg-type]
        room = PlanRoom(accounts=self, market=self, venue=self, purse=purses.of, rules=PlanRules(), **same)  # type: ignore[arg-type]
        self._buy, self._run, self._close = MakePlan(room), MakeRunPlan(room), MakeClosePlan(room)
        self._accept = AcceptBasketOrder(market=self, **same)  # type: ignore[arg-type]

    async def buy(self, amount: str = "1000", policy: LegPolicy = LegPolicy.HOLD) -> Plan:
        return await self._buy.execute(
            user_id=ACCOUNT.user_id,
            account_id=ACCOUNT.account_id,
            index_id="top-10",
            amount=D(amount),
            policy=policy,
        )

    async def takes(self, plan: Plan) -> UUID:
        """Accept the order to buy a plan; the position that it opens."""
        ids = self.counter.ids
        position_id = ids.uuid()
        await self._accept.execute(
            Command(
                message_id=ids.uuid(),
                position_id=position_id,
                account=ACCOUNT,
                plan_id=plan.plan_id,
                approved=plan.amount,
                expires_at=self.counter.clock.now() + timedelta(minutes=1),
            )
        )
        return position_id

    async def run(self, kind: RunKind, amount: str | None = None, mode: Mode = Mode.FULL) -> Plan:
        return await self._run.execute(
            user_id=ACCOUNT.user_id,
            position_id=POSITION,
            kind=kind,
            amount=None if amount is None else D(amount),
            options=PlanOptions(mode=mode),
        )

    async def close(self) -> Plan:
        return await self._close.execute(user_id=ACCOUNT.user_id, position_id=POSITION)

    def holds(self, **coins: str) -> None:
        """The position stands with these coins, at rest for a while."""
        for asset, quantity in coins.items():
            self.counter.state.holdings_[POSITION, asset] = PositionHolding(
                position_id=POSITION,
                user_id=ACCOUNT.user_id,
                account_id=ACCOUNT.account_id,
                asset=asset,
                symbol=f"{asset}USDT",
                target_weight=D(WEIGHTS[asset]),
                quantity=D(quantity),
                cost=D(quantity) * 100,
            )
        self.counter.clock.advance(60)

    # The ports below the use cases.
    async def describe(self, **_: Any) -> AccountStanding:
        return AccountStanding(account=ACCOUNT, active=self.active, read_only=False)

    async def room(self, _: Any) -> TradingRoom:
        self._must_work()
        plenty = D(1_000_000_000)
        return TradingRoom(
            stops=self.stops,
            order_max=plenty,
            slippage_bps_max=D(10_000),
            room=plenty,
            room_limit="day",
            room_max=plenty,
        )

    def _must_work(self) -> None:
        if self.key is not None:
            raise self.key

    async def spendable(self, *_: Any) -> Decimal:
        self._must_work()
        return D(100_000)

    async def balances(self, _: Any, assets: Collection[str]) -> dict[str, Decimal]:
        self._must_work()
        return dict.fromkeys(assets, D(100_000))

    async def index(self, *_: Any, **__: Any) -> IndexVersion:
        rows = [Constituent(asset=name, symbol=f"{name}USDT", weight=D(share)) for name, share in WEIGHTS.items()]
        return IndexVersion(index_id="top-10", version=1, weight_cap=D("0.7"), constituents=rows)

    async def indices(self, _: Any) -> list[IndexVersion]:
        return []

    async def instruments(self, _: Any, symbols: Collection[str]) -> dict[str, Instrument]:
        return {symbol: _instrument(symbol) for symbol in symbols}

    async def quotes(self, _: Any, symbols: Collection[str], **__: Any) -> dict[str, Quote]:
        price = D(100)
        now = self.counter.clock.now()
        return {one: Quote(symbol=one, bid=price, ask=price, last=price, at=now) for one in symbols}

    async def depth(self, _: Any, symbols: Collection[str]) -> dict[str, Depth]:
        self.looks += 1
        if self.away is not None:
            raise self.away
        return {symbol: self._depth(symbol) for symbol in symbols}

    def _depth(self, symbol: str) -> Depth:
        asset = symbol.removesuffix("USDT")
        asks = [BookLevel(price=D("100.5"), quantity=D(self.asks[asset]))] if D(self.asks[asset]) else []
        bids = [BookLevel(price=D("99.5"), quantity=D(self.bids[asset]))] if D(self.bids[asset]) else []
        return Depth(symbol=symbol, asks=asks, bids=bids, at=self.counter.clock.now())


def _instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        lot_size=D("0.001"),
        tick_size=D("0.01"),
        min_quantity=D("0.001"),
        min_notional=D(5),
        max_limit_quantity=D(100_000),
    )


def checks(plan: Plan) -> dict[str, str]:
    """What is said of each coin."""
    return {line.base_asset: line.check for line in plan.legs}
