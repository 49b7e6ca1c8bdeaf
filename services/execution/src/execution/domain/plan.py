"""A plan: what will be sent, what it can cost at most, and until when it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.domain.position import RunKind
from shared.trading.money import ZERO, exact_product, exact_sum
from shared.trading.status import Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One leg of a plan; quantities in base units, prices in quote per base.

    Attributes:
        arrival_price: Mid of the book when the plan was made: what slippage is measured against; None without a book.
        check: `ok`, or why nothing is sent: `too_small`, `not_trading`, `no_price`, `residual`.
        required_amount: Whole-plan amount (quote units) at which the leg would no longer be too small.
    """

    number: int
    symbol: str
    base_asset: str
    quote_asset: str
    side: Side
    target_weight: Decimal
    effective_weight: Decimal
    quantity: Decimal
    estimated_price: Decimal
    limit_price: Decimal
    fee: Decimal
    fee_asset: str
    price_at: datetime
    check: str
    reason: str | None = None
    required_amount: Decimal | None = None
    lot_size: Decimal = ZERO
    min_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    arrival_price: Decimal | None = None

    @property
    def notional(self) -> Decimal:
        """Quantity × estimated price, quote units."""
        return exact_product(self.quantity, self.estimated_price)

    @property
    def max_notional(self) -> Decimal:
        """Quantity × limit price, quote units."""
        return exact_product(self.quantity, self.limit_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An immutable plan, executed at most once; money in quote units."""

    plan_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: RunKind
    index_id: str
    index_version: int
    position_id: UUID | None = None
    amount: Decimal
    legs: list[PlanLine]
    available: Decimal
    minimum_amount: Decimal
    price_band: Decimal
    fee_rate: Decimal
    warnings: list[str] = field(default_factory=list)
    created_at: datetime
    expires_at: datetime

    @property
    def total_notional(self) -> Decimal:
        """Σ notional of the legs."""
        return exact_sum([leg.notional for leg in self.legs])

    @property
    def total_fee(self) -> Decimal:
        """Estimated fees at fill-time value."""
        return exact_product(self.total_notional, self.fee_rate)

    @property
    def cash_after(self) -> Decimal:
        """What stays unspent at least."""
        if self.kind is RunKind.CLOSE:
            return ZERO
        return self.amount - exact_sum([leg.max_notional for leg in self.legs])

    @property
    def to_send(self) -> list[PlanLine]:
        """The legs that become orders."""
        return [leg for leg in self.legs if leg.check == "ok"]
