"""Orders on their way from the acknowledgement to the matching."""

from __future__ import annotations

import asyncio

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults
from paper_exchange.application.timeline import Timeline
from paper_exchange.domain import order as states


class MatchQueue:
    """Lets acknowledged orders meet the market, at once or later, unless the venue rejects them after all.

    Args:
        exchange: Where they are matched.
        faults: Tell how late, and what is rejected.
        timeline: Keeps virtual time, where the venue's is.
    """

    def __init__(self, exchange: Exchange, faults: Faults, timeline: Timeline) -> None:
        self._exchange = exchange
        self._faults = faults
        self._timeline = timeline
        timeline.match = self.match

    def on_durable(self) -> None:
        """What waits is on disk and acknowledged."""
        exchange = self._exchange
        waiting = exchange.matcher.take()
        if not waiting:
            return
        if not self._faults.touch_matching():
            now = exchange.now_ms()
            for order_id in waiting:
                exchange.matcher.match(order_id, now_ms=now)
            return
        for order_id in waiting:
            self._match_after(order_id, self._faults.match_delay_s(exchange.ledger.orders[order_id].uid))

    def _match_after(self, order_id: str, delay_s: float) -> None:
        if not delay_s:
            self.match(order_id)
        elif self._timeline.clock is not None:
            self._timeline.match_later(order_id, int(delay_s * 1000))
        else:
            asyncio.get_running_loop().call_later(delay_s, self.match, order_id)

    def match(self, order_id: str) -> None:
        """Match an order, or reject it if a fault wants that and it is new."""
        order = self._exchange.ledger.orders.get(order_id)
        if order is None or not order.is_open:
            return
        fresh = order.status == states.NEW and order.updated_ms == order.created_ms
        reason = self._faults.rejection(order.uid) if fresh else ""
        if reason:
            self._exchange.reject(order, reason)
        else:
            self._exchange.matcher.match(order_id)
