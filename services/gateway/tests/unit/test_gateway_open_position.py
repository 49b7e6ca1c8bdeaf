from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from gateway.application.open_position import BuyIndex, OpenOrder, OpenPosition
from gateway.application.ports import MadeAgain
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted, Opening, RememberedAnswer
from gateway.domain.errors import (
    IdempotencyKeyReused,
    NothingToDo,
    PlanAlreadyUsed,
    PlanExpired,
    PlanNotForThis,
    PlanNotFound,
)
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.domain.traded_plan import TradedPlan
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Invalid
from shared.trading.policy import LegPolicy
from shared.trading.status import PositionStatus, VenueEnvironment

ADA = uuid4()
ACCOUNT = uuid4()


class Shop:
    """Acceptances and planner in memory: what a rolled-back transaction did is gone."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.plans: dict[UUID, Plan] = {}
        self.answers: dict[str, RememberedAnswer] = {}
        self.opened: dict[UUID, tuple[Accepted, datetime]] = {}
        self.planned = 0

    @asynccontextmanager
    async def begin(self, user_id: UUID) -> AsyncIterator[Shop]:
        before = dict(self.answers), dict(self.opened)
        try:
            yield self
        except BaseException:
            self.answers, self.opened = before
            raise

    async def plan(self, plan_id: UUID) -> Plan | None:
        return self.plans.get(plan_id)

    async def traded(self, plan_id: UUID) -> TradedPlan | None:
        if plan_id not in self.opened:
            return None
        accepted, _ = self.opened[plan_id]
        return TradedPlan(
            plan_id=plan_id,
            position_id=accepted.position_id,
            ordered_at=accepted.accepted_at,
            status=accepted.status,
            newest_run=None,
            heard=False,
            legs=0,
            filled=0,
            opened=True,
        )

    async def answer(self, key: str) -> RememberedAnswer | None:
        return self.answers.get(key)

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        if key in self.answers:
            return self.answers[key]
        self.answers[key] = RememberedAnswer(fingerprint=fingerprint, accepted=accepted)
        return None

    async def open(
        self, key: str, fingerprint: str, plan: Plan, accepted: Accepted, *, signing_ends: datetime
    ) -> Opening:
        if earlier := await self.remember(key, fingerprint, accepted):
            return Opening(earlier=earlier, opened=False)
        if plan.plan_id in self.opened:
            return Opening(earlier=None, opened=False)
        self.opened[plan.plan_id] = (accepted, signing_ends)
        return Opening(earlier=None, opened=True)

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        raise AssertionError("nothing is closed here")

    async def run(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        raise AssertionError("nothing is run here")

    async def closing(self, position: Position, *, since: datetime) -> bool:
        raise AssertionError("nothing is closed here")

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        return None

    async def rebalances_itself(self, position_id: UUID, *, fence: int) -> bool:
        raise AssertionError("nothing rebalances here")

    def made(self, **other: object) -> Plan:
        now = self.clock.now()
        plan = Plan(
            plan_id=uuid4(),
            user_id=ADA,
            account_id=ACCOUNT,
            environment=VenueEnvironment.PAPER,
            kind="buy",
            index_id="top-10",
            index_version=1,
            position_id=None,
            amount=Decimal(250),
            ceilings=(),
            created_at=now,
            expires_at=now + timedelta(seconds=60),
        )
        plan = replace(plan, **other)  # type: ignore[arg-type]
        self.plans[plan.plan_id] = plan
        return plan


class FakePlanner:
    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.refusal: Invalid | None = None

    async def buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> Plan:
        if self.refusal is not None:
            raise self.refusal
        self.shop.planned += 1
        return self.shop.made(amount=amount)

    async def again(self, *, user_id: UUID, plan_id: UUID) -> MadeAgain:
        raise AssertionError("nobody asked for it")

    async def close(self, *, user_id: UUID, position_id: UUID) -> Plan:
        raise AssertionError("nothing is closed here")


@pytest.fixture
def shop() -> Shop:
    return Shop(FakeClock())


@pytest.fixture
def planner(shop: Shop) -> FakePlanner:
    return FakePlanner(shop)


@pytest.fixture
def open_position(shop: Shop, planner: FakePlanner) -> OpenPosition:
    return OpenPosition(
        acceptances=shop,
        planner=planner,
        again=planner.again,
        turns=Turns(),
        clock=shop.clock,
        ids=FakeIds(),
        signing_s=600,
    )


def order(what: UUID | BuyIndex, key: str = "k") -> OpenOrder:
    return OpenOrder(user_id=ADA, key=key, what=what)


BUY = BuyIndex(index_id="top-10", amount=Decimal("250.0"), account_id=ACCOUNT)


async def test_an_order_is_pending_and_may_be_signed_for_ten_minutes(shop: Shop, open_position: OpenPosition) -> None:
    plan = shop.made()
    accepted = await open_position(order(plan.plan_id))
    assert (accepted.status, accepted.amount) == (PositionStatus.PENDING, Decimal(250))
    kept, signing_ends = shop.opened[plan.plan_id]
    assert kept == accepted
    assert signing_ends == shop.clock.now() + timedelta(minutes=10)


async def test_a_repetition_hears_the_first_answer_even_after_the_plan_expired(
    shop: Shop, open_position: OpenPosition
) -> None:
    plan = shop.made()
    first = await open_position(order(plan.plan_id))
    shop.clock.advance(3600)
    assert await open_position(order(plan.plan_id)) == first
    del shop.plans[plan.plan_id]
    assert await open_position(order(plan.plan_id)) == first


async def test_a_plan_that_opened_a_position_says_so_whatever_else_speaks_against_it(
    shop: Shop, open_position: OpenPosition
) -> None:
    plan = shop.made()
    first = await open_position(order(plan.plan_id, "first"))
    shop.clock.advance(3600)
    for as_seen in (False, True):
        again = replace(order(plan.plan_id, "second"), as_seen=as_seen)
        with pytest.raises(PlanAlreadyUsed) as refused:  # not that it has expired, which asks for another plan
            await open_position(again)
        assert refused.value.code == "plan_already_used"
        assert refused.value.context["position_id"] == str(first.position_id)
        assert "it waits to be carried out" in refused.value.detail


async def test_without_a_plan_one_is_made_once_for_the_key(shop: Shop, open_position: OpenPosition) -> None:
    first = await open_position(order(BUY))
    assert await open_position(order(replace(BUY, amount=Decimal(250)))) == first
    assert shop.planned == 1
    with pytest.raises(IdempotencyKeyReused):
        await open_position(order(replace(BUY, amount=Decimal(251))))


async def test_what_cannot_be_executed_is_refused_and_leaves_the_key_free(
    shop: Shop, open_position: OpenPosition
) -> None:
    expired = shop.made(expires_at=shop.clock.now())
    closing = shop.made(kind="close", position_id=uuid4())
    used = shop.made()
    await open_position(order(used.plan_id, "first"))
    for plan_id, refusal in (
        (uuid4(), PlanNotFound),
        (expired.plan_id, PlanExpired),
        (closing.plan_id, PlanNotForThis),
        (used.plan_id, PlanAlreadyUsed),
        (shop.made(executable=False).plan_id, NothingToDo),
    ):
        with pytest.raises(refusal):
            await open_position(order(plan_id))
    assert set(shop.answers) == {"first"}
    assert (await open_position(order(shop.made().plan_id))).status is PositionStatus.PENDING


async def test_what_execution_refuses_is_not_remembered(
    shop: Shop, planner: FakePlanner, open_position: OpenPosition
) -> None:
    planner.refusal = Invalid("too small", code="amount_too_small")
    with pytest.raises(Invalid):
        await open_position(order(BUY))
    planner.refusal = None
    assert (await open_position(order(BUY))).index_id == "top-10"
