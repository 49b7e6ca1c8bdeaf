"""Whose turn it is in a run: sells first, then buys, sized again from what the sells brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from execution.domain.leg import Leg
from shared.trading.money import EXACT, ONE, ZERO, ceil_to_lot, exact_product, exact_sum, floor_to_lot
from shared.trading.status import LegStatus, Side


def due(legs: Sequence[Leg]) -> list[Leg]:
    """Legs that may be sent now, for the first time or again: no buy before the fate of every sell of the run is known."""
    planned = [leg for leg in legs if leg.to_send]
    sells = [leg for leg in planned if leg.side is Side.SELL]
    if sells:
        return sells
    unsettled = any(leg.side is Side.SELL and not leg.settled for leg in legs)
    return [] if unsettled else planned


def most(legs: Sequence[Leg]) -> Decimal:
    """What buys may cost at most, quote units."""
    return exact_sum([exact_product(leg.quantity, leg.limit_price) for leg in legs])


def afforded(legs: Sequence[Leg], money: Decimal, *, factor: Decimal) -> list[Leg]:
    """Planned buys cut to the money at hand, never above what was planned.

    Args:
        legs: Planned buys.
        money: Quote units that they may cost together at most.
        factor: A buy below this times the venue's minimum could not be sold again: the smallest ends instead.

    Returns:
        The same legs: smaller, or ended with `proceeds_too_small`.
    """
    kept = {leg.leg_id: leg for leg in legs}
    ended: dict[object, Leg] = {}
    while kept:
        cut = [_cut(leg, _scale(list(kept.values()), money)) for leg in kept.values()]
        small = [leg for leg in cut if leg.quantity < _smallest(leg, factor)]
        if not small:
            return [ended.get(leg.leg_id) or next(one for one in cut if one.leg_id == leg.leg_id) for leg in legs]
        least = min(small, key=lambda leg: (most([kept[leg.leg_id]]), leg.symbol))
        ended[least.leg_id] = kept.pop(least.leg_id).ended(LegStatus.CANCELLED, reason="proceeds_too_small")
    return [ended[leg.leg_id] for leg in legs]


def _scale(legs: Sequence[Leg], money: Decimal) -> Decimal:
    whole = most(legs)
    with localcontext(EXACT):
        return min(ONE, max(money, ZERO) / whole) if whole > ZERO else ZERO


def _cut(leg: Leg, scale: Decimal) -> Leg:
    if scale >= ONE:
        return leg
    with localcontext(EXACT):
        quantity = floor_to_lot(leg.quantity * scale, lot_size=leg.lot_size)
    return replace(leg, quantity=quantity, version=leg.version + 1)


def _smallest(leg: Leg, factor: Decimal) -> Decimal:
    with localcontext(EXACT):
        worth = ceil_to_lot(factor * leg.min_notional / leg.limit_price, lot_size=leg.lot_size)
    return max(worth, leg.min_quantity, leg.lot_size)
