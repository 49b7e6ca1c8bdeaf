"""What unwinding a run sells: what this very run bought, and never beyond what its position holds free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from execution.domain.close_plan import sellable
from execution.domain.errors import PolicyNotForThis
from execution.domain.leg import Leg
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import Run, RunKind, RunState
from shared.trading.money import EXACT, ONE, ZERO, exact_sum, truncate
from shared.trading.policy import UNWIND_WITHIN, LegPolicy, unwinding
from shared.trading.status import LegStatus, Side

UNWOUND = "unwound"
"""The first reason on a position whose run was unwound."""
PRICE_PLACES = 18
_BUYS = frozenset({RunKind.BUY, RunKind.INVEST})
PATIENCE = timedelta(minutes=10)
"""Nothing is offered for sale for longer; the deadline of COMPLETE (five minutes by default) ends it before."""


def must_fit(policy: LegPolicy, kind: RunKind) -> None:
    """Check that a plan of this kind can have this policy.

    Raises:
        PolicyNotForThis: there would be nothing to sell again.
    """
    if policy is LegPolicy.UNWIND and kind not in _BUYS:
        raise PolicyNotForThis(
            f"UNWIND sells again what a plan bought: it belongs to buy and invest, not to {kind.value}. "
            "Choose HOLD or COMPLETE."
        )


def to_unwind(run: Run, legs: Sequence[Leg]) -> bool:
    """Whether a run whose legs are all settled is sold again: one failed for good, another one bought something.

    While the fate of an order is not known nothing is concluded: a person is called first.
    """
    if run.policy is not LegPolicy.UNWIND or run.kind not in _BUYS:
        return False
    if any(leg.status is LegStatus.NEEDS_ATTENTION for leg in legs):
        return False
    failed = any(leg.status not in {LegStatus.FILLED, LegStatus.SKIPPED} for leg in legs)
    return failed and any(leg.filled_quantity > ZERO for leg in legs)


def unwinding_run(run: Run, now: datetime) -> Run:
    """The run that sells again; the cash that came in with the purchase goes back with it."""
    return replace(
        run,
        run_id=unwinding(run.run_id),
        kind=RunKind.UNWIND,
        state=RunState.TRADING,
        policy=LegPolicy.COMPLETE,
        approved=ZERO,
        flow=ZERO,
        accepted_at=now,
        expires_at=min(now + PATIENCE, run.expires_at + UNWIND_WITHIN),
        settled_at=None,
    )


def unwinding_plan(bought: Plan, run: Run, legs: Sequence[Leg], held: Mapping[str, Decimal], now: datetime) -> Plan:
    """The stored plan of that run.

    Args:
        bought: The plan whose run failed.
        run: The run that sells.
        legs: The legs of the run that failed.
        held: Base units by coin that the position holds free.
        now: The moment.
    """
    lines = [
        _line(number, leg, held.get(leg.base_asset, ZERO), bought, now)
        for number, leg in enumerate(leg for leg in legs if leg.side is Side.BUY and leg.filled_quantity > ZERO)
    ]
    return replace(
        bought,
        plan_id=run.run_id,
        kind=RunKind.UNWIND,
        position_id=run.position_id,
        amount=exact_sum([line.notional for line in lines]),
        legs=lines,
        minimum_amount=ZERO,
        warnings=[],
        created_at=now,
        expires_at=run.expires_at,
        executable=True,
        position_version=None,
        cash_part=run.cash_part,
        drift_before=None,
        drift_after=None,
        changes=[],
        policy=LegPolicy.COMPLETE,
    )


def _line(number: int, leg: Leg, held: Decimal, plan: Plan, now: datetime) -> PlanLine:
    """Prices are those of the purchase: the desk takes the market's when it sends, within the same band."""
    paid = truncate(leg.average_price or leg.limit_price, places=PRICE_PLACES)
    with localcontext(EXACT):
        limit = truncate(paid * (ONE - plan.price_band), places=PRICE_PLACES)
    quantity = sellable(
        min(_received(leg), held),
        price=limit,
        lot_size=leg.lot_size,
        min_quantity=leg.min_quantity,
        min_notional=leg.min_notional,
    )
    with localcontext(EXACT):
        fee = quantity * paid * plan.fee_rate
    return PlanLine(
        number=number,
        symbol=leg.symbol,
        base_asset=leg.base_asset,
        quote_asset=leg.quote_asset,
        side=Side.SELL,
        target_weight=leg.target_weight,
        effective_weight=leg.target_weight,
        quantity=quantity,
        estimated_price=paid,
        limit_price=limit,
        fee=fee,
        fee_asset=leg.quote_asset,
        price_at=now,
        check="ok" if quantity else "residual",
        reason=None if quantity else "residual",
        lot_size=leg.lot_size,
        min_quantity=leg.min_quantity,
        min_notional=leg.min_notional,
        arrival_price=paid,
    )


def _received(leg: Leg) -> Decimal:
    """Base units that came in: a fee in the coin itself never did."""
    return leg.filled_quantity - (leg.fee if leg.fee_asset == leg.base_asset else ZERO)
