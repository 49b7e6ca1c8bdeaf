"""Accept an order to execute a plan on a position that stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from gateway.application.answers import remembered
from gateway.application.first_answer import or_first_answer
from gateway.application.plan_moved import must_not_have_moved, plan_changed
from gateway.application.ports import Acceptance, Acceptances, MadeAgain, PlanAgain
from gateway.application.traded_plans import must_be_new
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted
from gateway.domain.errors import (
    PlanAlreadyUsed,
    PlanChanged,
    PlanExpired,
    PlanNotFound,
    PositionBusy,
    PositionNotFound,
    RebalancingChanged,
    RunAlreadyRequested,
)
from gateway.domain.position import Position
from shared.trading.clock import Clock
from shared.trading.status import PositionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """A request to execute a plan that was looked at.

    Attributes:
        fence: Of the look that orders for a position that rebalances itself; None when a person does.
    """

    user_id: UUID
    key: str
    position_id: UUID
    plan_id: UUID
    fence: int | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return sha256(f"run {self.position_id} {self.plan_id}".encode()).hexdigest()


class RunPlan:
    """Accepts an order for a standing position: answer, request and command are one commit.

    Args:
        signing_s: For how long after acceptance the order may still be signed, and stands in the way of another.
    """

    def __init__(
        self, *, acceptances: Acceptances, again: PlanAgain, turns: Turns, clock: Clock, signing_s: float
    ) -> None:
        self._acceptances = acceptances
        self._again = again
        self._turns = turns
        self._clock = clock
        self._signing = timedelta(seconds=signing_s)

    async def __call__(self, order: RunOrder) -> Accepted:
        """Accept the order, or give the answer that it was given before.

        Raises:
            PositionNotFound, PositionBusy: no order can be taken for it now.
            RunAlreadyRequested: another order for it waits for execution.
            IdempotencyKeyReused: the key came with another request.
            RebalancingChanged: the owner of a position that rebalances itself chose otherwise meanwhile.
            PlanNotFound, PlanNotForThis, NothingToDo, NothingToSell, PlanChanged, PlanExpired, PlanAlreadyUsed: the
                plan cannot be executed.
        """
        async with self._turns.of((order.user_id, order.key)):
            return await or_first_answer(self._acceptances, order, self._taken(order))

    async def _taken(self, order: RunOrder) -> Accepted:
        if earlier := await self._answered(order):
            return earlier
        made = await self._again(user_id=order.user_id, plan_id=order.plan_id)
        must_not_have_moved(made)
        return await self._accept(order)

    async def _answered(self, order: RunOrder) -> Accepted | None:
        """The answer of before; everything that can be refused at once is refused before anybody is asked."""
        async with self._acceptances.begin(order.user_id) as work:
            if earlier := await remembered(work, order):
                return earlier
            position = await work.position(order.position_id)
            if position is None:
                raise PositionNotFound("You have no such position.")
            plan = await work.plan(order.plan_id)
            if plan is None:
                raise PlanNotFound("No such plan was made for you; nothing was ordered.")
            await must_be_new(work, plan.plan_id)
            try:
                await self._must_take_orders(work, position)
            except RunAlreadyRequested:
                # Nothing is held here: a twin may have ordered this very plan between the two looks.
                await must_be_new(work, plan.plan_id)
                raise
            try:
                plan.must_run(order.position_id, position.version, self._clock.now())
            except (PlanChanged, PlanExpired) as refused:
                refusal = refused  # what it would be now is asked outside of this transaction
            else:
                return None
        made = await self._again(user_id=order.user_id, plan_id=order.plan_id)
        if isinstance(refusal, PlanExpired):
            raise _expired(refusal, made)
        raise plan_changed("The position has changed since the plan was made", made)

    async def _accept(self, order: RunOrder) -> Accepted:
        async with self._acceptances.begin(order.user_id) as work:
            position = await work.position(order.position_id, lock=True)
            if position is None:
                raise PositionNotFound("You have no such position.")
            plan = await work.plan(order.plan_id)
            if plan is None:
                raise PlanNotFound("No such plan was made for you; nothing was ordered.")
            now = self._clock.now()
            accepted = Accepted.of(plan, position_id=order.position_id, status=position.status, at=now)
            if earlier := await work.remember(order.key, order.fingerprint, accepted):
                return earlier.to(order.fingerprint)
            await must_be_new(work, plan.plan_id)
            await self._must_take_orders(work, position)
            if order.fence is not None and not await work.rebalances_itself(order.position_id, fence=order.fence):
                raise RebalancingChanged("Its owner chose otherwise; nothing was ordered.")
            plan.must_run(order.position_id, position.version, now)
            if not await work.run(plan, accepted, position, signing_ends=now + self._signing):
                raise PlanAlreadyUsed("This plan has been used already; nothing more was ordered.")
            return accepted

    async def _must_take_orders(self, work: Acceptance, position: Position) -> None:
        if position.status is not PositionStatus.ACTIVE:
            raise PositionBusy(
                f"The position is {position.status}; only an ACTIVE one takes an order. Nothing was ordered.",
                context={"status": position.status},
            )
        # One that execution never takes ends with its signing time, and frees the position.
        if await work.closing(position, since=self._clock.now() - self._signing):
            raise RunAlreadyRequested("An order for this position was taken already; nothing more was ordered.")


def _expired(refusal: PlanExpired, made: MadeAgain) -> PlanExpired:
    """A suggested plan is looked at long after it was made: what it would be now stands beside the refusal."""
    return PlanExpired(refusal.detail, context={**refusal.context, "plan": dict(made.plan)})
