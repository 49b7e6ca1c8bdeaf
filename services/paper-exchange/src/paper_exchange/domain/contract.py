"""A USDT perpetual as the venue lists it: its market data is served, it is not traded here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One linear perpetual, quoted and settled in USDT.

    Attributes:
        base: With its multiplier, as the venue names it: `1000BONK`.
        tracks: Base coin of the spot pair whose price it follows.
        tracks_ratio: Coins of `tracks` in one unit: 1000 for `1000BONK`.
        lot_size: Smallest step of quantity (`qtyStep`).
        max_quantity: Largest limit order, base units.
        max_market_quantity: Largest market order, base units.
        launch_ms: Epoch milliseconds; 0 where no record is known.
        funding_minutes: Time between two fundings.
        ratio_x: Inner price band.
        ratio_y: Outer price band.
    """

    symbol: str
    base: str
    tracks: str
    tracks_ratio: Decimal
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    max_leverage: Decimal
    launch_ms: int
    funding_minutes: int
    ratio_x: Decimal
    ratio_y: Decimal
    quote: str = "USDT"
