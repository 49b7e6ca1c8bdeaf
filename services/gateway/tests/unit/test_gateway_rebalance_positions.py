"""Looking at positions: told once, ordered once, and never stopped in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.gateway_builders import a_known_position

from gateway.application.rebalance_ports import DueLook, IndexHead, RebalancePlan, Taken
from gateway.application.rebalance_positions import TRIES, Pace, RebalancePositions
from gateway.application.run_plan import RunOrder
from gateway.domain.accepted import Accepted
from gateway.domain.errors import IdempotencyKeyReused, PlanChanged, RebalancingChanged, RunAlreadyRequested
from gateway.domain.position import Position, Valuation
from gateway.domain.rebalance_state import RebalanceState, Rebalancing
from gateway.domain.rebalancing import LOOK_AGAIN, Calendar, Due, Reach, RebalanceMode, RebalanceSettings, Trigger
from shared.testing import FakeClock
from shared.trading.errors import Conflict, PlatformError, Unavailable
from shared.trading.status import PositionStatus, VenueEnvironment

D = Decimal
ADA, POSITION = uuid4(), uuid4()
PACE = Pace()


class AccountSuspended(Conflict):
    code = "account_suspended"


@dataclass
class Desk:
    """Everything around the look, in memory."""

    clock: FakeClock
    row: Rebalancing
    position: Position
    weights: tuple[str, str] = ("0.6", "0.4")
    breaks: list[str] = field(default_factory=list)
    ordered_at: datetime | None = None
    index: IndexHead | None = field(default_factory=lambda: IndexHead(version=1, cash_share=D(0)))
    plan: RebalancePlan | None = None
    planned: list[Due] = field(default_factory=list)
    orders: list[RunOrder] = field(default_factory=list)
    refusals: list[PlatformError] = field(default_factory=list)
    unplannable: Exception | None = None
    told: list[RebalanceState] = field(default_factory=list)
    taken_by_another: bool = False

    async def due(self, now: datetime, *, limit: int) -> list[DueLook]:
        manual = self.row.settings.mode is RebalanceMode.MANUAL
        return [] if manual or self.row.check_at > now else [DueLook(position_id=POSITION, user_id=ADA)]

    async def take(self, look: DueLook, now: datetime, *, until: datetime) -> Taken | None:
        if self.taken_by_another:
            return None
        return Taken(
            rebalancing=self.row,
            position=self.position,
            valuation=self.valuation(now),
            ordered_at=self.ordered_at,
            breaks=self.breaks,
        )

    async def settle(self, taken: Taken, found: Rebalancing) -> None:
        if found.told_otherwise(taken.rebalancing):
            self.told.append(found.state)
        self.row = found

    async def choose(self, user_id: UUID, position_id: UUID, settings: RebalanceSettings, now: datetime) -> Rebalancing:
        raise AssertionError("nobody chooses here")

    async def of(self, user_id: UUID, position_id: UUID) -> Rebalancing | None:
        return self.row

    async def head(self, environment: VenueEnvironment, index_id: str, *, user_id: UUID) -> IndexHead | None:
        return self.index

    async def rebalance(self, *, user_id: UUID, position_id: UUID, due: Due) -> RebalancePlan:
        if self.unplannable is not None:
            raise self.unplannable
        self.planned.append(due)
        made = self.plan or RebalancePlan(
            plan_id=uuid4(), executable=True, index_version=1, position_version=self.position.version, obstacles=()
        )
        return replace(made, plan_id=uuid4())

    async def __call__(self, order: RunOrder) -> Accepted:
        self.orders.append(order)
        if self.refusals:
            raise self.refusals.pop(0)
        now = self.clock.now()
        self.ordered_at = now
        return Accepted(
            position_id=POSITION,
            plan_id=order.plan_id,
            account_id=self.position.account_id,
            environment=VenueEnvironment.PAPER,
            index_id="top-10",
            status=PositionStatus.ACTIVE,
            amount=D(0),
            accepted_at=now,
        )

    def valuation(self, now: datetime) -> Valuation:
        first, second = self.weights
        holdings = [
            {"symbol": symbol, "weight": weight, "target_weight": "0.5", "mark_stale": False}
            for symbol, weight in (("AAAUSDT", first), ("BBBUSDT", second))
        ]
        money = {name: D(1000) for name in ("value", "cost", "realised", "unrealised", "pnl", "fees")}
        return Valuation(
            position_id=POSITION,
            user_id=ADA,
            at=now,
            currency="USDT",
            **money,
            holdings=holdings,
            max_abs_drift=D("0.1"),
            turnover=D("0.1"),
            source="revaluation",
            reconciled_at=now,
            version=1,
        )

    async def look(self, *, after: timedelta = timedelta()) -> Rebalancing:
        self.clock.advance(after.total_seconds())
        one = RebalancePositions(rebalancings=self, heads=self, planner=self, run=self, clock=self.clock, pace=PACE)
        await one()
        return self.row


Make = Callable[[RebalanceMode], Desk]


@pytest.fixture
def desk() -> Make:
    def make(mode: RebalanceMode) -> Desk:
        clock = FakeClock()
        now = clock.now()
        row = Rebalancing(
            position_id=POSITION,
            user_id=ADA,
            settings=RebalanceSettings(mode=mode),
            dated_from=now,
            check_at=now,
        )
        position = a_known_position(
            position_id=POSITION, user_id=ADA, invested=D(250), created_at=now, updated_at=now, version=7
        )
        return Desk(clock, row, position)

    return make


async def test_what_is_left_to_its_owner_is_never_looked_at(desk: Make) -> None:
    by_hand = desk(RebalanceMode.MANUAL)
    await by_hand.look()
    assert (by_hand.planned, by_hand.told) == ([], [])


async def test_a_suggestion_is_made_once_with_its_plan_and_ends_by_itself(desk: Make) -> None:
    one = desk(RebalanceMode.SUGGESTED)
    found = await one.look()
    assert (found.state, found.trigger) == (RebalanceState.SUGGESTED, Trigger.DRIFT)
    assert found.plan_id is not None
    assert one.orders == []
    assert (await one.look(after=PACE.every)).plan_id == found.plan_id
    assert len(one.planned) == 1
    one.weights = ("0.52", "0.48")
    assert (await one.look(after=PACE.every)).state is RebalanceState.IDLE
    assert one.told == [RebalanceState.SUGGESTED, RebalanceState.IDLE]


async def test_an_automatic_one_orders_its_stored_plan_once_and_then_keeps_the_cooldown(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    found = await one.look()
    [order] = one.orders
    assert (order.plan_id, order.key) == (found.plan_id, f"rebalance:{POSITION}:7:first")
    [due] = one.planned
    assert due.reach is Reach.DRIFTED
    for _ in range(5):
        await one.look(after=PACE.every)
    await one.look(after=timedelta(hours=23))
    assert (len(one.orders), one.told) == (1, [RebalanceState.STARTED])
    await one.look(after=timedelta(hours=2))
    assert len(one.orders) == 2


async def test_a_crash_after_the_order_is_found_by_the_order_itself(desk: Make) -> None:
    """The process died before it kept `started`: the row is as it was, the accepted request is not."""
    one = desk(RebalanceMode.AUTOMATIC)
    before = one.row
    await one.look()
    one.row = before
    await one.look(after=PACE.every)
    assert len(one.orders) == 1
    one.ordered_at = None  # and even without it, the key has been used
    one.row = before
    one.refusals = [IdempotencyKeyReused("another plan came under it")]
    assert (await one.look(after=PACE.every)).last_at == one.clock.now()


async def test_prices_that_move_away_end_after_a_few_plans_and_are_told(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    one.refusals = [PlanChanged("moved")] * TRIES
    found = await one.look()
    assert (found.state, found.reason) == (RebalanceState.BLOCKED, "prices_moving")
    assert len(one.orders) == TRIES
    assert len({order.plan_id for order in one.orders}) == TRIES, "each time a new plan"
    assert len({order.key for order in one.orders}) == 1
    assert found.check_at == one.clock.now() + PACE.pause
    assert (await one.look(after=PACE.pause)).state is RebalanceState.STARTED


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ({"breaks": ["D10"]}, "open_break:D10"),
        ({"status": PositionStatus.REBALANCING}, "run_open"),
        ({"trading_paused": "shortage:BTC"}, "trading_paused:shortage:BTC"),
        ({"unplannable": AccountSuspended("no")}, "account_suspended"),
        ({"obstacles": ("AAAUSDT:halted", "BBBUSDT:halted")}, "AAAUSDT:halted,BBBUSDT:halted"),
        ({"refusals": [RunAlreadyRequested("wait")]}, "run_open"),
    ],
)
async def test_whatever_stops_it_is_told_once_with_its_reason(desk: Make, stop: dict[str, Any], reason: str) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    of_position = {name: stop[name] for name in ("status", "trading_paused") if name in stop}
    one.position = replace(one.position, **of_position)
    one.breaks = stop.get("breaks", [])
    one.unplannable = stop.get("unplannable")
    one.refusals = stop.get("refusals", [])
    if obstacles := stop.get("obstacles"):
        one.plan = RebalancePlan(
            plan_id=uuid4(), executable=False, index_version=1, position_version=7, obstacles=obstacles
        )
    found = await one.look()
    assert (found.state, found.reason, found.trigger) == (RebalanceState.BLOCKED, reason, Trigger.DRIFT)
    if "refusals" not in stop:
        await one.look(after=PACE.pause)
        assert one.orders == []
    assert one.told == [RebalanceState.BLOCKED]


async def test_a_version_that_changes_nothing_worth_a_trade_is_looked_at_once(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    one.weights = ("0.5", "0.5")
    one.index = IndexHead(version=2, cash_share=D(0))
    one.plan = RebalancePlan(plan_id=uuid4(), executable=False, index_version=2, position_version=7, obstacles=())
    await one.look()
    await one.look(after=PACE.pause)
    assert [due.trigger for due in one.planned] == [Trigger.INDEX_CHANGED]
    assert (one.told, one.orders) == ([], [])


def _without_a_thin_coin(one: Desk) -> None:
    """A third constituent was left out when the position was bought."""
    one.weights = ("0.5", "0.5")
    one.index = IndexHead(version=1, cash_share=D(0), symbols=frozenset({"AAAUSDT", "BBBUSDT", "CCCUSDT"}))


async def test_a_coin_that_was_left_out_is_bought_without_any_other_reason_once_a_plan_can(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    _without_a_thin_coin(one)
    thin = RebalancePlan(
        plan_id=uuid4(), executable=False, index_version=1, position_version=7, obstacles=("CCCUSDT:illiquid",)
    )
    one.plan = thin
    await one.look()
    for _ in range(5):
        await one.look(after=PACE.pause)
    [due] = one.planned
    assert (due.trigger, due.reach, due.outside) == (Trigger.DRIFT, Reach.DRIFTED, ("CCCUSDT",))
    assert (one.told, one.orders) == ([], []), "its book is thin: asked once a day, and nobody is told each time"
    one.plan = replace(thin, executable=True, obstacles=())
    found = await one.look(after=LOOK_AGAIN)
    assert (found.state, len(one.orders)) == (RebalanceState.STARTED, 1)


@pytest.mark.parametrize("stop", [{"breaks": ["D10"]}, {"unplannable": AccountSuspended("no")}])
async def test_what_stands_in_the_way_of_a_coin_that_may_be_bought_is_no_news(desk: Make, stop: dict[str, Any]) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    _without_a_thin_coin(one)
    one.breaks, one.unplannable = stop.get("breaks", []), stop.get("unplannable")
    assert (await one.look()).state is RebalanceState.IDLE
    assert (one.told, one.orders) == ([], [])


async def test_coins_of_a_version_that_is_not_traded_yet_come_with_it_alone(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    _without_a_thin_coin(one)
    assert one.index is not None
    one.index = replace(one.index, version=2)
    await one.look()
    assert [due.trigger for due in one.planned] == [Trigger.INDEX_CHANGED]


async def test_who_does_not_answer_is_asked_again_and_nothing_is_said(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    one.unplannable = Unavailable("away")
    found = await one.look()
    assert (found.state, found.check_at) == (RebalanceState.IDLE, one.clock.now() + PACE.every)
    one.unplannable = None
    assert (await one.look(after=PACE.every)).state is RebalanceState.STARTED


async def test_a_look_that_breaks_changes_nothing_and_ends_nobody_elses(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    before = one.row
    one.unplannable = ZeroDivisionError()
    assert await one.look() == before
    one.unplannable = None
    assert (await one.look()).state is RebalanceState.STARTED


async def test_what_another_replica_has_or_what_is_over_is_left_alone(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    one.taken_by_another = True
    await one.look()
    one.taken_by_another = False
    one.position = replace(one.position, status=PositionStatus.CLOSED)
    found = await one.look()
    assert (one.planned, one.orders, one.told) == ([], [], [])
    assert found.check_at == one.clock.now() + PACE.rest


async def test_an_owner_who_chose_otherwise_meanwhile_is_obeyed_in_silence(desk: Make) -> None:
    one = desk(RebalanceMode.AUTOMATIC)
    one.refusals = [RebalancingChanged("chosen otherwise")]
    await one.look()
    assert len(one.orders) == 1
    assert one.orders[0].fence == one.row.fence
    assert one.told == []


def test_choosing_a_calendar_or_leaving_manual_counts_from_that_moment(desk: Make) -> None:
    one = desk(RebalanceMode.MANUAL)
    later = one.clock.now() + timedelta(days=40)
    automatic = one.row.chosen(RebalanceSettings(mode=RebalanceMode.AUTOMATIC), later)
    assert automatic.dated_from == later
    monthly = automatic.chosen(replace(automatic.settings, calendar=Calendar.MONTHLY), later + timedelta(days=1))
    assert monthly.dated_from == later + timedelta(days=1)
    wider = monthly.chosen(replace(monthly.settings, buy_only=True), later + timedelta(days=9))
    assert wider.dated_from == monthly.dated_from, "the dates of the same calendar stay"
