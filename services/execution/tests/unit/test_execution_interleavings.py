"""Two positions that share a coin, and the user's own coins: any interleaving of their runs keeps everybody's share."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.execution_counter import ACCOUNT, LINKING, FakeBell
from kit.memory_execution_tables import BookTables
from kit.memory_house import House

from execution.application.accept_basket_order import AcceptBasketOrder
from execution.application.accept_close import AcceptClose
from execution.application.accept_run import AcceptRun
from execution.application.accepting import Command
from execution.application.bookkeeping import Bookkeeper
from execution.application.fee_prices import FeePrices
from execution.application.make_close_plan import MakeClosePlan
from execution.application.make_plan import MakePlan
from execution.application.make_run_plan import MakeRunPlan
from execution.application.planning import PlanRoom, PlanRules
from execution.application.ports import AccountStanding, Constituent, DeskLease, IndexVersion
from execution.application.purse import Purses
from execution.application.trade_run import TradeRun
from execution.domain.attempt import Attempt
from execution.domain.plan import Plan
from execution.domain.position import RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.trading_room import TradingRoom
from execution.domain.turn import due
from execution.domain.venue_facts import ExecutionFact, OrderFact, Standing
from shared.testing import FakeClock, FakeIds
from shared.trading.depth import Depth
from shared.trading.errors import PlatformError
from shared.trading.instrument import Instrument
from shared.trading.money import floor_to_lot
from shared.trading.quote import Quote
from shared.trading.status import PositionStatus, Side

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOT = D("0.001")
INDICES = {"one": {"AAA": "0.5", "BBB": "0.5"}, "two": {"AAA": "0.4", "CCC": "0.6"}}
PLACES = {"one": UUID(int=101), "two": UUID(int=102)}
FEE = D("0.001")


class World:
    """A venue, two positions, a user who trades beside them, and everything that is on its way."""

    def __init__(self) -> None:
        self.state = BookTables(House(), ACCOUNT)
        self.books = self.state.books
        self.clock, self.ids = FakeClock(NOW), FakeIds()
        self.wallet: dict[str, Decimal] = defaultdict(Decimal, {"USDT": D(1000), "AAA": D(3)})
        self.own: dict[str, Decimal] = defaultdict(Decimal, {"USDT": D(1000), "AAA": D(3)})
        self.prices = {"AAA": D(10), "BBB": D(10), "CCC": D(10)}
        self.wire: list[Attempt] = []
        self.news: list[Any] = []
        self.matches = 0
        same = {"books": self.books, "bell": FakeBell(), "clock": self.clock, "ids": self.ids}
        purses = Purses(venue=self, times=ProtocolTimes(), clock=self.clock)  # type: ignore[arg-type]
        rules = PlanRules(fee_rate=FEE)
        room = PlanRoom(accounts=self, market=self, venue=self, purse=purses.of, rules=rules, **same)  # type: ignore[arg-type]
        self.buy, self.close_plan, self.run_plan = MakePlan(room), MakeClosePlan(room), MakeRunPlan(room)
        self.accept, self.accept_close, self.accept_run = (
            AcceptBasketOrder(market=self, **same),  # type: ignore[arg-type]
            AcceptClose(**same),  # type: ignore[arg-type]
            AcceptRun(**same),  # type: ignore[arg-type]
        )
        times = ProtocolTimes()
        self.bookkeeper = Bookkeeper(
            books=self.books,
            linking=LINKING,
            times=times,
            clock=self.clock,
            fee_prices=FeePrices(self, self.clock),  # type: ignore[arg-type]
        )
        self.trade_run = TradeRun(
            books=self.books,
            market=self,  # type: ignore[arg-type]
            linking=LINKING,
            times=times,
            clock=self.clock,
            ids=self.ids,
        )

    # The ports below the use cases.
    async def describe(self, **_: Any) -> AccountStanding:
        return AccountStanding(account=ACCOUNT, active=True, read_only=False)

    async def room(self, _: Any) -> TradingRoom:
        plenty = D(1_000_000_000)
        return TradingRoom(
            stops=(), order_max=plenty, slippage_bps_max=D(10_000), room=plenty, room_limit="day", room_max=plenty
        )

    async def spendable(self, _: Any, asset: str) -> Decimal:
        return self.wallet[asset]

    async def balances(self, _: Any, assets: Collection[str]) -> dict[str, Decimal]:
        return {asset: self.wallet[asset] for asset in assets}

    async def index(self, _: Any, index_id: str, **__: Any) -> IndexVersion:
        rows = [Constituent(asset=c, symbol=f"{c}USDT", weight=D(w)) for c, w in INDICES[index_id].items()]
        return IndexVersion(index_id=index_id, version=1, weight_cap=D(1), constituents=rows)

    async def indices(self, _: Any) -> list[IndexVersion]:
        return []

    async def depth(self, *_: Any) -> dict[str, Depth]:
        return {}

    async def instruments(self, _: Any, symbols: Collection[str]) -> dict[str, Instrument]:
        return {symbol: self._instrument(symbol) for symbol in symbols}

    @staticmethod
    def _instrument(symbol: str) -> Instrument:
        return Instrument(
            symbol=symbol,
            base=symbol.removesuffix("USDT"),
            quote="USDT",
            lot_size=LOT,
            tick_size=D("0.01"),
            min_quantity=LOT,
            min_notional=D(5),
            max_limit_quantity=D(100_000),
        )

    async def quotes(self, _: Any, symbols: Collection[str], **__: Any) -> dict[str, Quote]:
        return {symbol: self._quote(symbol) for symbol in symbols}

    def _quote(self, symbol: str) -> Quote:
        price = self.prices[symbol.removesuffix("USDT")]
        return Quote(symbol=symbol, bid=price, ask=price, last=price, at=self.clock.now())

    # What can happen, in any order.
    async def order(self, index: str, kind: RunKind, amount: int) -> None:
        try:
            await self._order(index, kind, D(amount))
        except PlatformError:
            return  # refused: nothing was ordered

    async def _order(self, index: str, kind: RunKind, amount: Decimal) -> None:
        position_id, user = PLACES[index], ACCOUNT.user_id
        stands = position_id in self.state.positions
        if not stands:
            plan = await self.buy.execute(user_id=user, account_id=ACCOUNT.account_id, index_id=index, amount=amount)
            await self.accept.execute(self._command(plan, position_id, plan.amount))
        elif kind is RunKind.CLOSE:
            plan = await self.close_plan.execute(user_id=user, position_id=position_id)
            await self.accept_close.execute(self._command(plan, position_id, D(0)))
        else:
            money = None if kind is RunKind.REBALANCE else amount
            plan = await self.run_plan.execute(user_id=user, position_id=position_id, kind=kind, amount=money)
            await self.accept_run.execute(self._command(plan, position_id, plan.buys_at_most))
            await self.accept_run.execute(self._command(plan, position_id, plan.buys_at_most))

    def _command(self, plan: Plan, position_id: UUID, approved: Decimal) -> Command:
        return Command(
            message_id=self.ids.uuid(),
            position_id=position_id,
            account=ACCOUNT,
            plan_id=plan.plan_id,
            index_id=plan.index_id,
            kind=plan.kind,
            approved=approved,
            expires_at=NOW + timedelta(hours=1),
        )

    async def trade(self) -> None:
        for run in list(self.state.runs.values()):
            legs = due(self.state.legs_of_run(run.run_id))
            if run.state is RunState.TRADING and legs:
                self.wire += await self.trade_run.intents(DeskLease(account=ACCOUNT, fence=1), run, legs)

    def fill(self, share: str) -> None:
        """The oldest order on the wire reaches the venue: filled, filled in part, or not at all; nobody knows yet."""
        if not self.wire:
            return
        order = self.wire.pop(0)
        base = order.symbol.removesuffix("USDT")
        price = self.prices[base]
        crosses = order.limit_price >= price if order.side is Side.BUY else order.limit_price <= price
        quantity = floor_to_lot(order.quantity * D(share), lot_size=LOT) if crosses else D(0)
        if quantity:
            self._match(order, base, quantity, price)
        standing = Standing.FILLED if quantity == order.quantity else Standing.CANCELLED
        self.news.append(
            OrderFact(
                link_id=order.link_id,
                venue_order_id="v",
                symbol=order.symbol,
                side=order.side,
                standing=standing,
                quantity=order.quantity,
                price=order.limit_price,
                filled_quantity=quantity,
            )
        )

    def _match(self, order: Attempt, base: str, quantity: Decimal, price: Decimal) -> None:
        self.matches += 1
        buys = order.side is Side.BUY
        fee = quantity * FEE if buys else quantity * price * FEE
        if buys:
            assert self.wallet["USDT"] >= quantity * price, "a buy never lacks the money that was put aside for it"
            self.wallet["USDT"] -= quantity * price
            self.wallet[base] += quantity - fee
        else:
            assert self.wallet[base] >= quantity, "a sell never lacks its coins"
            self.wallet[base] -= quantity
            self.wallet["USDT"] += quantity * price - fee
        self.news.append(
            ExecutionFact(
                exec_id=f"e{self.matches}",
                link_id=order.link_id,
                venue_order_id="v",
                symbol=order.symbol,
                side=order.side,
                price=price,
                quantity=quantity,
                fee=fee,
                fee_asset=base if buys else "USDT",
                at=self.clock.now(),
            )
        )

    async def hear(self) -> None:
        news, self.news = self.news, []
        self.clock.advance(0.001)
        await self.bookkeeper.book(ACCOUNT, [*news, *news])

    async def spend(self, coin: str, part: str) -> None:
        """The user takes of what is their own, and of nothing else."""
        if coin == "USDT":
            if self.news:
                return  # what is free shows once the books know of every match
            async with self.books.work(ACCOUNT.user_id) as work:
                free = self.wallet["USDT"] - await work.spoken_for(ACCOUNT.account_id, "USDT")
        else:
            free = self.own[coin]
        taken = free * D(part)
        self.wallet[coin] -= taken
        self.own[coin] -= taken

    def check(self) -> None:
        """Whoever's a coin was, it still is."""
        state = self.state
        for coin in self.prices:
            held = sum((row.quantity for row in state.holdings_.values() if row.asset == coin), D(0))
            unheard = sum((_change(fact, coin) for fact in self.news if isinstance(fact, ExecutionFact)), D(0))
            left_over = sum(
                (line.amount for line in state.lines if line.asset == coin and line.ledger.value == "unassigned"),
                D(0),
            )
            assert self.wallet[coin] == held + unheard + self.own[coin] + left_over, coin
        for position in state.positions.values():
            exact = position.contributed - position.withdrawn + position.proceeds - position.invested
            assert exact >= 0, "a position never spends what is not its own"
        unheard = sum((_change(fact, "USDT") for fact in self.news if isinstance(fact, ExecutionFact)), D(0))
        moved = sum((one.withdrawn - one.contributed for one in state.positions.values()), D(0))
        cash = sum((one.cash for one in state.positions.values()), D(0))
        assert self.wallet["USDT"] == self.own["USDT"] + moved + cash + unheard

    async def finish(self) -> None:
        for _ in range(40):
            await self.trade()
            while self.wire:
                self.fill("1")
            await self.hear()
        assert {run.state for run in self.state.runs.values()} <= {RunState.SETTLED}
        assert self.state.reservations == {}
        over = {PositionStatus.ACTIVE, PositionStatus.CLOSED, PositionStatus.FAILED}
        assert {one.status for one in self.state.positions.values()} <= over
        self.check()


