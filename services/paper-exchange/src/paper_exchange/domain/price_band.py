"""How far from the index a spot order's price may lie."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.exact import add, mul, sub
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.refusal import Refused
from shared.trading.money import ONE, ZERO, ceil_to_tick, floor_to_tick, plain


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The lowest price of a sell and the highest of a buy, quote per base, on the tick grid."""

    low: Decimal
    high: Decimal

    def check(self, side: str, price: Decimal) -> None:
        """Refuse a limit price beyond the band.

        Raises:
            Refused: 170372 for a buy, 170371 for a sell.
        """
        if side == "Buy" and price > self.high:
            raise Refused(170372, f"Order price cannot be higher than {plain(self.high)}, the price limitation")
        if side == "Sell" and price < self.low:
            raise Refused(170371, f"Order price cannot be lower than {plain(self.low)}, the price limitation.")

    def worst(self, side: str) -> Decimal:
        """The price at which a market order stops."""
        return self.high if side == "Buy" else self.low


def price_band(listing: Listing, index: Decimal, *, inner: bool, premium: Decimal = ZERO) -> PriceBand:
    """The band around an index price, by the venue's formula.

    A buy may reach min(max(index, index × (1 + X) + premium), index × (1 + Y)), a sell the mirror image.

    Args:
        listing: Holds X (`ratio_x`) and Y (`ratio_y`).
        index: Quote per base.
        inner: Whether X counts; without it Y alone decides.
        premium: Two-minute mean of price minus index, quote per base.
    """
    high = mul(index, add(ONE, listing.ratio_y))
    low = mul(index, sub(ONE, listing.ratio_y))
    if inner:
        high = min(max(index, add(mul(index, add(ONE, listing.ratio_x)), premium)), high)
        low = max(min(index, add(mul(index, sub(ONE, listing.ratio_x)), premium)), low)
    return PriceBand(ceil_to_tick(low, tick_size=listing.tick_size), floor_to_tick(high, tick_size=listing.tick_size))
