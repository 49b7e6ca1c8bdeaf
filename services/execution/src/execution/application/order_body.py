"""The exact order that an intent commits: a re-send carries the same."""

from __future__ import annotations

import json
from decimal import Decimal

from execution.domain.leg import Leg
from shared.trading.money import plain


def order_body(link_id: str, leg: Leg, quantity: Decimal) -> str:
    """The fields of a spot limit order, immediate or cancel, in base quantity, as JSON text."""
    return json.dumps(
        {
            "symbol": leg.symbol,
            "side": leg.side.value,
            "orderType": "Limit",
            "qty": plain(quantity),
            "price": plain(leg.limit_price),
            "timeInForce": "IOC",
            "orderLinkId": link_id,
        },
        separators=(",", ":"),
    )
