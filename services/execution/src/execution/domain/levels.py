"""Money in where the least is, money out where the most is: levels against the targets, like water."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext

from shared.trading.money import EXACT, ZERO, truncate

MONEY_PLACES = 18


def fill(values: Mapping[str, Decimal], weights: Mapping[str, Decimal], money: Decimal) -> dict[str, Decimal]:
    """Spread money so that the most underweight come first, until all that got any stand equally well.

    Args:
        values: Quote units held by name; zero or more.
        weights: Target by name, above zero for whatever may get something; any scale.
        money: Quote units to spread, zero or more.

    Returns:
        Quote units for each name that gets any; together never above `money`.
    """
    wanted = {name: weight for name, weight in weights.items() if weight > ZERO}
    if money <= ZERO or not wanted:
        return {}
    with localcontext(EXACT):
        order = sorted(wanted, key=lambda name: (values.get(name, ZERO) / wanted[name], name))
        held, shares, level = ZERO, ZERO, ZERO
        for number, name in enumerate(order):
            held += values.get(name, ZERO)
            shares += wanted[name]
            level = (money + held) / shares
            following = order[number + 1] if number + 1 < len(order) else None
            if following is None or level * wanted[following] <= values.get(following, ZERO):
                break
        gains = {name: level * wanted[name] - values.get(name, ZERO) for name in order}
        return {name: truncate(gain, places=MONEY_PLACES) for name, gain in gains.items() if gain > ZERO}


def drain(values: Mapping[str, Decimal], weights: Mapping[str, Decimal], money: Decimal) -> dict[str, Decimal]:
    """Take money so that the most overweight give first; what has no target gives all of it before the others.

    Args:
        values: Quote units held by name.
        weights: Target by name; a name without one has none.
        money: Quote units to take, zero or more.

    Returns:
        Quote units from each name that gives any; all of everything when there is not enough.
    """
    taken: dict[str, Decimal] = {}
    unwanted = sorted((name for name in values if weights.get(name, ZERO) <= ZERO), key=lambda name: -values[name])
    rest = money
    for name in unwanted:
        taken[name] = min(values[name], rest)
        rest -= taken[name]
    wanted = {name: value for name, value in values.items() if weights.get(name, ZERO) > ZERO}
    taken |= _lowered(wanted, weights, rest)
    return {name: amount for name, amount in taken.items() if amount > ZERO}


def _lowered(values: Mapping[str, Decimal], weights: Mapping[str, Decimal], money: Decimal) -> dict[str, Decimal]:
    if money <= ZERO or not values:
        return {}
    with localcontext(EXACT):
        if money >= sum(values.values(), ZERO):
            return dict(values)
        order = sorted(values, key=lambda name: (-values[name] / weights[name], name))
        held, shares, level = ZERO, ZERO, ZERO
        for number, name in enumerate(order):
            held += values[name]
            shares += weights[name]
            level = (held - money) / shares
            following = order[number + 1] if number + 1 < len(order) else None
            if following is None or level * weights[following] >= values[following]:
                break
        losses = {name: values[name] - level * weights[name] for name in order}
        return {name: truncate(loss, places=MONEY_PLACES) for name, loss in losses.items() if loss > ZERO}
