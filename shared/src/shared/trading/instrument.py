"""An instrument and the venue's rules for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A spot pair as the venue lists it.

    Attributes:
        symbol: The venue's name, such as `BTCUSDT`.
        lot_size: Smallest step of quantity, base-asset units (Bybit `basePrecision`).
        tick_size: Smallest step of price, quote per base.
        min_quantity: Smallest order, base-asset units.
        min_notional: Smallest order, quote units (Bybit `minOrderAmt`).
        max_limit_quantity: Largest limit order, base-asset units.
        trading: Whether the venue takes orders for it now.
        price_limit_ratio: How far from its price an order may be, a fraction; None where the venue tells none.
    """

    symbol: str
    base: str
    quote: str
    lot_size: Decimal
    tick_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    max_limit_quantity: Decimal
    trading: bool = True
    price_limit_ratio: Decimal | None = None
