"""Prices that are made when an order is sent: of what is unwound, and of what the venue's own limits have passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from execution.application.ports import Market
from execution.domain.leg import Leg
from execution.domain.position import Run, RunKind
from execution.domain.price_band import beyond_venue, inside_venue, limit_price
from shared.trading.errors import Unavailable
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote


async def rules_for(
    market: Market, run: Run, legs: Sequence[Leg], quotes: Mapping[str, Quote]
) -> Mapping[str, Instrument]:
    """The venue's rules of the legs whose prices are made now; nothing for any other."""
    wanted = {leg.symbol for leg in legs if run.kind is RunKind.UNWIND or _beyond(leg, quotes.get(leg.symbol))}
    if not wanted:
        return {}
    try:
        return await market.instruments(run.environment, wanted)
    except Unavailable:
        return {}  # then the price of the plan, or of the purchase less the band, stays


def _beyond(leg: Leg, quote: Quote | None) -> bool:
    return quote is not None and beyond_venue(quote, side=leg.side, limit=leg.limit_price)


def at_market(run: Run, leg: Leg, quote: Quote | None, rules: Instrument | None, *, band: Decimal) -> Leg:
    """A leg that is unwound, at the worst price that is acceptable now; every other one, and without news, as it was."""
    if run.kind is not RunKind.UNWIND or quote is None or rules is None:
        return leg
    return replace(leg, limit_price=limit_price(quote, side=leg.side, band=band, tick_size=rules.tick_size))


def at_venue(leg: Leg, quote: Quote | None, rules: Instrument | None) -> Leg:
    """The leg as this attempt orders it: at its own worst price, or a better one where the venue would refuse that."""
    if quote is None or rules is None:
        return leg
    limit = inside_venue(quote, side=leg.side, limit=leg.limit_price, tick_size=rules.tick_size)
    return leg if limit == leg.limit_price else replace(leg, limit_price=limit)
