"""The one kind of order that we send, and its exact body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.trading.money import plain
from shared.trading.status import Side

ORDER_WINDOW_MS = 1500
"""Receive window of opening orders: short, so that a lost request soon cannot land any more."""
READ_WINDOW_MS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """A spot limit IOC order in base quantity.

    Attributes:
        client_order_id: Our link id, at most 36 characters.
        quantity: Base-asset units, on the lot grid.
        price: Quote per base, on the tick grid.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal

    def body(self) -> dict[str, Any]:
        """The fields that go to the venue, always in this order: a re-send has the same bytes."""
        return {
            "symbol": self.symbol,
            "side": self.side.value,
            "orderType": "Limit",
            "qty": plain(self.quantity),
            "price": plain(self.price),
            "timeInForce": "IOC",
            "orderLinkId": self.client_order_id,
        }


def create_body(order: LimitOrder) -> dict[str, Any]:
    """The body of `order/create`."""
    return {"category": "spot", **order.body()}


def batch_body(orders: Sequence[LimitOrder]) -> dict[str, Any]:
    """The body of `order/create-batch`."""
    return {"category": "spot", "request": [order.body() for order in orders]}
