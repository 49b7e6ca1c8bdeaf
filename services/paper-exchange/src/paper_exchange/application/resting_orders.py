"""The customers' orders that stand in the book, so that a price reaches the best of them first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.order import Order


@dataclass(frozen=True, slots=True)
class Edges:
    """The highest buy and the lowest sell that rest; None where nothing does."""

    buy: Decimal | None
    sell: Decimal | None

    def touched(self, *, bid: Decimal, ask: Decimal) -> bool:
        """Whether a market of this bid and ask trades with anything."""
        return (self.buy is not None and self.buy >= ask) or (self.sell is not None and self.sell <= bid)


class RestingOrders:
    """Resting orders by pair; a tick looks only at pairs where something rests, and first at their edges."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._by_symbol: dict[str, dict[str, Order]] = {}
        self._edges: dict[str, Edges] = {}
        for order in orders:
            self.add(order)

    def add(self, order: Order) -> None:
        """An order rests from now on."""
        self._by_symbol.setdefault(order.symbol, {})[order.order_id] = order
        self._edges.pop(order.symbol, None)

    def remove(self, order: Order) -> None:
        """An order rests no more; nothing happens when it did not."""
        resting = self._by_symbol.get(order.symbol)
        if resting is None or resting.pop(order.order_id, None) is None:
            return
        self._edges.pop(order.symbol, None)
        if not resting:
            del self._by_symbol[order.symbol]

    def symbols(self) -> list[str]:
        """The pairs where something rests."""
        return list(self._by_symbol)

    def reached(self, symbol: str, *, bid: Decimal, ask: Decimal) -> list[Order]:
        """The orders that a market of this bid and ask trades with: best price first, then oldest first."""
        resting = self._by_symbol.get(symbol, {}).values()
        edges = self._edges.get(symbol)
        if edges is None:
            edges = self._edges[symbol] = _edges(resting)
        if not edges.touched(bid=bid, ask=ask):
            return []
        buys = [order for order in resting if order.side == "Buy" and order.price >= ask]
        sells = [order for order in resting if order.side == "Sell" and order.price <= bid]
        buys.sort(key=lambda order: (-order.price, order.order_id))
        sells.sort(key=lambda order: (order.price, order.order_id))
        return buys + sells


def _edges(orders: Iterable[Order]) -> Edges:
    prices: dict[str, list[Decimal]] = {"Buy": [], "Sell": []}
    for order in orders:
        prices[order.side].append(order.price)
    return Edges(max(prices["Buy"], default=None), min(prices["Sell"], default=None))
