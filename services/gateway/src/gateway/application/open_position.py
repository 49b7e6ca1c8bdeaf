"""Accept an order to buy an index: one position for one key, whatever is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NoReturn
from uuid import UUID

from gateway.application.answers import remembered
from gateway.application.first_answer import or_first_answer
from gateway.application.plan_moved import must_not_have_moved
from gateway.application.ports import Acceptances, PlanAgain, Planner
from gateway.application.traded_plans import must_be_new
from gateway.application.turns import Turns
from gateway.domain.accepted import Accepted
from gateway.domain.errors import PlanAlreadyUsed, PlanNotFound
from shared.trading.clock import Clock, Ids
from shared.trading.errors import PlatformError
from shared.trading.money import plain
from shared.trading.policy import LegPolicy
from shared.trading.status import PositionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyIndex:
    """What to buy when there is no plan yet; `amount` in quote units."""

    index_id: str
    amount: Decimal
    account_id: UUID
    policy: LegPolicy = LegPolicy.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """A request to open a position: with a plan, or with what to plan first.

    Attributes:
        as_seen: Only if the plan's prices still are what the person has seen (`If-Match`); without it the limit prices
            of the plan alone bound what is paid.
    """

    user_id: UUID
    key: str
    what: UUID | BuyIndex
    as_seen: bool = False

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        if isinstance(self.what, BuyIndex):
            facts = f"{self.what.index_id} {plain(self.what.amount)} {self.what.account_id}"
            if self.what.policy is not LegPolicy.HOLD:
                facts += f" {self.what.policy}"
            return sha256(f"open index {facts}".encode()).hexdigest()
        return sha256(f"open plan {self.what}".encode()).hexdigest()


class OpenPosition:
    """Accepts an order: answer, position and command are one commit.

    Args:
        signing_s: For how long after acceptance the order may still be signed: one found later trades nothing.
    """

    def __init__(
        self,
        *,
        acceptances: Acceptances,
        planner: Planner,
        again: PlanAgain,
        turns: Turns,
        clock: Clock,
        ids: Ids,
        signing_s: float,
    ) -> None:
        self._acceptances = acceptances
        self._again = again
        self._planner = planner
        self._turns = turns
        self._clock = clock
        self._ids = ids
        self._signing = timedelta(seconds=signing_s)

    async def __call__(self, order: OpenOrder) -> Accepted:
        """Accept the order, or give the answer that it was given before.

        Raises:
            IdempotencyKeyReused: the key came with another request.
            PlanNotFound, PlanNotForThis, PlanExpired, PlanAlreadyUsed, PlanChanged: the plan cannot be executed.
            PlatformError: execution refuses to plan.
        """
        async with self._turns.of((order.user_id, order.key)):
            return await or_first_answer(self._acceptances, order, self._taken(order))

    async def _taken(self, order: OpenOrder) -> Accepted:
        if isinstance(order.what, UUID):
            if order.as_seen:
                if earlier := await self._answered(order, new=order.what):
                    return earlier
                must_not_have_moved(await self._again(user_id=order.user_id, plan_id=order.what))
            return await self._accept(order, order.what)
        return await self._answered(order) or await self._accept(order, await self._planned(order, order.what))

    async def _answered(self, order: OpenOrder, *, new: UUID | None = None) -> Accepted | None:
        """The answer of before; `new` is the plan that must not have been ordered under another key."""
        async with self._acceptances.begin(order.user_id) as work:
            if earlier := await remembered(work, order):
                return earlier
            if new is not None:
                await must_be_new(work, new)
            return None

    async def _planned(self, order: OpenOrder, what: BuyIndex) -> UUID:
        plan = await self._planner.buy(
            user_id=order.user_id,
            account_id=what.account_id,
            index_id=what.index_id,
            amount=what.amount,
            policy=what.policy,
        )
        return plan.plan_id

    async def _accept(self, order: OpenOrder, plan_id: UUID) -> Accepted:
        async with self._acceptances.begin(order.user_id) as work:
            plan = await work.plan(plan_id)
            if plan is None:
                return await remembered(work, order) or _no_plan()
            now = self._clock.now()
            try:
                plan.must_buy(now)
            except PlatformError:
                if earlier := await remembered(work, order):
                    return earlier
                await must_be_new(work, plan_id)
                raise
            accepted = Accepted.of(plan, position_id=self._ids.uuid(), status=PositionStatus.PENDING, at=now)
            opening = await work.open(order.key, order.fingerprint, plan, accepted, signing_ends=now + self._signing)
            if opening.earlier is not None:
                return opening.earlier.to(order.fingerprint)
            if not opening.opened:
                await must_be_new(work, plan_id)
                raise PlanAlreadyUsed("This plan has opened a position already; nothing more was ordered.")
            return accepted


def _no_plan() -> NoReturn:
    raise PlanNotFound("No such plan was made for you; nothing was ordered. Ask for one with POST /api/plans.")
