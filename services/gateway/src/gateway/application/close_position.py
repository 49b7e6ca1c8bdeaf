"""Accept an order to sell what a position holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import NoReturn
from uuid import UUID

from gateway.application.answers import remembered
from gateway.application.first_answer import or_first_answer
from gateway.application.ports import Acceptance, Acceptances, Planner
from gateway.application.traded_plans import must_be_new
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted
from gateway.domain.errors import (
    CloseAlreadyRequested,
    PlanAlreadyUsed,
    PlanNotFound,
    PositionNotClosable,
    PositionNotFound,
)
from gateway.domain.position import Position
from shared.trading.clock import Clock
from shared.trading.status import PositionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrder:
    """A request to close a position, with the plan that was shown or with whatever the plan will be."""

    user_id: UUID
    key: str
    position_id: UUID
    plan_id: UUID | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return sha256(f"close {self.position_id} {self.plan_id or 'any'}".encode()).hexdigest()


class ClosePosition:
    """Accepts an order to sell: answer, request and command are one commit.

    Args:
        signing_s: For how long after acceptance the order may still be signed, and stands in the way of another.
    """

    def __init__(
        self, *, acceptances: Acceptances, planner: Planner, turns: Turns, clock: Clock, signing_s: float
    ) -> None:
        self._acceptances = acceptances
        self._planner = planner
        self._turns = turns
        self._clock = clock
        self._signing = timedelta(seconds=signing_s)

    async def __call__(self, order: CloseOrder) -> Accepted:
        """Accept the order, or give the answer that it was given before.

        Raises:
            PositionNotFound, PositionNotClosable: there is nothing to close now.
            CloseAlreadyRequested: another order to close it waits for execution.
            IdempotencyKeyReused: the key came with another request.
            PlanNotFound, PlanNotForThis, PlanExpired, PlanAlreadyUsed: the plan cannot be executed.
            NothingToSell: the position holds coins, and none of them can be sold now.
            PlatformError: execution refuses to plan.
        """
        async with self._turns.of((order.user_id, order.key)):
            return await or_first_answer(self._acceptances, order, self._taken(order))

    async def _taken(self, order: CloseOrder) -> Accepted:
        if order.plan_id is not None:
            return await self._accept(order, order.plan_id)
        return await self._answered(order) or await self._accept(order, await self._planned(order))

    async def _answered(self, order: CloseOrder) -> Accepted | None:
        async with self._acceptances.begin(order.user_id) as work:
            if known := await remembered(work, order):
                return known
            position = await work.position(order.position_id)
            if position is None:
                raise PositionNotFound("You have no such position.")
            await self._must_be_closable(work, position)
            return None

    async def _planned(self, order: CloseOrder) -> UUID:
        plan = await self._planner.close(user_id=order.user_id, position_id=order.position_id)
        return plan.plan_id

    async def _accept(self, order: CloseOrder, plan_id: UUID) -> Accepted:
        async with self._acceptances.begin(order.user_id) as work:
            position = await work.position(order.position_id, lock=True)
            if position is None:
                raise PositionNotFound("You have no such position.")
            plan = await work.plan(plan_id)
            if plan is None:
                return await remembered(work, order) or _no_plan()
            now = self._clock.now()
            accepted = Accepted.of(plan, position_id=order.position_id, status=position.status, at=now)
            if earlier := await work.remember(order.key, order.fingerprint, accepted):
                return earlier.to(order.fingerprint)
            await must_be_new(work, plan.plan_id)
            await self._must_be_closable(work, position)
            plan.must_close(order.position_id, now)
            if not await work.close(plan, accepted, position, signing_ends=now + self._signing):
                raise PlanAlreadyUsed("This plan has been used already; nothing more was ordered.")
            return accepted

    async def _must_be_closable(self, work: Acceptance, position: Position) -> None:
        if position.status is not PositionStatus.ACTIVE:
            raise PositionNotClosable(
                f"The position is {position.status}; only an ACTIVE one can be closed. Nothing was ordered.",
                context={"status": position.status},
            )
        # One that execution never takes ends with its signing time, and frees the position.
        if await work.closing(position, since=self._clock.now() - self._signing):
            raise CloseAlreadyRequested("An order to sell this position was taken already; nothing more was ordered.")


def _no_plan() -> NoReturn:
    raise PlanNotFound("No such closing plan was made for you; nothing was ordered.")
