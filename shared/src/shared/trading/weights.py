"""Index weights: shares of a value, capped, spread iteratively, summing to exactly 1."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext

from shared.trading.errors import Invalid
from shared.trading.money import EXACT, ONE, ZERO, truncate

WEIGHT_PLACES = 12


class InfeasibleCap(Invalid):
    """The cap times the number of constituents is below one, so no weights can respect it."""

    code = "infeasible_cap"
    title = "No weights can respect that cap"


def capped_weights(values: Mapping[str, Decimal], *, cap: Decimal) -> dict[str, Decimal]:
    """Weigh by value, cut at `cap` and spread the excess over the rest until none is above it.

    A single pass is not enough: spreading may lift another constituent over the cap.

    Args:
        values: Positive value per constituent (market cap, or a weight to be spread), any unit.
        cap: Largest weight, a fraction in (0, 1].

    Returns:
        One weight per constituent, 12 decimals, summing to exactly 1; none above `cap` but for the last digit.

    Raises:
        InfeasibleCap: `cap` × number of constituents is below 1.
        Invalid: no constituents, or a value that is not above zero.
    """
    if not values or any(value <= 0 for value in values.values()):
        raise Invalid("Weights need at least one constituent, each with a value above zero.", code="invalid_weights")
    if cap * len(values) < ONE:
        raise InfeasibleCap(f"{len(values)} constituents cannot each stay at or below {cap}.")
    with localcontext(EXACT):
        return _exactly_one(_spread(dict(values), cap), cap)


def _spread(values: dict[str, Decimal], cap: Decimal) -> dict[str, Decimal]:
    capped: dict[str, Decimal] = {}
    free = dict(values)
    while free:
        room = ONE - cap * len(capped)
        total = sum(free.values(), ZERO)
        over = [name for name, value in free.items() if value * room > cap * total]
        if not over:
            return {**capped, **{name: value * room / total for name, value in free.items()}}
        for name in over:
            capped[name] = cap
            del free[name]
    return capped


def _exactly_one(weights: dict[str, Decimal], cap: Decimal) -> dict[str, Decimal]:
    cut = {name: truncate(weight, places=WEIGHT_PLACES) for name, weight in weights.items()}
    crumb = ONE - sum(cut.values(), ZERO)
    below_cap = [name for name, weight in cut.items() if weight + crumb <= cap]
    heaviest = max(below_cap or list(cut), key=lambda name: (cut[name], name))
    cut[heaviest] += crumb
    return cut
