"""The customers' orders that stand in the book, so that a price reaches the best of them first."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from paper_exchange.domain.order import Order


class RestingOrders:
    """Resting orders by pair; a tick looks only at pairs where something rests."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._by_symbol: dict[str, dict[str, Order]] = {}
        for order in orders:
            self.add(order)

    def add(self, order: Order) -> None:
        """An order rests from now on."""
        self._by_symbol.setdefault(order.symbol, {})[order.order_id] = order

    def remove(self, order: Order) -> None:
        """An order rests no more; nothing happens when it did not."""
        resting = self._by_symbol.get(order.symbol)
        if resting is not None and resting.pop(order.order_id, None) is not None and not resting:
            del self._by_symbol[order.symbol]

    def symbols(self) -> list[str]:
        """The pairs where something rests."""
        return list(self._by_symbol)

    def reached(self, symbol: str, *, bid: Decimal, ask: Decimal) -> list[Order]:
        """The orders that a market of this bid and ask trades with: best price first, then oldest first."""
        resting = self._by_symbol.get(symbol, {}).values()
        buys = [order for order in resting if order.side == "Buy" and order.price >= ask]
        sells = [order for order in resting if order.side == "Sell" and order.price <= bid]
        buys.sort(key=lambda order: (-order.price, order.order_id))
        sells.sort(key=lambda order: (order.price, order.order_id))
        return buys + sells
