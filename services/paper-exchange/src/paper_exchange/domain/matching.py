"""Matching one order against the simulated market: what trades, at what price, and how the order ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain import order as states
from paper_exchange.domain.book import Book, Level
from paper_exchange.domain.exact import add, mul, sub, whole_steps
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.order import Order


@dataclass(slots=True)  # freezing would double the cost of making one, and every order makes some
class Trade:
    """A price (quote per base) and a quantity (base units)."""

    price: Decimal
    quantity: Decimal


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class Outcome:
    """How an order stands after matching; `rests` means that it goes on as a maker."""

    trades: tuple[Trade, ...]
    status: str
    reject_reason: str = states.NO_ERROR
    rests: bool = False


def match(order: Order, book: Book) -> Outcome | None:
    """Match an order and eat what it takes from the book.

    Returns:
        What happened, or None when nothing changed (a resting order that the market has not reached).
    """
    listing = book.listing
    levels = _reachable(order, book)
    if order.by_value:
        return _match_by_value(order, levels, listing)
    wanted = _lots_left(order, listing)
    if not wanted:
        return _ended_short(order, ())  # the lot was raised meanwhile: what is left can never trade
    if order.resting:
        return _match_resting(order, wanted, levels, listing)
    if order.time_in_force == "PostOnly":
        return _post_only(order, levels)
    return _match_quantity(order, wanted, levels, listing)


def _lots_left(order: Order, listing: Listing) -> int:
    """The whole lots that can still trade, under the rules of now."""
    return whole_steps(sub(order.quantity, order.filled_quantity), step=listing.lot_size)


def _fills(order: Order, trades: Iterable[Trade]) -> bool:
    """Whether these trades fill the order to the last unit."""
    filled = order.filled_quantity
    for trade in trades:
        filled = add(filled, trade.quantity)
    return filled == order.quantity


def _post_only(order: Order, levels: Iterable[Level]) -> Outcome:
    if any(True for _ in levels):
        status = states.PARTIALLY_FILLED_CANCELED if order.filled_quantity else states.CANCELLED
        return Outcome(trades=(), status=status, reject_reason=states.WOULD_TAKE)
    return Outcome(trades=(), status=order.status, rests=True)


def _match_quantity(order: Order, wanted: int, levels: Iterable[Level], listing: Listing) -> Outcome:
    if order.time_in_force == "FOK":
        levels = list(levels)
        whole = add(order.filled_quantity, listing.quantity_of(wanted)) == order.quantity
        if not whole or sum(level.lots for level in levels) < wanted:
            status = states.PARTIALLY_FILLED_CANCELED if order.filled_quantity else states.CANCELLED
            return Outcome(trades=(), status=status, reject_reason=states.NOT_FULL)
    trades, left = _take(levels, wanted, listing)
    if _fills(order, trades):
        return Outcome(trades=trades, status=states.FILLED)
    if left and order.time_in_force == "GTC":
        return Outcome(trades=trades, status=states.PARTIALLY_FILLED if trades else order.status, rests=True)
    return _ended_short(order, trades)


def _reachable(order: Order, book: Book) -> Iterator[Level]:
    """The levels an order may trade with, best first, as far as its price reaches."""
    reach = whole_steps(order.limit_price, step=book.listing.tick_size)
    return (book.asks if order.side == "Buy" else book.bids).within(reach)


def _take(levels: Iterable[Level], wanted: int, listing: Listing) -> tuple[tuple[Trade, ...], int]:
    trades = []
    for level in levels:
        lots = min(wanted, level.lots)
        level.lots -= lots
        wanted -= lots
        trades.append(Trade(listing.price_of(level.ticks), listing.quantity_of(lots)))
        if not wanted:
            break
    return tuple(trades), wanted


def _match_resting(order: Order, wanted: int, levels: Iterable[Level], listing: Listing) -> Outcome | None:
    """The market came to the order: it trades at its own price, as maker."""
    at_market, left = _take(levels, wanted, listing)
    if not at_market:
        return None
    trades = tuple(Trade(order.price, trade.quantity) for trade in at_market)
    if left:
        return Outcome(trades=trades, status=states.PARTIALLY_FILLED)
    return Outcome(trades=trades, status=states.FILLED) if _fills(order, trades) else _ended_short(order, trades)


def _match_by_value(order: Order, levels: Iterable[Level], listing: Listing) -> Outcome:
    """A market order counted in quote units: whole lots for as long as the amount lasts."""
    left = sub(order.quantity, order.filled_value)
    trades = []
    exhausted = True
    for level in levels:
        price = listing.price_of(level.ticks)
        affordable = whole_steps(left, step=mul(price, listing.lot_size))
        lots = min(affordable, level.lots)
        if lots:
            level.lots -= lots
            trades.append(Trade(price, listing.quantity_of(lots)))
            left = sub(left, mul(price, listing.quantity_of(lots)))
        if lots == affordable:
            exhausted = False
            break
    if not left and not exhausted:
        return Outcome(trades=tuple(trades), status=states.FILLED)
    return _ended_short(order, tuple(trades))


def _ended_short(order: Order, trades: tuple[Trade, ...]) -> Outcome:
    if trades or order.filled_quantity:
        return Outcome(trades=trades, status=states.PARTIALLY_FILLED_CANCELED, reject_reason=states.NOT_FULL)
    return Outcome(trades=trades, status=states.CANCELLED, reject_reason=states.NO_LIQUIDITY)
