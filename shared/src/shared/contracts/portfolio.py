"""Events of the reconciler: what positions are worth and where books and venue disagree."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, DecimalText, EventData, Moment
from shared.trading.status import BreakClass, VenueEnvironment


class HoldingValue(Contract):
    """One coin of a position, valued."""

    symbol: str
    asset: str
    quantity: DecimalText
    cost: DecimalText
    mark: DecimalText
    """Quote per base; mid of a fresh two-sided quote, else the last trade (`mark_stale`)."""
    mark_stale: bool
    value: DecimalText
    realised: DecimalText
    unrealised: DecimalText
    weight: DecimalText
    target_weight: DecimalText
    drift: DecimalText
    """weight - target_weight, a signed fraction."""


class PnlUpdated(EventData):
    """A position's value changed. All amounts in `currency` units."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    at: Moment
    currency: str = "USDT"
    value: DecimalText
    """Of the coins at their marks."""
    cash: DecimalText = Decimal(0)
    """The position's own quote money; what the position is worth is value + cash."""
    cost: DecimalText
    realised: DecimalText
    unrealised: DecimalText
    pnl: DecimalText
    """realised + unrealised."""
    fees: DecimalText
    """Shown, not subtracted again: they are inside cost and realised already."""
    holdings: list[HoldingValue]
    max_abs_drift: DecimalText
    turnover: DecimalText
    """Half the sum of absolute drifts, a fraction."""
    source: Literal["reconciliation", "revaluation"]
    reconciled_at: Moment | None = None
    """When the books were last proved against the venue."""


class DriftItem(Contract):
    """One constituent outside its band."""

    symbol: str
    weight: DecimalText
    target_weight: DecimalText
    drift: DecimalText


class DeviationDetected(EventData):
    """A position left its band: |drift| ≥ 5 points or ≥ 25 % of the target (settings)."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    at: Moment
    items: list[DriftItem]
    absolute_threshold: DecimalText
    relative_threshold: DecimalText


class DeviationCleared(EventData):
    """A position came back below 80 % of the thresholds."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    at: Moment


class BreakFound(EventData):
    """Our books and the venue's disagree, or did (status `resolved`)."""

    break_id: UUID
    user_id: UUID
    account_id: UUID
    position_id: UUID | None = None
    break_class: BreakClass
    status: Literal["open", "resolved", "expected"]
    asset: str | None = None
    ours: DecimalText | None = None
    theirs: DecimalText | None = None
    difference: DecimalText | None = None
    detail: str
    at: Moment
