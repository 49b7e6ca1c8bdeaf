"""A plan is good for one order: whoever asks again hears what the first one did."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from gateway.domain.traded_plan import TradedPlan


class TradedPlans(Protocol):
    """Knows which plans were ordered."""

    async def traded(self, plan_id: UUID) -> TradedPlan | None:
        """What a plan of this user was ordered for before; None when it was not."""
        ...


async def must_be_new(plans: TradedPlans, plan_id: UUID) -> None:
    """Check that a plan was not ordered yet, before anything else speaks against it: a lost answer must not buy twice.

    Raises:
        PlanAlreadyUsed: it was, with the position, the run and how they stand.
    """
    if traded := await plans.traded(plan_id):
        raise traded.refusal()
