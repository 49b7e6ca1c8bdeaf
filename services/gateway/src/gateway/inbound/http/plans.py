"""Plans: what would be bought, at which prices, and whether it can be, before anything is ordered."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import model_validator

from gateway.domain.errors import PlanNotFound
from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.buying import BuyingAsk
from gateway.inbound.http.models import Answer
from gateway.inbound.problems import declared
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc.execution import PlanLeg, PlanView
from shared.trading.status import VenueEnvironment

plans = APIRouter(tags=["plans"])


class PlanAsk(BuyingAsk):
    """Plan to buy an index, or to close a position (then only `position_id`)."""

    position_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> PlanAsk:
        if self.position_id is not None:
            if any(part is not None for part in self.buying):
                raise ValueError("Send either position_id alone, or index, amount and account_id.")
        elif any(part is None for part in self.buying):
            raise ValueError("index, amount and account_id are needed to plan a purchase.")
        return self


class PlanAnswer(Answer):
    """An immutable plan; amounts in `currency` units."""

    plan_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: Literal["buy", "close"]
    index_id: str
    index_version: int
    position_id: UUID | None
    currency: str
    amount: DecimalText
    legs: list[PlanLeg]
    total_notional: DecimalText
    total_fee: DecimalText
    cash_after: DecimalText
    available: DecimalText
    minimum_amount: DecimalText
    price_band: DecimalText
    warnings: list[str]
    created_at: Moment
    expires_at: Moment


def _answer(plan: PlanView) -> PlanAnswer:
    return PlanAnswer.model_validate(plan)


@plans.post("/api/plans", operation_id="plans_make", status_code=201, responses=declared(400, 401, 403, 404, 409))
async def make_plan(body: PlanAsk, user: User, desk: AtDesk, response: Response) -> PlanAnswer:
    """Make a plan; nothing is ordered. It can be executed for 60 seconds."""
    if body.position_id is not None:
        plan = await desk.plans.show_close(user_id=user.user_id, position_id=body.position_id)
    else:
        index_id, amount, account_id = body.buying
        assert index_id is not None
        assert amount is not None
        assert account_id is not None
        plan = await desk.plans.show_buy(user_id=user.user_id, account_id=account_id, index_id=index_id, amount=amount)
    response.headers["location"] = f"/api/plans/{plan.plan_id}"
    return _answer(plan)


@plans.get("/api/plans/{plan_id}", operation_id="plans_get", responses=declared(401, 404))
async def get_plan(plan_id: UUID, user: User, desk: AtDesk) -> PlanAnswer:
    """A plan as it was made."""
    plan = await desk.plan_shelf.find(user.user_id, plan_id)
    if plan is None:
        raise PlanNotFound("No such plan was made for you.")
    return _answer(plan)
