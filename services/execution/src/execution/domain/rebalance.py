"""Back to the targets by trading only the difference."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, localcontext

from execution.domain.basket import Basket, Draft
from execution.domain.levels import drain, fill
from execution.domain.part import Part
from execution.domain.plan import Mode
from execution.domain.sizing import CENT
from execution.domain.trade import Trade, buy_cost_min, buy_of, sell_of
from shared.trading.money import EXACT, ONE, ZERO, exact_sum
from shared.trading.status import Side


def draft_rebalance(basket: Basket, mode: Mode) -> Draft:
    """What brings the position back; a constituent that would be too small is left out and its weight spread."""
    without: set[str] = set()
    while True:
        weights = basket.weights(without)
        trades = _trades(basket, weights, mode)
        small = [trade.part for trade in trades if trade.check == "too_small" and not basket.solid(trade.part)]
        fresh = [part for part in small if part.symbol not in without and weights.get(part.symbol)]
        if not fresh:
            break
        without.add(min(fresh, key=lambda part: (part.weight, part.symbol)).symbol)
    left_out = [_left_out(basket, part) for part in basket.parts if part.symbol in without]
    return Draft(
        trades=[*(trade for trade in trades if trade.part.symbol not in without), *left_out],
        weights=weights,
        cash_after=basket.cash + basket.proceeds(trades) - basket.spent(trades),
        cash_part=basket.kept_cash,
    )


def _left_out(basket: Basket, part: Part) -> Trade:
    with localcontext(EXACT):
        whole = buy_cost_min(part, basket.rules) / (part.weight * (ONE - basket.cash_share))
        whole = whole.quantize(CENT, rounding=ROUND_CEILING)  # endless otherwise, and no contract's amount
    return Trade(part=part, side=Side.BUY, check="too_small", required_amount=whole)


def _trades(basket: Basket, weights: Mapping[str, Decimal], mode: Mode) -> list[Trade]:
    targets = _targets(basket, weights, mode)
    sells = [
        _sell(basket, part, target=targets[part.symbol], weight=weights.get(part.symbol, ZERO))
        for part in basket.free
        if part.symbol in targets and targets[part.symbol] < basket.values[part.symbol]
    ]
    money = basket.spare_cash + basket.proceeds(sells)
    wants = {
        part.symbol: targets[part.symbol] - basket.values[part.symbol]
        for part in basket.free
        if part.symbol in targets and targets[part.symbol] > basket.values[part.symbol]
    }
    buys = _buys(basket, wants, money)
    if wants and basket.cash >= basket.kept_cash and not any(trade.ok for trade in buys):
        sells = [trade for trade in sells if not weights.get(trade.part.symbol)]  # the others only for the buys
    traded = [*sells, *buys]
    return [*traded, *still(basket, traded)]


def still(basket: Basket, traded: list[Trade]) -> list[Trade]:
    """A line for every part that does not trade: nothing to do, or what stands in the way."""
    seen = {trade.part.symbol for trade in traded}
    return [
        Trade(part=part, side=part.thin.side if part.thin else Side.BUY, check=part.obstacle(basket.now) or "hold")
        for part in basket.parts
        if part.symbol not in seen
    ]


def _targets(basket: Basket, weights: Mapping[str, Decimal], mode: Mode) -> dict[str, Decimal]:
    """Quote units that each tradable coin should be worth; empty when everything is inside its band."""
    if mode is Mode.BUY_ONLY:
        gains = fill(basket.values, _of(basket, weights), basket.spare_cash)
        return {symbol: basket.values[symbol] + gain for symbol, gain in gains.items()}
    if not basket.outside(weights) and not basket.idle():
        return {}
    aims = _aims(basket, weights)
    return _drifted(basket, weights, aims) if mode is Mode.DRIFTED else aims


def _of(basket: Basket, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {part.symbol: weights[part.symbol] for part in basket.free if weights.get(part.symbol, ZERO) > ZERO}


def _aims(basket: Basket, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What each tradable coin should be worth: they share, by their weights, what does not stand still."""
    free = {part.symbol for part in basket.free}
    wanted = _of(basket, weights)
    with localcontext(EXACT):
        share = max(basket.total * (ONE - basket.cash_share) - _stuck(basket), ZERO)
        whole = sum(wanted.values(), ZERO)
        return {symbol: share * wanted[symbol] / whole if symbol in wanted else ZERO for symbol in free}


