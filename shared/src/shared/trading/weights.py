"""Index weights: shares of a value between a floor and a cap, spread iteratively, summing to exactly 1."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext

from shared.trading.errors import Invalid
from shared.trading.money import EXACT, ONE, ZERO, plain, truncate

WEIGHT_PLACES = 12


class InfeasibleCap(Invalid):
    """The cap times the number of constituents is below one, so no weights can respect it."""

    code = "infeasible_cap"
    title = "No weights can respect that cap"


class InfeasibleFloor(Invalid):
    """The floor times the number of constituents is above one, or the floor is above the cap."""

    code = "infeasible_floor"
    title = "No weights can respect that floor"


def bounded_weights(values: Mapping[str, Decimal], *, cap: Decimal, floor: Decimal = ZERO) -> dict[str, Decimal]:
    """Weigh by value, between `floor` and `cap`: excess and shortfall are spread over the rest until all fit.

    The answer is the one multiplier for which Σ min(cap, max(floor, multiplier × value)) is 1, so weighing the
    weights again changes nothing.

    Args:
        values: Positive value per constituent (market cap, or a weight to be spread), any unit.
        cap: Largest weight, a fraction in (0, 1]; at most 12 decimals, else the last digit may pass it.
        floor: Smallest weight, a fraction in [0, 1).

    Returns:
        One weight per constituent, 12 decimals, summing to exactly 1.

    Raises:
        InfeasibleCap: `cap` × number of constituents is below 1.
        InfeasibleFloor: `floor` × number of constituents is above 1, or `floor` is above `cap`.
        Invalid: no constituents, or a value that is not above zero.
    """
    if not values or any(value <= 0 for value in values.values()):
        raise Invalid("Weights need at least one constituent, each with a value above zero.", code="invalid_weights")
    must_be_feasible(len(values), cap=cap, floor=floor)
    with localcontext(EXACT):
        return _exactly_one(_spread(dict(values), cap, floor), cap)


def must_be_feasible(constituents: int, *, cap: Decimal, floor: Decimal) -> None:
    """Whether any weights at all can respect both limits.

    Raises:
        InfeasibleCap: `cap` × `constituents` is below 1.
        InfeasibleFloor: `floor` × `constituents` is above 1, or `floor` is above `cap`.
    """
    facts = {"constituents": constituents, "max_weight": plain(cap), "min_weight": plain(floor)}
    if floor > cap:
        raise InfeasibleFloor(
            f"The smallest weight {plain(floor)} is above the largest {plain(cap)}.",
            context={**facts, "rule": "min>max"},
        )
    if cap * constituents < ONE:
        raise InfeasibleCap(
            f"{constituents} constituents cannot each stay at or below {plain(cap)}: "
            f"together they would reach only {plain(cap * constituents)}.",
            context={**facts, "rule": "N*max<1"},
        )
    if floor * constituents > ONE:
        raise InfeasibleFloor(
            f"{constituents} constituents cannot each be at least {plain(floor)}: "
            f"together that is {plain(floor * constituents)}, more than everything.",
            context={**facts, "rule": "N*min>1"},
        )


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
    return bounded_weights(values, cap=cap)


def _spread(values: dict[str, Decimal], cap: Decimal, floor: Decimal) -> dict[str, Decimal]:
    """Pin what breaks a limit, the side with the larger violation first, and share out what remains."""
    pinned: dict[str, Decimal] = {}
    free = dict(values)
    while free:
        room = ONE - sum(pinned.values(), ZERO)
        total = sum(free.values(), ZERO)
        shares = {name: value * room / total for name, value in free.items()}
        over = {name: share - cap for name, share in shares.items() if free[name] * room > cap * total}
        under = {name: floor - share for name, share in shares.items() if free[name] * room < floor * total}
        if not over and not under:
            return {**pinned, **shares}
        excess, shortfall = sum(over.values(), ZERO), sum(under.values(), ZERO)
        breaking = {**(dict.fromkeys(over, cap) if excess >= shortfall else {})}
        breaking |= dict.fromkeys(under, floor) if shortfall >= excess else {}
        pinned |= breaking
        free = {name: value for name, value in free.items() if name not in breaking}
    return pinned


def _exactly_one(weights: dict[str, Decimal], cap: Decimal) -> dict[str, Decimal]:
    """Cut to 12 decimals and give the crumbs to the heaviest that have room below the cap."""
    cut = {name: truncate(weight, places=WEIGHT_PLACES) for name, weight in weights.items()}
    crumb = ONE - sum(cut.values(), ZERO)
    by_weight = sorted(cut, key=lambda name: (cut[name], name), reverse=True)
    for name in by_weight:
        part = min(crumb, max(ZERO, truncate(cap, places=WEIGHT_PLACES) - cut[name]))
        cut[name] += part
        crumb -= part
    # A cap with more than 12 decimals may leave the last digit without room.
    cut[by_weight[0]] += crumb
    return cut
