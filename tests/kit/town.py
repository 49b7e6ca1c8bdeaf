"""Venue, market-data, execution and reconciler in one process and one virtual time, with a bus between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from execution.application.ports import Account
from execution.domain.plan import Plan
from execution.domain.position import Position, RunKind
from execution.inbound.views import plan_view
from kit.memory_house import House
from kit.town_bus import MemoryBus, MemoryOutbox
from kit.town_execution_room import ExecutionRoom
from kit.town_gateway_room import GatewayRoom
from kit.town_market_room import MarketRoom
from kit.town_order_venue import MemoryOrderVenue, MemoryStreams, Mishaps
from kit.town_questions import MemoryQuestions
from kit.town_reader import MemoryReader
from kit.town_reconciler_room import ReconcilerRoom
from kit.town_venue import PaperVenue
from kit.town_virtual_loop import LoopClock
from paper_exchange.outbound.dataset import load_coins, load_listings
from shared.contracts.orders import ClosePosition, ExecutePlan, PlaceBasketOrder
from shared.contracts.rpc.market_data import GET_QUOTES
from shared.testing import FakeIds
from shared.trading.money import ZERO
from shared.trading.status import VenueEnvironment

LINK_KEY = bytes(range(16))
COINS = 40
"""So many pairs are listed: those of the largest coins of the dataset."""
PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Customer:
    """A user with one account at the venue."""

    account: Account
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What a customer ordered, and when: all that a returns calculation needs beside the venue's ledger."""

    position_id: UUID
    run_id: UUID
    kind: RunKind
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """How often things go wrong between the parts; all of it is seeded."""

    delivered_twice: float = 0.1
    lost_reply: float = 0.02
    lost_request: float = 0.01


