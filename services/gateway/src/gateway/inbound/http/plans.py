"""Plans: what would be bought, at which prices, and whether it can be, before anything is ordered."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, model_validator

from gateway.domain.errors import PlanNotFound
from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.buying import BuyingAsk
from gateway.inbound.http.models import Answer
from gateway.inbound.problems import declared
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc.plans import PlanLeg, PlanOptions, PlanView, TargetChange
from shared.trading.policy import LegPolicy
from shared.trading.status import VenueEnvironment

plans = APIRouter(tags=["plans"])


class OptionsAsk(PlanOptions):
    """What a person may choose about a rebalance; a misspelled choice is refused, not left out."""

    model_config = ConfigDict(extra="forbid")


class PlanAsk(BuyingAsk):
    """Plan to buy an index (`index`, `amount`, `account_id`), or what to do with a position (`position_id`).

    A position alone is closed. To put more money in, to trade it back to its targets or to take money out, name the
    `kind`; invest and withdraw need an `amount`.
    """

    kind: Literal["buy", "close", "invest", "rebalance", "withdraw"] | None = None
    position_id: UUID | None = None
    options: OptionsAsk | None = Field(default=None, description="For a rebalance; the platform's own when left out.")
    policy: LegPolicy = Field(
        default=LegPolicy.HOLD,
        description="What becomes of legs that do not fill at once. UNWIND belongs to buy and invest.",
    )

    @model_validator(mode="after")
    def _whole(self) -> PlanAsk:
        if self.position_id is None:
            self._must_buy()
        elif self.index is not None or self.on_account is not None or self.kind == "buy":
            raise ValueError("Send either position_id, or index, amount and account_id.")
        elif (self.amount is not None) != (self.kind in _WITH_AMOUNT):
            raise ValueError("An amount belongs to buy, invest and withdraw, and to nothing else.")
        if self.options is not None and self.kind != "rebalance":
            raise ValueError("Options belong to a rebalance.")
        return self

    def _must_buy(self) -> None:
        if self.kind not in {None, "buy"}:
            raise ValueError(f"To {self.kind}, send the position_id.")
        missing = [
            name for name, part in zip(("index", "amount", "account_id"), self.buying, strict=True) if part is None
        ]
        if missing:
            raise ValueError(f"To plan a purchase, send index, amount and account_id: {', '.join(missing)} is missing.")


_WITH_AMOUNT = {"invest", "withdraw"}


class PlanAnswer(Answer):
    """An immutable plan; amounts in `currency` units."""

    plan_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: Literal["buy", "close", "invest", "rebalance", "withdraw"]
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
    executable: bool
    total_buy: DecimalText | None
    total_sell: DecimalText | None
    drift_before: DecimalText | None
    drift_after: DecimalText | None
    slippage: DecimalText | None
    slippage_max: DecimalText | None
    changes: list[TargetChange]
    options: PlanOptions | None
    policy: LegPolicy


def etag_of(plan_id: UUID) -> str:
    """The tag of a plan, which never changes."""
    return f'"{plan_id}"'


def _answer(plan: PlanView) -> PlanAnswer:
    return PlanAnswer.model_validate(plan)


@plans.post("/api/plans", operation_id="plans_make", status_code=201, responses=declared(400, 401, 403, 404, 409))
async def make_plan(body: PlanAsk, user: User, desk: AtDesk, response: Response) -> PlanAnswer:
    """Make a plan; nothing is ordered. It can be executed for 60 seconds."""
    plan = await _planned(body, user, desk)
    response.headers["location"] = f"/api/plans/{plan.plan_id}"
    response.headers["etag"] = etag_of(plan.plan_id)
    return _answer(plan)


async def _planned(body: PlanAsk, user: User, desk: AtDesk) -> PlanView:
    if body.position_id is None:
        index_id, amount, account_id = body.buying
        assert index_id is not None
        assert amount is not None
        assert account_id is not None
        return await desk.plans.show_buy(
            user_id=user.user_id, account_id=account_id, index_id=index_id, amount=amount, policy=body.policy
        )
    if body.kind is None or body.kind == "close":
        return await desk.plans.show_close(user_id=user.user_id, position_id=body.position_id, policy=body.policy)
    assert body.kind != "buy"
    return await desk.plans.show_run(
        user_id=user.user_id,
        position_id=body.position_id,
        kind=body.kind,
        amount=body.amount,
        options=body.options or PlanOptions(),
        policy=body.policy,
    )


@plans.get("/api/plans/{plan_id}", operation_id="plans_get", responses=declared(401, 404))
async def get_plan(plan_id: UUID, user: User, desk: AtDesk, response: Response) -> PlanAnswer:
    """A plan as it was made; its ETag says which one was looked at."""
    plan = await desk.plan_shelf.find(user.user_id, plan_id)
    if plan is None:
        raise PlanNotFound("No such plan was made for you.")
    response.headers["etag"] = etag_of(plan.plan_id)
    return _answer(plan)
