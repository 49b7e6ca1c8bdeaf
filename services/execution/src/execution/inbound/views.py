"""Our nouns as the contracts show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from execution.domain import plan as domain
from execution.domain.account_flow import AccountFlow
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.plan import Mode, Plan, PlanLine
from execution.domain.position import Position
from execution.domain.release import Release
from execution.domain.shortage import Shortage
from shared.contracts.execution import (
    FillView,
    FlowView,
    LegView,
    PositionView,
    ReleaseView,
    ShortageShare,
    ShortageView,
)
from shared.contracts.orders import Ceiling
from shared.contracts.rpc.plans import PlanLeg, PlanOptions, PlanView, TargetChange
from shared.trading.money import truncate
from shared.trading.status import Side

PRICE_PLACES = 18


def leg_view(leg: Leg) -> LegView:
    """A leg."""
    return LegView(
        leg_id=leg.leg_id,
        position_id=leg.position_id,
        run_id=leg.run_id,
        number=leg.number,
        symbol=leg.symbol,
        base_asset=leg.base_asset,
        side=leg.side,
        status=leg.status,
        reason=leg.reason,
        target_weight=leg.target_weight,
        quantity=leg.quantity,
        limit_price=leg.limit_price,
        filled_quantity=leg.filled_quantity,
        average_price=_shown(leg.average_price),
        notional=leg.notional,
        fee=leg.fee,
        fee_asset=leg.fee_asset,
        residual=leg.residual,
        client_order_id=leg.client_order_id,
        venue_order_id=leg.venue_order_id,
        arrival_price=leg.arrival_price,
        version=leg.version,
    )


def _shown(price: Decimal | None) -> Decimal | None:
    return None if price is None else truncate(price, places=PRICE_PLACES)


def position_view(position: Position, legs: Sequence[Leg]) -> PositionView:
    """A position with the legs of all its runs."""
    return PositionView(
        position_id=position.position_id,
        user_id=position.user_id,
        account_id=position.account_id,
        environment=position.environment,
        index_id=position.index_id,
        index_version=position.index_version,
        status=position.status,
        complete=position.complete,
        reasons=list(position.reasons),
        blocked_reason=position.blocked_reason,
        trading_paused=position.trading_paused,
        policy=position.policy,
        run_id=position.run_id,
        run_kind=position.run_kind.value,
        approved_amount=position.approved_amount,
        invested=position.invested,
        proceeds=position.proceeds,
        contributed=position.contributed,
        withdrawn=position.withdrawn,
        cash=position.cash,
        legs=[leg_view(leg) for leg in legs],
        created_at=position.created_at,
        updated_at=position.updated_at,
        version=position.version,
    )


def fill_view(fill: Fill) -> FillView:
    """A fill."""
    return FillView(
        exec_id=fill.exec_id,
        position_id=fill.position_id,
        leg_id=fill.leg_id,
        run_id=fill.run_id,
        symbol=fill.symbol,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        at=fill.at,
        client_order_id=fill.client_order_id,
        venue_order_id=fill.venue_order_id,
        fee_value=fill.fee_value,
        fee_value_stale=fill.fee_value_stale,
        entry=fill.entry or None,
    )


def release_view(release: Release) -> ReleaseView:
    """A coin that left a position for the user's own."""
    return ReleaseView(
        asset=release.asset,
        symbol=release.symbol,
        quantity=release.quantity,
        why=release.why.value,
        at=release.at,
        entry=release.entry,
    )


def flow_view(flow: AccountFlow) -> FlowView:
    """What happened on an account beside our orders."""
    return FlowView(
        flow_id=flow.flow_id,
        kind=flow.kind,
        venue_type=flow.venue_type,
        asset=flow.asset,
        amount=flow.amount,
        symbol=flow.symbol,
        price=flow.price,
        counter_asset=flow.counter_asset,
        counter_amount=flow.counter_amount,
        fee=flow.fee,
        fee_asset=flow.fee_asset,
        at=flow.at,
        booked_at=flow.booked_at,
    )