def _change(fact: ExecutionFact, asset: str) -> Decimal:
    """What a match did to an asset at the venue."""
    sign = 1 if fact.side is Side.BUY else -1
    change = D(0)
    if asset == fact.symbol.removesuffix("USDT"):
        change += sign * fact.quantity
    if asset == "USDT":
        change -= sign * fact.quantity * fact.price
    return change - (fact.fee if fact.fee_asset == asset else D(0))


kinds = st.sampled_from([RunKind.INVEST, RunKind.REBALANCE, RunKind.WITHDRAW, RunKind.CLOSE])
steps = st.one_of(
    st.tuples(st.just("order"), st.sampled_from(sorted(INDICES)), kinds, st.integers(min_value=5, max_value=400)),
    st.tuples(st.just("trade")),
    st.tuples(st.just("fill"), st.sampled_from(["0", "0.4", "1", "1"])),
    st.tuples(st.just("hear")),
    st.tuples(st.just("spend"), st.sampled_from(["USDT", "AAA"]), st.sampled_from(["0.1", "0.9"])),
    st.tuples(st.just("price"), st.sampled_from(["AAA", "BBB", "CCC"]), st.sampled_from(["5", "9.95", "10.05", "20"])),
)


async def played(script: Sequence[tuple[Any, ...]]) -> World:
    world = World()
    for step in [("order", "one", RunKind.BUY, 400), ("order", "two", RunKind.BUY, 300), *script]:
        match step:
            case ("order", index, kind, amount):
                await world.order(index, kind, amount)
            case ("trade",):
                await world.trade()
            case ("fill", share):
                world.fill(share)
            case ("hear",):
                await world.hear()
            case ("spend", coin, part):
                await world.spend(coin, part)
            case ("price", coin, price):
                world.prices[coin] = D(price)
        world.check()
    await world.finish()
    return world


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=40))
def test_whatever_was_somebodys_still_is(script: list[tuple[Any, ...]]) -> None:
    asyncio.run(played(script))


def test_a_script_that_does_everything() -> None:
    trade = [("trade",), *[("fill", "1")] * 4, ("hear",), ("trade",), *[("fill", "1")] * 4, ("hear",)]
    script = [
        *trade,
        ("price", "AAA", "20"),
        ("order", "one", RunKind.REBALANCE, 0),
        ("order", "two", RunKind.WITHDRAW, 50),
        ("trade",),
        ("fill", "0.4"),
        ("spend", "AAA", "0.9"),
        ("hear",),
        *trade,
        ("order", "one", RunKind.CLOSE, 0),
        ("order", "two", RunKind.INVEST, 100),
        *trade,
    ]
    world = asyncio.run(played(script))
    assert world.state.positions[PLACES["one"]].status is PositionStatus.CLOSED
    assert world.state.positions[PLACES["two"]].status is PositionStatus.ACTIVE
    assert {run.kind for run in world.state.runs.values()} == {
        RunKind.BUY,
        RunKind.REBALANCE,
        RunKind.WITHDRAW,
        RunKind.CLOSE,
        RunKind.INVEST,
    }
