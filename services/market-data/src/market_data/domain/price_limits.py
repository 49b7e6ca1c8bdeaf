"""Beyond which prices the venue refuses orders: it moves with the market, so what is old says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

FRESH_S = 30.0
"""An older limit is not told: an order is then kept inside our own band alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLimit:
    """One pair's; prices in quote per base, None where the venue tells none."""

    symbol: str
    highest_buy: Decimal | None
    lowest_sell: Decimal | None
