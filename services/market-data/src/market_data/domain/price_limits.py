"""Beyond which prices the venue refuses orders: it moves with the market, so what was read says nothing for long."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from shared.trading.instrument import Instrument
from shared.trading.money import EXACT, ONE, ceil_to_tick, floor_to_tick
from shared.trading.quote import Quote

FRESH_S = 30.0
"""An older limit is not told."""
MOVED = Decimal("0.25")
"""A limit that was read is believed while the price lies this near the middle of both, of half their distance.

An order uses three quarters of the room up to a limit, so it stays inside although the limit has moved so far.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLimit:
    """One pair's; prices in quote per base, None where the venue tells none."""

    symbol: str
    highest_buy: Decimal | None
    lowest_sell: Decimal | None

    def fits(self, mid: Decimal) -> bool:
        """Whether the price is still about where it was when the venue said this; one side alone cannot tell."""
        if self.highest_buy is None or self.lowest_sell is None:
            return True
        with localcontext(EXACT):
            reach = (self.highest_buy - self.lowest_sell) / 2
            return abs(mid - self.lowest_sell - reach) <= reach * MOVED


def by_ratio(quote: Quote, instrument: Instrument) -> PriceLimit | None:
    """What the venue's published ratio makes of the newest price (Bybit v5 guide, 6.7: index, ratio and premium).

    Of the venue's own figures the mid stands for index and premium. None without a ratio or a price on both sides.
    """
    mid, ratio = quote.mid(), instrument.price_limit_ratio
    if mid is None or ratio is None:
        return None
    with localcontext(EXACT):
        return PriceLimit(
            symbol=quote.symbol,
            highest_buy=floor_to_tick(mid * (ONE + ratio), tick_size=instrument.tick_size),
            lowest_sell=ceil_to_tick(mid * (ONE - ratio), tick_size=instrument.tick_size),
        )
