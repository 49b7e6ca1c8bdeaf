"""The gateway's picture of a position: what execution and the reconciler said last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One instrument's part of a run; quantities in base units, notional in quote units."""

    leg_id: UUID
    position_id: UUID
    run_id: UUID
    number: int
    symbol: str
    base_asset: str
    side: Side
    status: LegStatus
    reason: str | None
    target_weight: Decimal
    quantity: Decimal
    limit_price: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    notional: Decimal
    fee: Decimal
    fee_asset: str | None
    residual: Decimal
    client_order_id: str | None
    venue_order_id: str | None
    version: int
    arrival_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One match at the venue."""

    exec_id: str
    account_id: UUID
    position_id: UUID
    leg_id: UUID
    run_id: UUID
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime
    client_order_id: str
    venue_order_id: str
    entry: int | None = None
    """Number of the change that it made to its coin in its position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A coin that left a position for the user's own without a sale of ours.

    Attributes:
        why: `residual`, `sold` or `withdrawn`.
        entry: Number of the change that it made to its coin in its position.
    """

    position_id: UUID
    asset: str
    symbol: str
    quantity: Decimal
    why: str
    at: datetime
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position without its legs; amounts in quote units.

    Attributes:
        plan_id: The plan that opened it.
        contributed: What came in from the account's free money; `withdrawn` went back to it.
        cash: Quote money that is the position's own.
        trading_paused: Why nothing trades on it by itself.
        version: Of execution's newest word; 0 while only the gateway knows it.
    """

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    plan_id: UUID | None
    index_id: str
    index_version: int | None
    status: PositionStatus
    complete: bool | None
    reasons: list[str]
    blocked_reason: str | None
    trading_paused: str | None = None
    policy: str
    run_id: UUID | None
    run_kind: str | None
    approved_amount: Decimal
    invested: Decimal
    proceeds: Decimal
    contributed: Decimal = Decimal(0)
    withdrawn: Decimal = Decimal(0)
    cash: Decimal = Decimal(0)
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What a position was worth at `at`; amounts in `currency` units, drifts as signed fractions.

    Attributes:
        value: Of its coins; what it is worth is `value` + `cash`, its own quote money then.
    """

    position_id: UUID
    user_id: UUID
    at: datetime
    currency: str
    value: Decimal
    cost: Decimal
    realised: Decimal
    unrealised: Decimal
    pnl: Decimal
    fees: Decimal
    holdings: list[dict[str, Any]]
    """As the event listed them, one per coin; decimals as text."""
    max_abs_drift: Decimal
    turnover: Decimal
    source: str
    reconciled_at: datetime | None
    version: int
    cash: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Whether a position is outside its band, and which constituents are."""

    position_id: UUID
    user_id: UUID
    active: bool
    items: list[dict[str, Any]]
    at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSummary:
    """A position with its newest value."""

    position: Position
    valuation: Valuation | None
    deviation: Deviation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDetail:
    """Everything that is known about one position; legs by run and number, fills oldest first."""

    summary: PositionSummary
    legs: list[Leg]
    fills: list[Fill]
