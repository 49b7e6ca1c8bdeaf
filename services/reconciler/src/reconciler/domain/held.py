"""The line "had I just held": what money from outside bought, never rebalanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from reconciler.domain.books import PositionBook
from reconciler.domain.flows import PURCHASES, Flow
from reconciler.domain.valuation import Mark
from shared.trading.money import EXACT, QUOTE_ASSET, ZERO, exact_product, exact_sum, truncate

CASH = QUOTE_ASSET
"""Asset and symbol of what came in and is not spent yet: it is worth itself."""
INSIDE = frozenset({"rebalance"})
"""Kinds of runs that trade what is there already."""
PLACES = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStill:
    """One coin of the basket that is held still, or its cash; base units."""

    asset: str
    symbol: str
    quantity: Decimal


Basket = tuple[HeldStill, ...]


def after_purchases(held: Sequence[HeldStill], *, before: PositionBook | None, book: PositionBook) -> Basket:
    """The basket after purchases from its cash.

    Args:
        held: As it was.
        before: The book before them; None before the first flow: everything in `book` was bought.
        book: The book after them.
    """
    was = {coin.asset: coin.quantity for coin in before.coins} if before else {}
    basket = {coin.asset: coin for coin in held}
    for coin in book.coins:
        bought = coin.quantity - was.get(coin.asset, ZERO)
        if bought > ZERO:
            _add(basket, coin.asset, coin.symbol, bought)
    spent = book.invested - (before.invested if before else ZERO)
    _add(basket, CASH, CASH, -spent)
    return tuple(basket.values())


def after_flow(held: Sequence[HeldStill], flow: Flow, book: PositionBook, *, in_kind: bool = False) -> Basket:
    """The basket after a flow: what comes in is cash, what goes out is the same share of everything.

    What a purchase gives back at its end is the rest of the cash that it brought.

    Args:
        held: As it was.
        flow: What crossed the border.
        book: After it.
        in_kind: Whether coins left in it without a sale.
    """
    if flow.amount < ZERO and (in_kind or flow.kind not in PURCHASES):
        with localcontext(EXACT):
            whole = flow.after - flow.amount
            share = flow.after / whole if whole > ZERO else ZERO
            return tuple(replace(coin, quantity=truncate(coin.quantity * share, places=PLACES)) for coin in held)
    basket = {coin.asset: coin for coin in held}
    _add(basket, CASH, CASH, flow.amount)
    found = tuple(basket.values())
    return after_purchases(found, before=None, book=book) if flow.number == 1 else found


def found_there(book: PositionBook) -> Basket:
    """The basket of a position that nobody saw being bought: what is there now."""
    basket = after_purchases((), before=None, book=replace(book, invested=ZERO))
    return tuple(coin for coin in basket if coin.quantity)


def worth(held: Sequence[HeldStill], marks: Mapping[str, Mark]) -> Decimal | None:
    """What the basket is worth, quote units; None when a coin of it has no price, or there is no basket yet."""
    there = [coin for coin in held if coin.quantity]
    if not held or any(coin.symbol not in marks for coin in there if coin.asset != CASH):
        return None
    cash = exact_sum([coin.quantity for coin in there if coin.asset == CASH])
    coins = [exact_product(coin.quantity, marks[coin.symbol].price) for coin in there if coin.asset != CASH]
    return cash + exact_sum(coins)


def _add(basket: dict[str, HeldStill], asset: str, symbol: str, quantity: Decimal) -> None:
    known = basket.get(asset) or HeldStill(asset=asset, symbol=symbol, quantity=ZERO)
    with localcontext(EXACT):
        basket[asset] = replace(known, quantity=known.quantity + quantity)
