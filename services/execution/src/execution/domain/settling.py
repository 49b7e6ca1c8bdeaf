"""When a run is over, and what its position becomes by the kind of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from execution.domain.close_plan import sellable
from execution.domain.leg import Leg
from execution.domain.position import PositionHolding
from shared.trading.money import ZERO
from shared.trading.status import LegStatus, PositionStatus, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What settling a run does to its position.

    Attributes:
        residuals: Base units per asset that move to the user's own coins.
    """

    status: PositionStatus
    complete: bool
    reasons: tuple[str, ...] = ()
    blocked_reason: str | None = None
    residuals: dict[str, Decimal] = field(default_factory=dict)


def all_settled(legs: Sequence[Leg]) -> bool:
    """Whether no leg of the run can still move by itself."""
    return all(leg.settled for leg in legs)


def settle_buy(legs: Sequence[Leg]) -> Settlement:
    """Keep what filled (HOLD): ACTIVE when anything was bought or may have been, else FAILED."""
    wanted = [leg for leg in legs if leg.status is not LegStatus.SKIPPED]
    missing = [leg for leg in wanted if leg.status is not LegStatus.FILLED]
    reasons = tuple(_reason(leg) for leg in missing)
    bought = any(leg.filled_quantity > ZERO or leg.status is LegStatus.NEEDS_ATTENTION for leg in wanted)
    return Settlement(
        status=PositionStatus.ACTIVE if bought else PositionStatus.FAILED,
        complete=bought and not missing,
        reasons=reasons,
    )


def settle_standing(legs: Sequence[Leg], holdings: Sequence[PositionHolding]) -> Settlement:
    """ACTIVE whatever became of the legs; dust of what is no constituent any more moves to the user's own coins."""
    wanted = [leg for leg in legs if leg.status is not LegStatus.SKIPPED]
    missing = [leg for leg in wanted if leg.status is not LegStatus.FILLED]
    by_symbol = {leg.symbol: leg for leg in legs if leg.side is Side.SELL}
    dropped = [holding for holding in holdings if holding.quantity > ZERO and holding.target_weight <= ZERO]
    residuals = {
        holding.asset: holding.quantity
        for holding in dropped
        if holding.symbol in by_symbol and _only_dust(by_symbol[holding.symbol], holding.quantity)
    }
    return Settlement(
        status=PositionStatus.ACTIVE,
        complete=not missing,
        reasons=tuple(_reason(leg) for leg in missing),
        residuals=residuals,
    )


def settle_close(legs: Sequence[Leg], holdings: Sequence[PositionHolding]) -> Settlement:
    """CLOSED when nothing sellable is left; what cannot be sold moves to the user's own coins."""
    by_symbol = {leg.symbol: leg for leg in legs}
    residuals: dict[str, Decimal] = {}
    blocked: list[str] = []
    for holding in holdings:
        if holding.quantity <= ZERO:
            continue
        leg = by_symbol.get(holding.symbol)
        if leg is not None and _only_dust(leg, holding.quantity):
            residuals[holding.asset] = holding.quantity
        else:
            blocked.append(_reason(leg) if leg else f"{holding.symbol}:not_in_plan")
    blocked += [_reason(leg) for leg in legs if leg.status is LegStatus.NEEDS_ATTENTION and _reason(leg) not in blocked]
    if blocked:
        return Settlement(
            status=PositionStatus.ACTIVE, complete=False, reasons=tuple(blocked), blocked_reason=blocked[0]
        )
    return Settlement(status=PositionStatus.CLOSED, complete=True, residuals=residuals)


def settle_unwind(
    legs: Sequence[Leg], holdings: Sequence[PositionHolding], *, ends: bool, reasons: tuple[str, ...]
) -> Settlement:
    """What unwinding leaves: an opening run's position ends, one that stood before stands again; both say why.

    Args:
        legs: The selling legs.
        holdings: What the position holds now.
        ends: Whether the position was opened by the run that is unwound.
        reasons: Why it is unwound.
    """
    settlement = settle_close(legs, holdings) if ends else settle_standing(legs, holdings)
    return replace(settlement, complete=False, reasons=tuple(dict.fromkeys((*reasons, *settlement.reasons))))


def _only_dust(leg: Leg, rest: Decimal) -> bool:
    if leg.status is LegStatus.NEEDS_ATTENTION or leg.limit_price <= ZERO or leg.lot_size <= ZERO:
        return False
    return not sellable(
        rest,
        price=leg.limit_price,
        lot_size=leg.lot_size,
        min_quantity=leg.min_quantity,
        min_notional=leg.min_notional,
    )


def _reason(leg: Leg) -> str:
    return f"{leg.symbol}:{leg.reason or leg.status.value.lower()}"
