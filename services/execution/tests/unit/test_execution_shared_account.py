"""Two positions and the user's own coins on one account, in any order of runs, manual trades and transfers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.application.book_flows import BookFlows, FlowRecord
from execution.application.check_balances import CheckBalances
from execution.application.closable import free_holdings
from execution.application.ports import Account
from execution.application.resolve_shortage import ResolveShortage
from execution.domain.account_flow import LogLine
from execution.domain.errors import ShortageChanged, ShortageNotFound
from execution.domain.journal import LedgerAccount, imbalance
from execution.domain.position import RunKind
from execution.domain.shortage import ShortageAnswer
from execution.domain.venue_facts import ExecutionFact, OrderFact, Standing
from shared.trading.flow import line_flow, trade_flow
from shared.trading.money import floor_to_lot
from shared.trading.status import AttemptState, PositionStatus, Side

D = Decimal
LOT, PRICE, FEE = D("0.001"), D(100), D("0.001")
FIRST, SECOND = UUID(int=3), UUID(int=33)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "trade in", "trade out", "deposit", "withdraw", "look", "sold", "return"]),
        st.sampled_from([FIRST, SECOND]),
        st.integers(1, 1000),
    ),
    min_size=1,
    max_size=14,
)


class World:
    """A venue of one account, and our books of it behind the real use cases."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        position = counter.position
        self.account = Account(
            user_id=position.user_id, account_id=position.account_id, environment=position.environment
        )
        counter.state.positions[SECOND] = replace(position, position_id=SECOND)
        self.balance = {"BTC": D(0), "USDT": D(1_000_000)}
        self.moved = dict(self.balance)
        self.bought = {FIRST: D(0), SECOND: D(0)}
        self.sold = {FIRST: D(0), SECOND: D(0)}
        self.matches: list[ExecutionFact] = []
        self.lines: list[LogLine] = []
        self.number = 0
        self.book_flows = BookFlows(
            books=counter.books,
            venue=self,  # type: ignore[arg-type]
            linking=counter.bookkeeper._linking,
            clock=counter.clock,
        )
        self.check = CheckBalances(books=counter.books, venue=self, clock=counter.clock, ids=counter.ids)  # type: ignore[arg-type]
        self.resolve = ResolveShortage(books=counter.books, clock=counter.clock)

    async def balances(self, account: Account, assets: Collection[str]) -> Mapping[str, D]:
        return dict(self.balance)

    async def executions_since(self, account: Account, since: Any) -> Sequence[ExecutionFact]:
        return self.matches

    async def log_since(self, account: Account, since: Any) -> Sequence[LogLine]:
        return self.lines

    async def step(self, what: str, who: UUID, size: int) -> None:
        self.counter.clock.advance(1)
        match what:
            case "buy":
                await self.order(who, Side.BUY, size * LOT)
            case "sell":
                await self.sell(who, D(size) / 1000)
            case "trade in" | "trade out":
                await self.by_hand(Side.BUY if what == "trade in" else Side.SELL, size)
            case "deposit" | "withdraw":
                await self.transfer(size if what == "deposit" else -size)
            case "look":
                await self.check.execute(self.account, ["BTC", "ETH"])
            case _:
                await self.say(ShortageAnswer.SOLD if what == "sold" else ShortageAnswer.WILL_RETURN)

    async def sell(self, who: UUID, part: D) -> None:
        """What every plan sells at most: what is free of the position, on the lot grid."""
        async with self.counter.books.work(self.account.user_id) as work:
            position = await work.position(who)
            free = {row.asset: row.quantity for row in await free_holdings(work, position)}
        quantity = floor_to_lot(free.get("BTC", D(0)) * part, lot_size=LOT)
        if quantity and quantity <= self.balance["BTC"]:  # else the venue refuses for sure
            await self.order(who, Side.SELL, quantity)

    async def order(self, who: UUID, side: Side, quantity: D) -> None:
        self.number += 1
        run = self.counter.a_run(RunKind.BUY if side is Side.BUY else RunKind.CLOSE, who)
        attempt = self.counter.sent(run, AttemptState.ACKED, quantity=str(quantity))
        match = self.a_match(attempt.link_id, side, quantity)
        ended = OrderFact(
            link_id=attempt.link_id,
            venue_order_id="v",
            symbol="BTCUSDT",
            side=side,
            standing=Standing.FILLED,
            quantity=quantity,
            price=PRICE,
            filled_quantity=quantity,
        )
        await self.counter.book(match, ended)
        if side is Side.BUY:
            self.bought[who] += quantity - match.fee
        else:
            self.sold[who] += quantity

    async def by_hand(self, side: Side, size: int) -> None:
        """The user trades: with all that is on the account, ours included."""
        most = D(size) / 1000 * (self.balance["BTC"] if side is Side.SELL else D(10))
        quantity = floor_to_lot(most, lot_size=LOT)
        if quantity:
            self.number += 1
            match = self.a_match("", side, quantity)
            self.matches.append(match)
            await self.told(trade_flow(match.exec_id))

    async def transfer(self, size: int) -> None:
        amount = D(size) * LOT if size > 0 else -(self.balance["BTC"] * -size / 1000).quantize(D("1e-8"), "ROUND_DOWN")
        if amount:
            self.number += 1
            self.balance["BTC"] += amount
            kind = "TRANSFER_IN" if amount > 0 else "TRANSFER_OUT"
            self.lines.append(
                LogLine(
                    line_id=f"l{self.number}", venue_type=kind, asset="BTC", change=amount, at=self.counter.clock.now()
                )
            )
            await self.told(line_flow(f"l{self.number}"))

    async def told(self, flow_id: str) -> None:
        """The reconciler hands it over, and once more."""
        record = FlowRecord(account=self.account, flow_ids=[flow_id], since=self.counter.clock.now())
        for _ in range(2):
            await self.book_flows.execute(record)

    async def say(self, how: ShortageAnswer) -> None:
        try:
            await self.resolve.execute(
                user_id=self.account.user_id, account_id=self.account.account_id, asset="BTC", how=how
            )
        except (ShortageNotFound, ShortageChanged):
            return  # nothing is missing, or it ended in another way

    def a_match(self, link_id: str, side: Side, quantity: D) -> ExecutionFact:
        """A match at the venue, with its effect on the account; the fee is in what comes in."""
        buys = side is Side.BUY
        fee = (quantity if buys else quantity * PRICE) * FEE
        sign = 1 if buys else -1
        self.balance["BTC"] += sign * quantity - (fee if buys else 0)
        self.balance["USDT"] += -sign * quantity * PRICE - (0 if buys else fee)
        return ExecutionFact(
            exec_id=f"m{self.number}",
            link_id=link_id,
            venue_order_id="v",
            symbol="BTCUSDT",
            side=side,
            price=PRICE,
            quantity=quantity,
            fee=fee,
            fee_asset="BTC" if buys else "USDT",
            at=self.counter.clock.now(),
        )

    def held(self) -> dict[UUID, D]:
        rows = self.counter.state.holdings_
        return {one: rows[one, "BTC"].quantity for one in (FIRST, SECOND) if (one, "BTC") in rows}

    def must_be_sound(self) -> None:
        held, lines = self.held(), self.counter.state.lines
        assert all(quantity >= 0 for quantity in held.values())
        assert imbalance(lines) == {}
        for asset in ("BTC", "USDT"):
            ours = sum(
                (
                    line.amount
                    for line in lines
                    if line.asset == asset and line.ledger in {LedgerAccount.POSITION, LedgerAccount.UNASSIGNED}
                ),
                D(0),
            )
            assert self.moved[asset] + ours == self.balance[asset], "positions and own coins are all there is"
        for one in (FIRST, SECOND):
            booked = sum(
                (line.amount for line in lines if line.position_id == one and line.ledger is LedgerAccount.POSITION
                 and line.asset == "BTC"),
                D(0),
            )  # fmt: skip
            assert booked == held.get(one, D(0)), "holdings are what the journal says"
            assert self.sold[one] <= self.bought[one], "nobody sells a coin that they had not bought"
        assert all(row.amount >= 0 for row in self.counter.state.reservations.values())
        assert not self.counter.incidents, "nothing was oversold"

    async def everybody_sells(self) -> None:
        """After the user has said what happened, all that positions hold can really be sold."""
        self.counter.clock.advance(1)
        await self.check.execute(self.account, ["BTC"])
        await self.say(ShortageAnswer.SOLD)
        assert all(position.trading_paused is None for position in self.counter.state.positions.values())
        assert sum(self.held().values()) <= self.balance["BTC"] + D("2e-7")
        for one in (FIRST, SECOND):
            await self.sell(one, D(1))
            assert self.held().get(one, D(0)) < LOT, "a rest below one lot"
        self.must_be_sound()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
