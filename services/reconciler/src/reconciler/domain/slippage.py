"""What trading cost against the price at which it was decided: above zero is worse for the user, on both sides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from uuid import UUID

from shared.trading.money import EXACT, ZERO, exact_product, truncate
from shared.trading.status import Side

BPS = Decimal(10_000)
BPS_PLACES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LegResult:
    """What one leg of a run traded.

    Attributes:
        arrival_price: Mid of the book when the plan was made, quote per base; None when there was none.
        quantity: Matched, base units.
        notional: Σ price × quantity of its matches, quote units: how they are split does not matter.
        version: A newer one replaces an older one.
    """

    leg_id: UUID
    run_id: UUID
    symbol: str
    side: Side
    arrival_price: Decimal | None
    quantity: Decimal
    notional: Decimal
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage:
    """Of many legs; quote units.

    Attributes:
        cost: Above zero is a cost: bought above, or sold below the arrival price. Fees are not in it.
        bps: The cost in ten-thousandths of what the same quantities were worth at arrival; None without any.
        traded: Notional that it was measured on.
        unmeasured: Notional of legs without an arrival price.
    """

    cost: Decimal
    bps: Decimal | None
    traded: Decimal
    unmeasured: Decimal


def slippage_of(legs: Iterable[LegResult]) -> Slippage:
    """Add up what legs cost against their arrival prices."""
    cost = arrival = traded = unmeasured = ZERO
    with localcontext(EXACT):
        for leg in legs:
            if leg.arrival_price is None:
                unmeasured += leg.notional
                continue
            fair = exact_product(leg.arrival_price, leg.quantity)
            cost += leg.notional - fair if leg.side is Side.BUY else fair - leg.notional
            arrival += fair
            traded += leg.notional
        bps = truncate(cost / arrival * BPS, places=BPS_PLACES) if arrival else None
    return Slippage(cost=cost, bps=bps, traded=traded, unmeasured=unmeasured)
