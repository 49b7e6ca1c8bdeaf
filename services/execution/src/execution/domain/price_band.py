"""The worst acceptable price of a leg: inside the band, on the tick grid, never worse for nothing."""

from __future__ import annotations

from decimal import Decimal, localcontext

from shared.trading.money import EXACT, ONE, ZERO, ceil_to_tick, floor_to_tick
from shared.trading.quote import Quote
from shared.trading.status import Side

ROOM_USED = Decimal("0.75")
"""Of the room between the best price and the venue's limit: the limit moves with the market until the order is there."""


PRICE_LIMIT = "price_limit"
"""How the reason of a leg begins whose price the venue refused, being beyond its own limits."""


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


def beyond_venue(quote: Quote, *, side: Side, limit: Decimal) -> bool:
    """Whether the venue would refuse an order at `limit`, as far as its own limits are known."""
    if side is Side.BUY:
        return quote.buy_limit is not None and limit > quote.buy_limit
    return quote.sell_limit is not None and limit < quote.sell_limit


def inside_venue(quote: Quote, *, side: Side, limit: Decimal, tick_size: Decimal) -> Decimal:
    """A limit price that the venue takes now: as it was, or better for the user, never worse.

    Args:
        quote: With the venue's own limits, where they are known.
        side: Which way the order trades.
        limit: The worst price that was approved.
        tick_size: Quote per base.

    Returns:
        `limit` where the venue takes it; else the price well inside the venue's limit, or at that limit itself when the
        best price is beyond it.
    """
    if not beyond_venue(quote, side=side, limit=limit):
        return limit
    with localcontext(EXACT):
        if side is Side.BUY and quote.buy_limit is not None:
            room = max(quote.buy_limit - quote.ask, ZERO) * (ONE - ROOM_USED)
            return min(floor_to_tick(quote.buy_limit - room, tick_size=tick_size), limit)
        if quote.sell_limit is not None:
            room = max(quote.bid - quote.sell_limit, ZERO) * (ONE - ROOM_USED)
            return max(ceil_to_tick(quote.sell_limit + room, tick_size=tick_size), limit)
        return limit
