"""Prices of what is unwound are made when an order is sent: the market's of that moment, within the band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from execution.application.ports import Market
from execution.domain.leg import Leg
from execution.domain.position import Run, RunKind
from execution.domain.price_band import limit_price
from shared.trading.errors import Unavailable
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote


async def rules_for(market: Market, run: Run, legs: Sequence[Leg]) -> Mapping[str, Instrument]:
    """The venue's rules by symbol, for a run whose prices are made when it sends; nothing for any other."""
    if run.kind is not RunKind.UNWIND:
        return {}
    try:
        return await market.instruments(run.environment, {leg.symbol for leg in legs})
    except Unavailable:
        return {}  # then the price of the purchase, less the band, stays the worst one


def at_market(leg: Leg, quote: Quote | None, rules: Instrument | None, *, band: Decimal) -> Leg:
    """The leg at the worst price that is acceptable now; as it was where nothing is known."""
    if quote is None or rules is None:
        return leg
    return replace(leg, limit_price=limit_price(quote, side=leg.side, band=band, tick_size=rules.tick_size))
