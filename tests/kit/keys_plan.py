"""Approved plans of the tests of keys, and the orders that belong to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from shared.trading.link_id import LinkId, position_tail, run_tail
from shared.trading.status import VenueEnvironment

LINK_KEY = bytes(range(32))


@dataclass(frozen=True)
class Plan:
    """An approved plan of a test, and the orders that belong to it."""

    position_id: UUID
    plan_id: UUID

    def link(self, leg: int, attempt: int = 0) -> str:
        return LinkId(
            environment=VenueEnvironment.PAPER,
            position=position_tail(self.position_id),
            run=run_tail(self.plan_id),
            leg=leg,
            attempt=attempt,
        ).encode(LINK_KEY)

    def order(
        self,
        leg: int = 0,
        *,
        symbol: str = "BTCUSDT",
        side: str = "Buy",
        qty: str = "0.001",
        price: str = "1000",
        attempt: int = 0,
    ) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "side": side,
            "orderType": "Limit",
            "qty": qty,
            "price": price,
            "timeInForce": "IOC",
            "orderLinkId": self.link(leg, attempt),
        }

    def create(self, leg: int = 0, **terms: Any) -> str:
        return json.dumps({"category": "spot", **self.order(leg, **terms)})

    def batch(self, legs: range, **terms: Any) -> str:
        return json.dumps({"category": "spot", "request": [self.order(leg, **terms) for leg in legs]})


def a_plan() -> Plan:
    return Plan(uuid4(), uuid4())
