"""The commands to execution that an accepted order becomes."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.accepted import Accepted
from gateway.domain.plan import Plan
from shared.contracts import orders
from shared.runtime.outbox import Announcement


def place_basket_order(plan: Plan, accepted: Accepted, *, signing_ends: datetime) -> orders.PlaceBasketOrder:
    """Open a position; nothing is signed for it after `signing_ends`, nor for the others."""
    return orders.PlaceBasketOrder(
        position_id=accepted.position_id,
        user_id=plan.user_id,
        account_id=plan.account_id,
        environment=plan.environment,
        plan_id=plan.plan_id,
        index_id=plan.index_id,
        approved_amount=plan.amount,
        ceilings=_ceilings(plan),
        expires_at=signing_ends,
        policy=plan.policy,
    )


def close_position(plan: Plan, accepted: Accepted, *, signing_ends: datetime) -> orders.ClosePosition:
    """End a position."""
    return orders.ClosePosition(
        position_id=accepted.position_id,
        user_id=plan.user_id,
        account_id=plan.account_id,
        environment=plan.environment,
        plan_id=plan.plan_id,
        ceilings=_ceilings(plan),
        expires_at=signing_ends,
        policy=plan.policy,
    )


def execute_plan(plan: Plan, accepted: Accepted, *, signing_ends: datetime) -> orders.ExecutePlan:
    """Whatever else a plan does to a standing position."""
    return orders.ExecutePlan(
        position_id=accepted.position_id,
        user_id=plan.user_id,
        account_id=plan.account_id,
        environment=plan.environment,
        plan_id=plan.plan_id,
        kind=plan.kind,  # type: ignore[arg-type]  # pydantic checks the word
        approved_amount=plan.buys_at_most,
        ceilings=_ceilings(plan),
        expires_at=signing_ends,
        policy=plan.policy,
    )


def announcement(
    command: orders.PlaceBasketOrder | orders.ClosePosition | orders.ExecutePlan, *, version: int
) -> Announcement:
    """A command as the outbox takes it; `version` counts the commands about its position."""
    return Announcement(
        data=command,
        user_id=command.user_id,
        entity_id=command.position_id,
        aggregate_id=command.position_id,
        aggregate_version=version,
    )


def _ceilings(plan: Plan) -> list[orders.Ceiling]:
    return [
        orders.Ceiling(
            symbol=one.symbol,
            side=one.side,
            max_quantity=one.max_quantity,
            max_notional=one.max_notional,
            limit_price=one.limit_price,
            reference_price=one.reference_price,
            priced_at=one.priced_at,
        )
        for one in plan.ceilings
    ]