@dataclass
class Town:
    """Everybody, wired as in production but for the wires."""

    seed: int
    chances: Chances = field(default_factory=Chances)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.clock, self.ids = LoopClock(), FakeIds()
        coins = load_coins()
        tracked = [coin.tracks for coin in sorted(coins, key=lambda one: one.supply, reverse=True)]
        listings = [one for one in load_listings() if one.base in set(tracked)]
        self.venue = PaperVenue(listings[:COINS], self.clock, seed=self.seed)
        self.bus = MemoryBus(random.Random(rng.random()), twice=self.chances.delivered_twice)
        self.questions = MemoryQuestions()
        self.uids: dict[UUID, str] = {}
        self.ordered: list[Ordered] = []
        self.mishaps = Mishaps(
            random.Random(rng.random()),
            lost_reply=self.chances.lost_reply,
            lost_request=self.chances.lost_request,
        )
        self.market = MarketRoom(self.venue, coins, self.clock, self._outbox("market_data"))
        self.books_house, self.results_house = House(), House()
        self.execution = ExecutionRoom(
            house=self.books_house,
            outbox=self._outbox("execution"),
            venue=MemoryOrderVenue(self.venue, self.uids, self.clock, self.mishaps),
            streams=MemoryStreams(self.venue, self.uids),
            questions=self.questions,
            link_key=LINK_KEY,
            clock=self.clock,
            ids=self.ids,
        )
        self.reconciler = ReconcilerRoom(
            house=self.results_house,
            outbox=self._outbox("reconciler"),
            reader=MemoryReader(self.venue, self.uids, self.clock),
            questions=self.questions,
            link_key=LINK_KEY,
            clock=self.clock,
            ids=self.ids,
        )
        self._gateway = self._outbox("gateway")
        self.gateway = GatewayRoom(house=House(), outbox=self._gateway, questions=self.questions, clock=self.clock)
        self.bus.routers = [
            *self.execution.consumers(),
            *self.reconciler.consumers(),
            *self.gateway.consumers(),
        ]
        self.questions.routers = [*self.market.routers(), *self.execution.routers()]
        self.questions.before[GET_QUOTES.subject] = self.market.refresh

    def _outbox(self, source: str) -> MemoryOutbox:
        return MemoryOutbox(self.bus, source=source, clock=self.clock, ids=self.ids)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Town]:
        """The desks are staffed, and the indices have their first versions."""
        self.venue.tick()
        await self.market.beat()
        office = asyncio.create_task(self.execution.office.run())
        try:
            yield self
            await self.bus.quiet()
        finally:
            office.cancel()
            await asyncio.gather(office, return_exceptions=True)

    def customer(self, balances: Mapping[str, Decimal]) -> Customer:
        """A user who has just connected an account."""
        account = Account(user_id=self.ids.uuid(), account_id=self.ids.uuid(), environment=VenueEnvironment.PAPER)
        uid = self.venue.open(balances)
        self.uids[account.account_id] = uid
        return Customer(account=account, uid=uid)

    async def live(self, seconds: float, *, step_s: float, moving: bool = True) -> None:
        """Let time pass, and the market move with it; whoever trades meanwhile meets its prices."""
        end = self.clock.monotonic() + seconds
        while (rest := end - self.clock.monotonic()) > 0:
            await asyncio.sleep(min(step_s, rest))
            if moving:
                self.venue.tick()
            await self.reconciler.due()

    async def buy(self, customer: Customer, index_id: str, amount: Decimal) -> UUID:
        """Plan and order a basket; the position's id."""
        account, position_id = customer.account, self.ids.uuid()
        plan = await self.execution.make_plan.execute(
            user_id=account.user_id, account_id=account.account_id, index_id=index_id, amount=amount
        )
        data = PlaceBasketOrder(
            index_id=plan.index_id,
            approved_amount=plan.amount,
            **self._common(account, plan, position_id),
        )
        self._gateway.say(data, user_id=account.user_id, entity_id=position_id)
        return position_id

    async def trade(self, customer: Customer, position_id: UUID, kind: RunKind, amount: Decimal | None = None) -> Plan:
        """Plan and order a run on a position that stands; a plan with nothing to do is not ordered."""
        account = customer.account
        plan = await self.execution.make_run_plan.execute(
            user_id=account.user_id, position_id=position_id, kind=kind, amount=amount
        )
        if plan.executable:
            data = ExecutePlan(
                kind=kind.value,  # type: ignore[arg-type]
                approved_amount=plan.buys_at_most or None,
                **self._common(account, plan, position_id),
            )
            self._gateway.say(data, user_id=account.user_id, entity_id=position_id)
        return plan

    async def rebalance_due(self) -> list[UUID]:
        """The gateway looks at positions that rebalance themselves; those that it ordered something for."""
        known = len(self.gateway.ordered)
        await self.gateway.look()
        accepted = self.gateway.ordered[known:]
        self.ordered += [
            Ordered(position_id=one.position_id, run_id=one.plan_id, kind=RunKind.REBALANCE, amount=one.amount)
            for one in accepted
        ]
        return [one.position_id for one in accepted]

    async def close(self, customer: Customer, position_id: UUID) -> None:
        """Plan and order the end of a position."""
        account = customer.account
        plan = await self.execution.make_close_plan.execute(user_id=account.user_id, position_id=position_id)
        data = ClosePosition(**self._common(account, plan, position_id))
        self._gateway.say(data, user_id=account.user_id, entity_id=position_id)

    def _common(self, account: Account, plan: Plan, position_id: UUID) -> dict[str, Any]:
        ordered = Ordered(position_id=position_id, run_id=plan.plan_id, kind=plan.kind, amount=plan.amount)
        self.ordered.append(ordered)
        return {
            "position_id": position_id,
            "user_id": account.user_id,
            "account_id": account.account_id,
            "environment": account.environment,
            "plan_id": plan.plan_id,
            "ceilings": plan_view(plan).ceilings,
            "expires_at": self.clock.now() + timedelta(minutes=10),
        }

    def position(self, position_id: UUID) -> Position:
        """A position as execution's books have it."""
        found: list[Position] = self.books_house.everything("positions")
        return next(one for one in found if one.position_id == position_id)

    def newest_plan(self, position_id: UUID) -> Plan:
        """What was ordered last for a position."""
        ordered = next(one for one in reversed(self.ordered) if one.position_id == position_id)
        plans: list[Plan] = self.books_house.everything("plans")
        return next(plan for plan in plans if plan.plan_id == ordered.run_id)

    def trading(self) -> list[str]:
        """What is under way."""
        return [f"{run.kind} of {run.position_id}" for run in self.books_house.everything("runs") if not run.settled_at]

    async def settle(self, *, moving: bool = False) -> None:
        """Live until no run trades any more, on a market that moves every second or stands still."""
        await self.bus.quiet()
        for _ in range(PATIENCE_S):
            if not self.trading():
                break
            await self.live(1, step_s=1, moving=moving)
        assert not self.trading(), self.trading()
        await self.live(15, step_s=1, moving=False)
        await self.bus.quiet()

    async def reconcile(self) -> None:
        """The next five-minute tick, until all of it is done and what was handed over is booked."""
        await self.live(self.reconciler.announce.until_next_s() + 1, step_s=400)
        await self.reconciler.announce.tick()
        await self.bus.quiet()

    def deposit(self, customer: Customer, coin: str, amount: Decimal) -> None:
        """Coins come in from outside."""
        self.venue.accounts.transfer(customer.uid, coin, amount)

    def withdraw(self, customer: Customer, coin: str, amount: Decimal) -> None:
        """Coins leave the venue."""
        assert amount > ZERO
        self.venue.accounts.transfer(customer.uid, coin, -amount)
