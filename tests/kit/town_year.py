"""A year in the town: three customers, what they order, and what they and the venue do beside us."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.domain.plan import Plan
from execution.domain.position import RunKind
from execution.domain.shortage import ShortageAnswer
from gateway.domain.rebalancing import RebalanceMode, RebalanceSettings
from kit.town import Customer, Town
from kit.town_ledger_returns import Gone
from kit.town_truth import books_equal_the_venue
from shared.trading.bands import WeightBand
from shared.trading.errors import PlatformError
from shared.trading.status import PositionStatus

D = Decimal
STEP_S = 7_200.0
"""Prices move twelve times a day, and every second while a rebalance trades."""
HALTED, DELISTED = "DOGEUSDT", "LINKUSDT"
HALT, RESUME, DELIST = 80, 97, 150
THIN, THIN_FROM, THIN_UNTIL = "SOLUSDT", 214, 222
"""The book of a coin that every large index holds is empty for a while, and a basket with it is bought meanwhile."""
DAY_S = 86_400.0
ITSELF = RebalanceSettings(
    mode=RebalanceMode.AUTOMATIC, band=WeightBand(absolute=D("0.02"), relative=D("0.15")), cooldown=timedelta(days=5)
)
"""How one position rebalances without its owner."""


@dataclass
class Refusal:
    """An order that was refused, with its reason."""

    day: int
    what: str
    code: str


@dataclass
class Year:
    """The story; the same seed tells the same one."""

    town: Town
    rng: random.Random
    day: int = 0
    positions: dict[str, UUID] = field(default_factory=dict)
    owners: dict[UUID, Customer] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    reconciliations: int = 0
    shortages_answered: int = 0
    by_itself: dict[str, list[int]] = field(default_factory=dict)
    """Positions that rebalance themselves, and the days on which they did."""
    left_out: list[tuple[int, str, str]] = field(default_factory=list)
    """On which days a plan of which position left the coin with the thin book out, and why."""
    deep_again: datetime | None = None
    """When that book was filled again."""

    async def begin(self) -> None:
        """Accounts are opened and the first positions bought."""
        town = self.town
        self.customers = {
            "anna": town.customer({"USDT": D(10_000), "BTC": D("0.05"), "DOGE": D(500)}),
            "ben": town.customer({"USDT": D(5_000)}),
            "cleo": town.customer({"USDT": D(3_000)}),
        }
        await self.buy("anna", "broad", "top-10", "2000")
        await self.buy("anna", "narrow", "top-5-sqrt", "1500")
        await self.buy("ben", "equal", "top-10-equal", "1200")
        await self.town.bus.quiet()
        await self.hand_over("equal")

    async def hand_over(self, name: str) -> None:
        """From now on a position rebalances itself."""
        position_id = self.positions[name]
        user_id, now = self.owners[position_id].account.user_id, self.town.clock.now()
        await self.town.gateway.rebalancings.choose(user_id, position_id, ITSELF, now)
        self.by_itself[name] = []

    async def live_through(self, days: int) -> None:
        """Day after day; after each the books are compared with the venue."""
        for day in range(1, days + 1):
            await self.live_one(day)

    async def live_one(self, day: int) -> None:
        """One day: the market, what happens beside us, what is ordered, and a reconciliation."""
        self.day = day
        await self.town.live(DAY_S - 1_200, step_s=STEP_S)
        await self.town.market.beat()
        await self.town.reconciler.revalue.run_once()
        await self.town.reconciler.thin.run_once()
        self.beside_us()
        await self.orders()
        await self.town.reconcile()
        self.reconciliations += 1
        for customer in self.customers.values():
            books_equal_the_venue(self.town, customer)

    async def buy(self, who: str, name: str, index_id: str, amount: str) -> None:
        """A new position."""
        customer = self.customers[who]
        position_id = await self.town.buy(customer, index_id, D(amount))
        self.positions[name], self.owners[position_id] = position_id, customer
        self.note_thin(name, self.town.newest_plan(position_id))
        await self.town.settle()
        self.count(RunKind.BUY)

    async def run(self, name: str, kind: RunKind, amount: str | None = None) -> None:
        """A run on a position that stands; what is refused is remembered with its reason."""
        position_id = self.positions.get(name)
        if position_id is None or self.town.position(position_id).status is not PositionStatus.ACTIVE:
            return
        customer, money = self.owners[position_id], None if amount is None else D(amount)
        await self.town.reconciler.revalue.run_once()
        try:
            plan = await self.town.trade(customer, position_id, kind, money)
        except PlatformError as refusal:
            self.refused.append(Refusal(self.day, f"{kind} of {name}", refusal.code))
            return
        self.note_thin(name, plan)
        if plan.executable:
            await self.town.settle(moving=kind is RunKind.REBALANCE)
            self.count(kind)

    def note_thin(self, name: str, plan: Plan) -> None:
        """Remember that nobody offers a coin, or that the last one who did was taken: then it has no price."""
        assert {leg.symbol for leg in plan.legs if leg.check == "illiquid"} <= {THIN}
        thin = [leg.check for leg in plan.legs if leg.symbol == THIN and leg.check in {"illiquid", "no_price"}]
        self.left_out += [(self.day, name, check) for check in thin]

    def count(self, kind: RunKind) -> None:
        """One more run of a kind."""
        self.runs[kind.value] = self.runs.get(kind.value, 0) + 1

    async def orders(self) -> None:
        """What customers order today."""
        day = self.day
        if day == 20:
            await self.buy("cleo", "largest", "top-5", "1000")
        if day % 30 == 5:
            await self.run("broad", RunKind.INVEST, "150")
            await self.run("narrow", RunKind.WITHDRAW, "80")
            await self.run("equal", RunKind.INVEST, "100")
        if day % 30 == 17:
            await self.run("narrow", RunKind.INVEST, "60")
            await self.run("equal", RunKind.WITHDRAW, "50")
            await self.run("largest", RunKind.INVEST, "40")
        await self.rebalances()
        if day == 200:
            await self.close("largest")
        if day == 215:
            await self.buy("cleo", "again", "top-10", "1100")
        await self.shortages()

    async def rebalances(self) -> None:
        """Once a week by their owners; every day some position may do so by itself."""
        if self.day % 7 == 3:
            for name in [name for name in self.positions if name not in self.by_itself]:
                await self.run(name, RunKind.REBALANCE)
        await self.town.bus.quiet()
        ordered = await self.town.rebalance_due()
        for name, days in self.by_itself.items():
            if self.positions[name] in ordered:
                days.append(self.day)
                self.count(RunKind.REBALANCE)
        if ordered:
            await self.town.settle(moving=True)

    async def close(self, name: str) -> None:
        """The end of a position."""
        position_id = self.positions[name]
        await self.town.reconciler.revalue.run_once()
        await self.town.close(self.owners[position_id], position_id)
        await self.town.settle()
        self.count(RunKind.CLOSE)

    def beside_us(self) -> None:
        """What customers do by hand, and the venue by itself."""
        day, anna, ben = self.day, self.customers["anna"], self.customers["ben"]
        if day % 30 == 4:
            self.town.deposit(anna, "USDT", D(300))
            self.town.deposit(ben, "USDT", D(120))
        if day % 13 == 6:
            self.town.deposit(anna, "BTC", D("0.001"))
        if day % 17 == 9:
            self.town.withdraw(anna, "USDT", D(25))
        if day % 10 == 2:
            self.town.venue.pay_interest(anna.uid, "BTC", D("0.00000123"))
            self.town.venue.pay_interest(ben.uid, "USDT", D("0.0417"))
            self.town.venue.pay_interest(ben.uid, "ETH", D("0.0000005"))
        if day % 11 == 4:
            self.by_hand(anna, "BTCUSDT", "0.001", self.rng.choice(["Buy", "Sell"]))
            self.by_hand(anna, "XRPUSDT", "12", "Buy")
        if day in {HALT, RESUME}:
            events = self.town.venue.events
            (events.halt if day == HALT else events.resume)([HALTED])
        if day in {THIN_FROM, THIN_UNTIL}:
            self.change_book(D(1) if day == THIN_FROM else self.town.venue.market.listings[THIN].depth)
        if day == DELIST:
            self.town.venue.events.delist(DELISTED)

    def change_book(self, depth: Decimal) -> None:
        """So much stands on each side of the book of one coin, quote units."""
        self.town.venue.market.set_depth(THIN, depth)
        self.deep_again = self.town.clock.now()

    def by_hand(self, customer: Customer, symbol: str, quantity: str, side: str) -> None:
        """A market order of the customer's own."""
        fields = {"category": "spot", "symbol": symbol, "side": side, "orderType": "Market", "qty": quantity}
        self.town.venue.place(customer.uid, {**fields, "marketUnit": "baseCoin"})

    async def shortages(self) -> None:
        """Coins of positions leave the account, and the owners say why, two days later."""
        match self.day:
            case 190:
                # Nothing trades the delisted coin any more: its owner moves all of it elsewhere.
                self.leave("anna", DELISTED.removesuffix("USDT"), D(1))
            case 240:
                self.sell_by_hand("cleo", "BTC", D("0.6"))
            case 260:
                self.leave("ben", "ETH", D("0.5"))
            case 192:
                await self.answer("anna", DELISTED.removesuffix("USDT"), ShortageAnswer.WITHDRAWN)
            case 242:
                await self.answer("cleo", "BTC", ShortageAnswer.SOLD)
            case 262:
                await self.answer("ben", "ETH", ShortageAnswer.WILL_RETURN)
            case 265:
                self.town.deposit(self.customers["ben"], "ETH", D("0.05"))

    def leave(self, who: str, coin: str, part: Decimal) -> None:
        """A part of all coins of a kind is withdrawn."""
        customer = self.customers[who]
        held = self.town.venue.balances(customer.uid).get(coin, D(0))
        self.town.withdraw(customer, coin, held * part)

    def sell_by_hand(self, who: str, coin: str, part: Decimal) -> None:
        """A part of all coins of a kind is sold at the venue."""
        customer = self.customers[who]
        lot = self.town.venue.market.listings[f"{coin}USDT"].lot_size
        quantity = self.town.venue.balances(customer.uid)[coin] * part // lot * lot
        self.by_hand(customer, f"{coin}USDT", format(quantity, "f"), "Sell")

    async def answer(self, who: str, coin: str, how: ShortageAnswer) -> None:
        """The owner says what happened; what leaves the positions is remembered, pro rata to what each held."""
        account = self.customers[who].account
        now = self.town.clock.now()
        _, shares = await self.town.execution.resolve_shortage.execute(
            user_id=account.user_id, account_id=account.account_id, asset=coin, how=how
        )
        self.shortages_answered += 1
        if how is not ShortageAnswer.WILL_RETURN:
            self.gone += [
                Gone(position_id=position_id, asset=coin, quantity=quantity, at=now)
                for position_id, quantity in shares.items()
            ]
