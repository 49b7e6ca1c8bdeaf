"""What the user approved, straight from the ORDERS stream."""

from __future__ import annotations

from decimal import Decimal

from keys.application.approve_plan import ApprovedPlan
from keys.domain.allowance import PlanCeiling
from keys.inbound.use_cases import UseCases
from shared.contracts.envelope import Envelope
from shared.contracts.orders import Ceiling, ClosePosition, ExecutePlan, PlaceBasketOrder
from shared.contracts.topology import KEYS_ORDERS
from shared.runtime.events import EventRouter
from shared.trading.policy import UNWIND_WITHIN, LegPolicy, unwinding
from shared.trading.status import Side

_SIDES = {"invest": {Side.BUY}, "rebalance": {Side.BUY, Side.SELL}, "withdraw": {Side.SELL}}
"""What an order for a standing position may do."""


def orders(cases: UseCases) -> EventRouter:
    """The consumer `keys-orders`; storing a plan twice changes nothing, so it needs no inbox."""
    router = EventRouter(KEYS_ORDERS)

    async def unwind(command: PlaceBasketOrder | ExecutePlan) -> None:
        if command.policy is LegPolicy.UNWIND:
            await cases.approve(_unwinding(command))

    @router.on(PlaceBasketOrder)
    async def place_basket_order(event: Envelope[PlaceBasketOrder]) -> None:
        await cases.approve(_plan(event.data, {Side.BUY}, event.data.approved_amount))
        await unwind(event.data)

    @router.on(ClosePosition)
    async def close_position(event: Envelope[ClosePosition]) -> None:
        await cases.approve(_plan(event.data, {Side.SELL}, None))

    @router.on(ExecutePlan)
    async def execute_plan(event: Envelope[ExecutePlan]) -> None:
        await cases.approve(_plan(event.data, _SIDES[event.data.kind], event.data.approved_amount))
        await unwind(event.data)

    return router


def _plan(
    command: PlaceBasketOrder | ClosePosition | ExecutePlan, sides: set[Side], amount: Decimal | None
) -> ApprovedPlan:
    return ApprovedPlan(
        user_id=command.user_id,
        key_id=command.account_id,
        environment=command.environment,
        position_id=command.position_id,
        plan_id=command.plan_id,
        sides=frozenset(sides),
        ceilings=[_ceiling(ceiling, retries=command.policy is LegPolicy.COMPLETE) for ceiling in command.ceilings],
        expires_at=command.expires_at,
        approved_amount=amount,
    )


def _unwinding(command: PlaceBasketOrder | ExecutePlan) -> ApprovedPlan:
    """What the same command allows to sell again: at most what it allows to buy, by a run whose id follows from it."""
    return ApprovedPlan(
        user_id=command.user_id,
        key_id=command.account_id,
        environment=command.environment,
        position_id=command.position_id,
        plan_id=unwinding(command.plan_id),
        sides=frozenset({Side.SELL}),
        ceilings=[
            PlanCeiling(
                symbol=bought.symbol,
                side=Side.SELL,
                max_quantity=bought.max_quantity,
                max_notional=bought.max_notional,
                retries=True,
            )
            for bought in command.ceilings
            if bought.side is Side.BUY
        ],
        expires_at=command.expires_at + UNWIND_WITHIN,
    )


def _ceiling(ceiling: Ceiling, *, retries: bool) -> PlanCeiling:
    return PlanCeiling(
        symbol=ceiling.symbol,
        side=ceiling.side,
        max_quantity=ceiling.max_quantity,
        max_notional=ceiling.max_notional,
        limit_price=ceiling.limit_price,
        reference_price=ceiling.reference_price,
        priced_at=ceiling.priced_at,
        retries=retries,
    )
