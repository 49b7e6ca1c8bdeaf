"""Two requests with one key on two replicas: whoever is slower hears the answer of the quicker one, not its consequences."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.gateway_builders import ACCOUNT, a_plan
from kit.memory_gateway_orders import MemoryAcceptances
from kit.memory_gateway_picture import MemoryPlans
from kit.memory_house import House, Transaction

from gateway.application.close_position import CloseOrder, ClosePosition
from gateway.application.open_position import BuyIndex, OpenOrder, OpenPosition
from gateway.application.ports import MadeAgain
from gateway.application.run_plan import RunOrder, RunPlan
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted
from gateway.domain.errors import IdempotencyKeyReused
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.outbound.execution_client import _plan
from shared.contracts.rpc.plans import PlanView
from shared.runtime.outbox import Announcement
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Conflict
from shared.trading.policy import LegPolicy
from shared.trading.status import PositionStatus, VenueEnvironment

ADA, POSITION = uuid4(), uuid4()
Order = Callable[[], Awaitable[Accepted]]


async def nothing() -> None:
    """Nobody is quicker."""


async def silently(_: Transaction, __: Sequence[Announcement]) -> None:
    """Commands go nowhere."""


class Execution:
    """Plans at once; with a `meanwhile` the money and the position are another order's when it looks."""

    def __init__(
        self, house: House, clock: FakeClock, meanwhile: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self.plans = MemoryPlans(house)
        self._clock = clock
        self._meanwhile = meanwhile

    async def made(self, **what: Any) -> PlanView:
        if self._meanwhile is not None:
            await self._meanwhile()
            raise Conflict("Another order is under way.", code="position_busy")
        now = self._clock.now()
        view = a_plan(ADA, **what).model_copy(update={"created_at": now, "expires_at": now.replace(year=now.year + 1)})
        await self.plans.keep(view)
        return view

    async def buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> Plan:
        return _plan(await self.made(amount=amount))

    async def close(self, *, user_id: UUID, position_id: UUID) -> Plan:
        return _plan(await self.made(kind="close", position_id=position_id, position_version=1))

    async def again(self, *, user_id: UUID, plan_id: UUID) -> MadeAgain:
        await self.made()
        return MadeAgain(moved=[], plan={})


class Town:
    """One storage and any number of replicas."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.house = House()
        self.run_plan = uuid4()
        with self.house.transaction(ADA) as transaction:
            transaction.rows("positions").add(POSITION, a_position(self.clock.now()))
            transaction.commit()

    async def ready(self) -> None:
        view = await Execution(self.house, self.clock).made(kind="invest", position_id=POSITION, position_version=1)
        self.run_plan = view.plan_id

    def door(self, name: str, meanwhile: Callable[[], Awaitable[object]] | None = None, amount: str = "250") -> Order:
        """A request with the key `k` on a replica of its own."""
        execution, clock = Execution(self.house, self.clock, meanwhile), self.clock
        acceptances = MemoryAcceptances(self.house, silently)
        if name == "open":
            opening = OpenPosition(
                acceptances=acceptances,
                planner=execution,
                again=execution.again,
                turns=Turns(),
                clock=clock,
                ids=FakeIds(),
                signing_s=600,
            )
            what = BuyIndex(index_id="top-10", amount=Decimal(amount), account_id=ACCOUNT)
            return lambda: opening(OpenOrder(user_id=ADA, key="k", what=what))
        if name == "close":
            closing = ClosePosition(
                acceptances=acceptances, planner=execution, turns=Turns(), clock=clock, signing_s=600
            )
            return lambda: closing(CloseOrder(user_id=ADA, key="k", position_id=POSITION, plan_id=None))
        running = RunPlan(acceptances=acceptances, again=execution.again, turns=Turns(), clock=clock, signing_s=600)
        return lambda: running(RunOrder(user_id=ADA, key="k", position_id=POSITION, plan_id=self.run_plan))


def a_position(now: datetime) -> Position:
    return Position(
        position_id=POSITION,
        user_id=ADA,
        account_id=ACCOUNT,
        environment=VenueEnvironment.PAPER,
        plan_id=uuid4(),
        index_id="top-10",
        index_version=1,
        status=PositionStatus.ACTIVE,
        complete=True,
        reasons=[],
        blocked_reason=None,
        policy="HOLD",
        run_id=None,
        run_kind=None,
        approved_amount=Decimal(250),
        invested=Decimal(0),
        proceeds=Decimal(0),
        created_at=now,
        updated_at=now,
        version=1,
    )


@pytest.mark.parametrize("door", ["open", "close", "run"])
async def test_whoever_is_slower_hears_the_answer_of_the_quicker_one(door: str) -> None:
    town = Town()
    await town.ready()
    first: list[Accepted] = []

    async def twin() -> None:
        first.append(await town.door(door)())

    assert await town.door(door, meanwhile=twin)() == first[0]


@pytest.mark.parametrize("door", ["open", "close", "run"])
async def test_without_an_answer_under_the_key_the_refusal_stands(door: str) -> None:
    town = Town()
    await town.ready()
    with pytest.raises(Conflict) as refused:
        await town.door(door, meanwhile=nothing)()
    assert refused.value.code == "position_busy"


async def test_another_request_under_the_key_is_told_so() -> None:
    town = Town()
    with pytest.raises(IdempotencyKeyReused):
        await town.door("open", meanwhile=town.door("open", amount="251"))()
