"""A spot pair as the venue lists it, with what the simulated market needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from paper_exchange.domain.exact import mul, whole_steps

MIN_AMOUNT = Decimal(5)
"""Smallest order value in quote units: 5 USDT (Bybit's `minOrderAmt` in 2025)."""


@dataclass(frozen=True, kw_only=True)  # without slots, so that figures worked out once stay with it
class Listing:
    """One spot pair.

    Attributes:
        tick_size: Smallest step of price, quote per base.
        lot_size: Smallest step of quantity, base units (Bybit `basePrecision`).
        min_quantity: Shown as `minOrderQty`; the venue itself checks the value only.
        base_price: Where a fresh world starts, quote per base.
        daily_volatility_bps: Standard deviation of a day's move.
        depth: Quote units standing on each side of the book.
        min_amount: Smallest order, quote units.
        max_amount: Largest order, quote units.
        ratio_x: Inner price band, shown in the rules.
        ratio_y: Outer price band, enforced (fraction of the mid price).
        tracks: Base coin whose price this one follows, times `tracks_ratio`; empty when it moves by itself.
    """

    symbol: str
    base: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    base_price: Decimal
    daily_volatility_bps: int
    depth: Decimal
    max_amount: Decimal
    ratio_x: Decimal
    ratio_y: Decimal
    symbol_type: str = ""
    min_amount: Decimal = MIN_AMOUNT
    tracks: str = ""
    tracks_ratio: Decimal = Decimal(1)
    quote: str = "USDT"

    @cached_property
    def quote_precision(self) -> Decimal:
        """Smallest step of a quote amount: lot × tick, as the recorded rules show."""
        return mul(self.lot_size, self.tick_size)

    @cached_property
    def max_limit_quantity(self) -> Decimal:
        """Largest limit order, base units: the largest amount at the base price, in whole lots."""
        return mul(
            Decimal(whole_steps(self.max_amount, step=mul(self.base_price, self.lot_size))),
            self.lot_size,
        )

    @cached_property
    def max_market_quantity(self) -> Decimal:
        """Largest market order, base units: half of the largest limit order."""
        return mul(Decimal(whole_steps(self.max_limit_quantity, step=self.lot_size) // 2), self.lot_size)

    def price_of(self, ticks: int) -> Decimal:
        """The price of a number of ticks, quote per base."""
        return mul(Decimal(ticks), self.tick_size)

    def quantity_of(self, lots: int) -> Decimal:
        """The quantity of a number of lots, base units."""
        return mul(Decimal(lots), self.lot_size)
