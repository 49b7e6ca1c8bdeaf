"""Positions: buying an index, looking at it, closing it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field, model_validator

from gateway.application.close_position import CloseOrder
from gateway.application.open_position import BuyIndex, OpenOrder
from gateway.application.run_plan import RunOrder
from gateway.domain.accepted import Accepted
from gateway.domain.errors import PositionNotFound
from gateway.domain.position import Deviation, PositionSummary, Valuation
from gateway.inbound.caller import IdempotencyKey, User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.buying import BuyingAsk
from gateway.inbound.http.models import (
    AcceptedAnswer,
    Ask,
    DriftAnswer,
    DriftItemAnswer,
    FillAnswer,
    LegAnswer,
    Limit,
    Page,
    PnlAnswer,
    PositionAnswer,
    PositionDetailAnswer,
    cursor_of,
    position_in,
)
from gateway.inbound.http.plans import etag_of
from gateway.inbound.http.preconditions import IfMatchFails
from gateway.inbound.http.rebalancing import RebalancingAnswer, rebalancing_answer
from gateway.inbound.problems import declared
from shared.trading.policy import LegPolicy

positions = APIRouter(tags=["positions"])
Counted = Depends(by_user("trade"))
PlanSeen = Annotated[str | None, Header(alias="If-Match", description="The ETag of the plan that was looked at.")]


class PositionPage(PositionDetailAnswer):
    """A position with everything known about it, and who brings it back to its targets."""

    rebalancing: RebalancingAnswer


class OpenAsk(BuyingAsk):
    """Buy with a plan that was looked at (`plan_id`), or plan and buy at once."""

    plan_id: UUID | None = None
    policy: LegPolicy | None = Field(default=None, description="HOLD when left out; a plan carries its own.")

    @model_validator(mode="after")
    def _one_of_two(self) -> OpenAsk:
        if self.plan_id is not None:
            if any(part is not None for part in (*self.buying, self.policy)):
                raise ValueError("Send either plan_id alone, or index, amount and account_id.")
        elif any(part is None for part in self.buying):
            raise ValueError("Send plan_id, or index, amount and account_id.")
        return self

    def what(self) -> UUID | BuyIndex:
        """The plan to execute, or what to plan."""
        if self.plan_id is not None:
            return self.plan_id
        index_id, amount, account_id = self.buying
        assert index_id is not None
        assert amount is not None
        assert account_id is not None
        policy = self.policy or LegPolicy.HOLD
        return BuyIndex(index_id=index_id, amount=amount, account_id=account_id, policy=policy)


class RunAsk(Ask):
    """Execute a plan that was looked at."""

    plan_id: UUID


class CloseAsk(Ask):
    """Close with a plan that was looked at, or with whatever the plan will be."""

    plan_id: UUID | None = None


@positions.post(
    "/api/positions",
    operation_id="positions_open",
    status_code=202,
    responses=declared(400, 401, 403, 404, 409, 412),
    dependencies=[Counted],
)
async def open_position(
    body: OpenAsk,
    user: User,
    key: IdempotencyKey,
    desk: AtDesk,
    response: Response,
    if_match: PlanSeen = None,
) -> AcceptedAnswer:
    """Buy an index. Accepted means: it will be bought within the plan's limits, once, even if parts of us restart.

    With If-Match the plan is made anew first: refused with 412 when prices have moved too far; the new plan stands in
    the context. Without it the plan's limit prices alone bound what is paid.
    """
    _must_name(if_match, body.plan_id)
    order = OpenOrder(user_id=user.user_id, key=key, what=body.what(), as_seen=if_match is not None)
    accepted = await desk.open_position(order)
    return _taken(accepted, response)


@positions.get("/api/positions", operation_id="positions_list", responses=declared(401))
async def list_positions(
    user: User,
    desk: AtDesk,
    limit: Annotated[Limit, Query()] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[PositionAnswer]:
    """Positions, newest first, without legs."""
    await desk.fresh.about(user.user_id)
    found = await desk.positions.positions(user.user_id, limit=limit + 1, after=position_in(cursor))
    shown, more = found[:limit], len(found) > limit
    last = shown[-1].position if more else None
    return Page[PositionAnswer](
        items=[PositionAnswer.model_validate(_facts(one)) for one in shown],
        next_cursor=cursor_of(last.created_at, last.position_id) if last else None,
    )


@positions.get("/api/positions/{position_id}", operation_id="positions_get", responses=declared(401, 404))
async def get_position(position_id: UUID, user: User, desk: AtDesk) -> PositionPage:
    """One position with legs, fills, P&L, drift and how its rebalancing stands."""
    await desk.fresh.about(position_id)
    detail = await desk.positions.detail(user.user_id, position_id)
    if detail is None:
        raise PositionNotFound("You have no such position.")
    return PositionPage.model_validate(
        {
            **_facts(detail.summary),
            "legs": [LegAnswer.model_validate(leg) for leg in detail.legs],
            "fills": [FillAnswer.model_validate(fill) for fill in detail.fills],
            "rebalancing": rebalancing_answer(await desk.rebalancings.of(user.user_id, position_id)),
        }
    )


@positions.post(
    "/api/positions/{position_id}/runs",
    operation_id="positions_run",
    status_code=202,
    responses=declared(400, 401, 403, 404, 409, 412),
    dependencies=[Counted],
)
async def run_plan(
    position_id: UUID,
    body: RunAsk,
    user: User,
    key: IdempotencyKey,
    desk: AtDesk,
    response: Response,
    if_match: PlanSeen = None,
) -> AcceptedAnswer:
    """Execute a plan for this position: invest, rebalance, withdraw or close; the status changes by event.

    Refused with 412 when prices have moved too far or the position has changed; the new plan stands in the context.
    """
    _must_name(if_match, body.plan_id)
    await desk.fresh.about(position_id)
    accepted = await desk.run_plan(
        RunOrder(user_id=user.user_id, key=key, position_id=position_id, plan_id=body.plan_id)
    )
    return _taken(accepted, response)


@positions.post(
    "/api/positions/{position_id}/close",
    operation_id="positions_close",
    status_code=202,
    responses=declared(400, 401, 403, 404, 409),
    dependencies=[Counted],
)
async def close_position(
    position_id: UUID,
    user: User,
    key: IdempotencyKey,
    desk: AtDesk,
    response: Response,
    body: CloseAsk | None = None,
) -> AcceptedAnswer:
    """Sell what the position holds, never more; the status turns CLOSING and CLOSED by event.

    A position that holds nothing but its own cash is closed without an order, and the cash is paid out. When it holds
    coins and none of them can be sold, nothing happens and the refusal says why.
    """
    plan_id = body.plan_id if body else None
    accepted = await desk.close_position(
        CloseOrder(user_id=user.user_id, key=key, position_id=position_id, plan_id=plan_id)
    )
    return _taken(accepted, response)


def _taken(accepted: Accepted, response: Response) -> AcceptedAnswer:
    """An order that was taken, and where to see what becomes of it."""
    response.headers["location"] = f"/api/positions/{accepted.position_id}"
    return AcceptedAnswer.model_validate(accepted)


def _must_name(if_match: str | None, plan_id: UUID | None) -> None:
    """Check that a condition is about the plan that shall be executed."""
    if if_match is None:
        return
    if plan_id is None:
        raise IfMatchFails("If-Match names a plan, and the body names none; nothing was ordered. Send its plan_id.")
    if if_match.strip() not in {"*", etag_of(plan_id)}:
        raise IfMatchFails("If-Match names another plan than the body; nothing was ordered.")


def _facts(summary: PositionSummary) -> dict[str, object]:
    position = summary.position
    return {
        **{name: getattr(position, name) for name in PositionAnswer.model_fields if hasattr(position, name)},
        "pnl": PnlAnswer.model_validate(summary.valuation) if summary.valuation else None,
        "drift": _drift(summary.valuation, summary.deviation),
    }


def _drift(valuation: Valuation | None, deviation: Deviation | None) -> DriftAnswer | None:
    if valuation is None:
        return None
    active = deviation is not None and deviation.active
    return DriftAnswer(
        max_abs_drift=valuation.max_abs_drift,
        turnover=valuation.turnover,
        deviating=active,
        items=[DriftItemAnswer.model_validate(item) for item in deviation.items] if deviation and active else [],
        waiting_for=[one["symbol"] for one in valuation.holdings if one["mark_stale"] and Decimal(one["quantity"])],
    )