@given(steps=STEPS)
def test_two_positions_and_the_users_own_coins_survive_any_order_of_things(new_counter: Any, steps: list[Any]) -> None:
    async def live() -> None:
        world = World(new_counter())
        for what, who, size in steps:
            await world.step(what, who, size)
            world.must_be_sound()
        await world.everybody_sells()

    asyncio.run(live())


def test_the_world_really_runs_short(new_counter: Any) -> None:
    """The property above would say nothing if nothing ever went missing in it."""

    async def live() -> World:
        world = World(new_counter())
        for what, who, size in [
            ("buy", FIRST, 100),
            ("buy", SECOND, 300),
            ("trade in", FIRST, 5),
            ("trade out", FIRST, 500),
            ("look", FIRST, 1),
            ("sell", FIRST, 1000),
            ("withdraw", FIRST, 300),
            ("look", FIRST, 1),
        ]:
            await world.step(what, who, size)
            world.must_be_sound()
        return world

    world = asyncio.run(live())
    paused = [position.trading_paused for position in world.counter.state.positions.values()]
    assert paused == ["shortage:BTC", "shortage:BTC"]
    assert world.sold[FIRST] > 0, "what is free may be sold meanwhile"
    assert world.sold[FIRST] < world.bought[FIRST]
    assert {one.status for one in world.counter.state.positions.values()} == {PositionStatus.ACTIVE}
