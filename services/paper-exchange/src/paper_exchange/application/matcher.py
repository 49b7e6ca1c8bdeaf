"""Open orders on their way to a trade: accepted, standing in the book, or caught by a halt."""

from __future__ import annotations

from collections.abc import Callable

from paper_exchange.application.market import Market
from paper_exchange.application.resting_orders import RestingOrders
from paper_exchange.domain import matching
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.order import Order

Settle = Callable[[Order, matching.Outcome, int | None], None]
"""Books what came of a match, at a moment (epoch milliseconds) where the caller has looked at the clock."""


class Matcher:
    """Lets open orders meet the market.

    Args:
        ledger: Knows the orders; those that a restart left open go on from where they stood.
        market: What they meet.
        settle: Called with every outcome.
    """

    def __init__(self, ledger: Ledger, market: Market, settle: Settle) -> None:
        self._ledger = ledger
        self._market = market
        self._settle = settle
        still_open = ledger.open_orders()
        self._resting = RestingOrders(order for order in still_open if order.resting)
        self._suspended: list[str] = []
        self._accepted: list[str] = [order.order_id for order in still_open if not order.resting]

    def accept(self, order: Order) -> None:
        """An order is new, or has other terms: it is to be matched as one that comes."""
        self._resting.remove(order)
        self._accepted.append(order.order_id)

    def take(self) -> list[str]:
        """The orders that were accepted since the last time; whoever takes them has them matched."""
        taken, self._accepted = self._accepted, []
        return taken

    def rest(self, order: Order) -> None:
        """An order stands in the book from now on."""
        self._resting.add(order)

    def end(self, order: Order) -> None:
        """An order trades no more."""
        self._resting.remove(order)

    def forget(self) -> None:
        """Nothing is on its way any more."""
        self._resting = RestingOrders()
        self._suspended = []
        self._accepted = []

    def match(self, order_id: str, *, now_ms: int | None = None) -> None:
        """Match an accepted order now, if it can still trade; while its pair is halted it waits."""
        order = self._ledger.orders.get(order_id)
        if order is None or not order.is_open:
            return
        if order.symbol in self._market.halted:
            self._suspended.append(order_id)
            return
        outcome = matching.match(order, self._market.book(order.symbol))
        if outcome is not None:
            self._settle(order, outcome, now_ms)

    def match_resting(self) -> None:
        """Match what stands in the book against the market's new prices, and what waited for a halt to end."""
        waited, self._suspended = self._suspended, []
        for order_id in waited:
            self.match(order_id)
        for symbol in self._resting.symbols():
            if symbol in self._market.halted:
                continue
            bid, ask = self._market.best(symbol)
            price_of = self._market.listings[symbol].price_of
            for order in self._resting.reached(symbol, bid=price_of(bid), ask=price_of(ask)):
                self.match(order.order_id)