def shortage_view(shortage: Shortage, shares: Mapping[UUID, Decimal]) -> ShortageView:
    """Coins that are missing, and who bears what."""
    return ShortageView(
        shortage_id=shortage.shortage_id,
        account_id=shortage.account_id,
        asset=shortage.asset,
        quantity=shortage.quantity,
        state=shortage.state.value,
        how=shortage.how,
        shares=[
            ShortageShare(position_id=position_id, quantity=quantity)
            for position_id, quantity in sorted(shares.items(), key=lambda share: share[0].int)
        ],
        found_at=shortage.found_at,
        changed_at=shortage.changed_at,
        version=shortage.version,
    )


def plan_view(plan: Plan) -> PlanView:
    """A plan."""
    return PlanView(
        plan_id=plan.plan_id,
        user_id=plan.user_id,
        account_id=plan.account_id,
        environment=plan.environment,
        kind=plan.kind.value,  # type: ignore[arg-type]  # pydantic checks the word
        index_id=plan.index_id,
        index_version=plan.index_version,
        position_id=plan.position_id,
        amount=plan.amount,
        legs=[_plan_leg(line) for line in plan.legs],
        total_notional=plan.total_notional,
        total_fee=plan.total_fee,
        cash_after=plan.cash_after,
        available=plan.available,
        minimum_amount=plan.minimum_amount,
        price_band=plan.price_band,
        ceilings=[_ceiling(line) for line in plan.to_send],
        warnings=plan.warnings,
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        executable=plan.executable,
        position_version=plan.position_version,
        total_buy=plan.total(Side.BUY),
        total_sell=plan.total(Side.SELL),
        drift_before=plan.drift_before,
        drift_after=plan.drift_after,
        slippage=plan.slippage,
        slippage_max=plan.slippage_max,
        changes=[TargetChange(asset=one.asset, before=one.before, after=one.after) for one in plan.changes],
        options=_options(plan.options),
        policy=plan.policy,
    )


def _options(options: domain.PlanOptions | None) -> PlanOptions | None:
    if options is None:
        return None
    return PlanOptions(
        mode=options.mode.value,
        exclude=list(options.exclude),
        absolute_band=options.absolute_band,
        relative_band=options.relative_band,
    )


def options_of(asked: PlanOptions) -> domain.PlanOptions:
    """What a person chose."""
    return domain.PlanOptions(
        mode=Mode(asked.mode),
        exclude=tuple(asked.exclude),
        absolute_band=asked.absolute_band,
        relative_band=asked.relative_band,
    )


def _plan_leg(line: PlanLine) -> PlanLeg:
    return PlanLeg.model_validate(
        {
            "number": line.number,
            "symbol": line.symbol,
            "base_asset": line.base_asset,
            "side": line.side,
            "target_weight": line.target_weight,
            "effective_weight": line.effective_weight,
            "quantity": line.quantity,
            "estimated_price": line.estimated_price,
            "limit_price": line.limit_price,
            "notional": line.notional,
            "max_notional": line.max_notional,
            "fee": line.fee,
            "fee_asset": line.fee_asset,
            "price_at": line.price_at,
            "check": line.check,
            "reason": line.reason,
            "required_amount": line.required_amount,
            "weight_before": line.weight_before,
            "weight_after": line.weight_after,
            "book_price": line.book_price,
            "book_notional": line.book_notional,
            "largest_amount": line.largest_amount,
            "slippage": line.slippage,
        }
    )


def _ceiling(line: PlanLine) -> Ceiling:
    return Ceiling(
        symbol=line.symbol,
        side=line.side,
        max_quantity=line.quantity,
        max_notional=line.max_notional,
        limit_price=line.limit_price,
        reference_price=line.estimated_price,
        priced_at=line.price_at,
    )
