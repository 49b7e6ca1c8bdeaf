"""The worst acceptable price of a leg: inside the band, on the tick grid, never worse for nothing."""

from __future__ import annotations

from decimal import Decimal, localcontext

from shared.trading.money import EXACT, ONE, ceil_to_tick, floor_to_tick
from shared.trading.quote import Quote
from shared.trading.status import Side

ROOM_USED = Decimal("0.75")
"""Of the room between the best price and the venue's limit: the limit moves with the market until the order is there."""


def limit_price(quote: Quote, *, side: Side, band: Decimal, tick_size: Decimal) -> Decimal:
    """The limit price of an immediate-or-cancel order.

    Args:
        quote: A two-sided quote.
        side: Which way the leg trades.
        band: Largest accepted distance from the best price, a fraction.
        tick_size: Quote per base.

    Returns:
        Buys: best ask × (1 + band), well inside the venue's own limit where it is known, floored to the tick, but not
        below the ask. Sells: mirrored at the bid. A venue whose limit lies inside its own spread refuses the order.
    """
    with localcontext(EXACT):
        if side is Side.BUY:
            highest = quote.ask * (ONE + band)
            if quote.buy_limit is not None:
                highest = min(highest, quote.ask + (quote.buy_limit - quote.ask) * ROOM_USED)
            return max(floor_to_tick(highest, tick_size=tick_size), quote.ask)
        lowest = quote.bid * (ONE - band)
        if quote.sell_limit is not None:
            lowest = max(lowest, quote.bid - (quote.bid - quote.sell_limit) * ROOM_USED)
        return min(ceil_to_tick(lowest, tick_size=tick_size), quote.bid)


def still_in_band(quote: Quote, *, side: Side, limit: Decimal) -> bool:
    """Whether an order at `limit` would still meet the best price: the limit IS the end of the band."""
    return quote.ask <= limit if side is Side.BUY else quote.bid >= limit