def _stuck(basket: Basket) -> Decimal:
    free = {part.symbol for part in basket.free}
    return exact_sum([value for symbol, value in basket.values.items() if symbol not in free])


def _drifted(basket: Basket, weights: Mapping[str, Decimal], aims: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is outside its band goes to its aim; the others give or take what that leaves, the furthest off first.

    The bands lie around what can be reached: the weight of a coin that stands still is bought by nobody, and what was
    sold for it would lie about as cash.
    """
    reached = exact_sum([*aims.values(), _stuck(basket)])
    outside = basket.outside({symbol: basket.share_of(aim, reached) for symbol, aim in aims.items()})
    if not outside and not basket.idle():
        return {}
    others = {symbol: weight for symbol, weight in _of(basket, weights).items() if symbol not in outside}
    values = {symbol: basket.values[symbol] for symbol in others}
    with localcontext(EXACT):
        left = sum((aims[symbol] - values[symbol] for symbol in others), ZERO)
    targets = {symbol: aims[symbol] for symbol in outside}
    for symbol, gain in fill(values, others, left).items():
        targets[symbol] = values[symbol] + gain
    for symbol, loss in drain(values, others, -left).items():
        targets[symbol] = values[symbol] - loss
    return targets


def _sell(basket: Basket, part: Part, *, target: Decimal, weight: Decimal) -> Trade:
    excess = basket.values[part.symbol] - target
    trade = sell_of(part, value=excess if weight > ZERO else None, rules=basket.rules)
    if weight > ZERO and trade.ok and _not_worth_it(basket, trade.notional):
        return Trade(part=part, side=Side.SELL, check="hold")
    return trade


def _not_worth_it(basket: Basket, notional: Decimal) -> bool:
    with localcontext(EXACT):
        return notional < basket.bands.smallest * basket.total


def _buys(basket: Basket, wants: Mapping[str, Decimal], money: Decimal) -> list[Trade]:
    """Buys of at most what is wanted, together at most the money; too small ones leave theirs to the others."""
    left = {symbol: want for symbol, want in wants.items() if not _not_worth_it(basket, want)}
    parts = {part.symbol: part for part in basket.free}
    refused: list[Trade] = []
    while left:
        trades = _scaled(basket, {symbol: (parts[symbol], want) for symbol, want in left.items()}, money)
        small = [trade for trade in trades if not trade.ok]
        if not small:
            return [*trades, *refused]
        least = min(small, key=lambda trade: (left[trade.part.symbol], trade.part.symbol))
        refused.append(least)
        left = _shared(left, least.part.symbol)
    return refused


def _shared(wants: Mapping[str, Decimal], symbol: str) -> dict[str, Decimal]:
    """What one coin cannot have goes to the others, as they want it: it would lie about as cash."""
    rest = {name: want for name, want in wants.items() if name != symbol}
    with localcontext(EXACT):
        whole = sum(rest.values(), ZERO)
        return {name: want + wants[symbol] * want / whole for name, want in rest.items()}


def _scaled(basket: Basket, wants: Mapping[str, tuple[Part, Decimal]], money: Decimal) -> list[Trade]:
    with localcontext(EXACT):
        costs = {symbol: want * _reach(basket, part) for symbol, (part, want) in wants.items()}
        whole = sum(costs.values(), ZERO)
        scale = min(ONE, max(money, ZERO) / whole) if whole > ZERO else ZERO
        return [buy_of(part, budget=costs[symbol] * scale, rules=basket.rules) for symbol, (part, _) in wants.items()]


def _reach(basket: Basket, part: Part) -> Decimal:
    """What a buy may cost at most, as a multiple of what it costs at the best price."""
    probe = buy_of(part, budget=ZERO, rules=basket.rules)
    with localcontext(EXACT):
        return probe.limit / probe.price
