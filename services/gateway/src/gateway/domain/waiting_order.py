"""An order that waits for a person, of whichever user."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOrder:
    """What an operator needs to look it up at the venue: quantities in base units, the price in quote per base."""

    client_order_id: str
    user_id: UUID
    position_id: UUID
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    filled_quantity: Decimal
    reason: str | None
