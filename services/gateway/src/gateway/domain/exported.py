"""What leaves as a table: orders and fills with the position that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from uuid import UUID

from shared.trading.money import EXACT
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedOrder:
    """One leg of a run; quantities in base units, prices in quote per base, notional in quote units."""

    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    run_id: UUID
    number: int
    leg_id: UUID
    symbol: str
    base_asset: str
    side: Side
    status: LegStatus
    reason: str | None
    target_weight: Decimal
    quantity: Decimal
    limit_price: Decimal
    arrival_price: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    notional: Decimal
    fee: Decimal
    fee_asset: str | None
    residual: Decimal
    client_order_id: str | None
    venue_order_id: str | None

    @property
    def slippage(self) -> Decimal | None:
        """Quote units against the arrival price, above zero a cost on both sides; None when that is not known."""
        if self.arrival_price is None or not self.filled_quantity:
            return None
        with localcontext(EXACT):
            paid = self.notional - self.arrival_price * self.filled_quantity
            return paid if self.side is Side.BUY else -paid


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFill:
    """One match at the venue."""

    at: datetime
    exec_id: str
    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    position_status: PositionStatus
    run_id: UUID
    leg_id: UUID
    symbol: str
    base_asset: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    client_order_id: str
    venue_order_id: str

    @property
    def notional(self) -> Decimal:
        """Price × quantity, quote units."""
        with localcontext(EXACT):
            return self.price * self.quantity

    @property
    def fee_in_quote(self) -> bool:
        """Whether the fee was taken in the coin that pays."""
        return self.symbol == f"{self.base_asset}{self.fee_asset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRelease:
    """A coin that left a position for the user's own without a sale of ours; `why` as execution says it."""

    at: datetime
    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    position_status: PositionStatus
    symbol: str
    base_asset: str
    quantity: Decimal
    why: str
