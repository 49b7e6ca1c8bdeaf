"""Money into a position, and out of it: where it is needed most, or least."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal, localcontext

from execution.domain.amount import cash_part
from execution.domain.basket import Basket, Draft
from execution.domain.errors import AmountAboveValue, AmountTooSmall, NoFreshPrices
from execution.domain.levels import drain, fill
from execution.domain.part import Part
from execution.domain.rebalance import still
from execution.domain.sizing import CENT
from execution.domain.trade import Trade, buy_cost_min, buy_of, sell_of
from shared.trading.money import EXACT, ONE, ZERO, plain
from shared.trading.status import Side


def draft_invest(basket: Basket, amount: Decimal) -> Draft:
    """Spend new money (quote units) on the most underweight coins first.

    Raises:
        AmountTooSmall: not even one coin could be bought; `minimum_amount` stands in the context.
        NoFreshPrices: no constituent can be traded now.
    """
    kept = cash_part(amount, basket.cash_share)
    budget = amount - kept
    without: set[str] = set()
    while True:
        weights = basket.weights(without)
        trades, refused = _spend(basket, weights, budget)
        fresh = [one.part for one in refused if not basket.solid(one.part) and one.part.symbol not in without]
        if not fresh or not trades:
            break
        without.add(min(fresh, key=lambda part: (part.weight, part.symbol)).symbol)
    if not trades:
        trades = [_only(basket, budget)]
        weights = basket.weights({part.symbol for part in basket.parts} - {trades[0].part.symbol})
    traded = [*trades, *_refused(basket, trades)]
    return Draft(
        trades=[*traded, *still(basket, traded)], weights=weights, cash_after=basket.cash + kept, cash_part=kept
    )


def _spend(basket: Basket, weights: Mapping[str, Decimal], budget: Decimal) -> tuple[list[Trade], list[Trade]]:
    """The buys, and those that were too small: the smallest goes first and leaves its money to the others."""
    parts = {part.symbol: part for part in basket.free}
    wanted = {symbol: weight for symbol, weight in weights.items() if symbol in parts}
    refused: list[Trade] = []
    while wanted:
        gains = fill(basket.values, wanted, budget)
        trades = [buy_of(parts[symbol], budget=gain, rules=basket.rules) for symbol, gain in gains.items()]
        small = [trade for trade in trades if not trade.ok]
        if not small:
            return trades, refused
        least = min(small, key=_by_need(basket, gains))
        refused.append(least)
        del wanted[least.part.symbol]
    return [], refused


def _by_need(basket: Basket, gains: Mapping[str, Decimal]) -> Callable[[Trade], tuple[Decimal, str]]:
    def need(trade: Trade) -> tuple[Decimal, str]:
        with localcontext(EXACT):
            return gains[trade.part.symbol] / buy_cost_min(trade.part, basket.rules), trade.part.symbol

    return need


def _only(basket: Basket, budget: Decimal) -> Trade:
    """All money on the one coin that can be bought with so little."""
    wanted = [part for part in basket.free if part.weight > ZERO]
    if not wanted:
        raise NoFreshPrices("None of the index's coins can be traded right now. Try again in a moment.")
    cheapest = min(wanted, key=lambda part: (buy_cost_min(part, basket.rules), part.symbol))
    trade = buy_of(cheapest, budget=budget, rules=basket.rules)
    if trade.ok:
        return trade
    with localcontext(EXACT):
        least = buy_cost_min(cheapest, basket.rules) / (ONE - basket.cash_share)
        least = least.quantize(CENT, rounding=ROUND_CEILING)
    raise AmountTooSmall(
        f"With this amount no coin would reach the venue's minimum order. {plain(least)} USDT is the least.",
        context={"minimum_amount": plain(least)},
    )


def _refused(basket: Basket, trades: list[Trade]) -> list[Trade]:
    """Constituents that stay below their share because a buy would be too small, with the amount that would work."""
    weights = {part.symbol: part.weight for part in basket.free if part.weight > ZERO}
    bought = {trade.part.symbol for trade in trades}
    level = max(
        (_level(trade.part, basket.values[trade.part.symbol] + trade.notional) for trade in trades), default=ZERO
    )
    return [
        Trade(part=part, side=Side.BUY, check="too_small", required_amount=_required(basket, part, weights))
        for part in basket.free
        if part.weight > ZERO and part.symbol not in bought and _level(part, basket.values[part.symbol]) < level
    ]


def _level(part: Part, value: Decimal) -> Decimal:
    with localcontext(EXACT):
        return value / part.weight if part.weight > ZERO else ZERO


def _required(basket: Basket, part: Part, weights: Mapping[str, Decimal]) -> Decimal:
    """The amount with which the water would rise far enough for this coin."""
    with localcontext(EXACT):
        level = (basket.values[part.symbol] + buy_cost_min(part, basket.rules)) / part.weight
        needed = sum((max(level * weight - basket.values[symbol], ZERO) for symbol, weight in weights.items()), ZERO)
        return (needed / (ONE - basket.cash_share)).quantize(CENT, rounding=ROUND_CEILING)


def draft_withdraw(basket: Basket, amount: Decimal) -> Draft:
    """Take money (quote units) out: the position's own cash first, then the most overweight coins.

    Raises:
        AmountAboveValue: the position cannot bring so much; closing it is the way to take everything.
        AmountTooSmall: no coin can be sold for so little; `minimum_amount` stands in the context.
    """
    from_cash = min(amount, basket.cash)
    weights = basket.weights()
    with localcontext(EXACT):
        needed = (amount - from_cash) / (ONE - basket.fee_rate)
    trades = _raise(basket, weights, needed)
    if needed > ZERO and not trades:
        raise _cannot(basket, from_cash=from_cash)
    return Draft(
        trades=[*trades, *still(basket, trades)],
        weights=weights,
        cash_after=basket.cash - from_cash,
        cash_part=from_cash,
        pays_out=True,
    )


def _raise(basket: Basket, weights: Mapping[str, Decimal], needed: Decimal) -> list[Trade]:
    parts = {part.symbol: part for part in basket.free if basket.solid(part)}
    values = {symbol: basket.values[symbol] for symbol in parts}
    if needed >= sum(values.values(), ZERO) and needed > ZERO:
        raise AmountAboveValue(
            "The position cannot bring so much by selling. To take everything out, close it.",
            context={"available": plain(basket.cash + sum(values.values(), ZERO))},
        )
    while values:
        losses = drain(values, weights, needed)
        trades = [sell_of(parts[symbol], value=loss, rules=basket.rules) for symbol, loss in losses.items()]
        small = [trade for trade in trades if not trade.ok]
        if not small:
            return trades
        least = min(small, key=lambda trade: (losses[trade.part.symbol], trade.part.symbol))
        del values[least.part.symbol]
    return []


def _cannot(basket: Basket, *, from_cash: Decimal) -> AmountTooSmall:
    smallest = [
        part.instrument.min_notional for part in basket.free if basket.solid(part) and part.instrument is not None
    ]
    with localcontext(EXACT):
        least = (from_cash + min(smallest, default=ZERO) * (ONE + basket.rules.band)).quantize(
            CENT, rounding=ROUND_CEILING
        )
    return AmountTooSmall(
        f"No coin can be sold for so little: the venue's smallest order is about {plain(least)} USDT.",
        context={"minimum_amount": plain(least)},
    )
