"""The reconciler's port `VenueReader` over the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

from kit.town_order_venue import ROUND_TRIP_S
from kit.town_venue import PaperVenue
from paper_exchange.domain.order import Order
from paper_exchange.inbound.shapes import execution_shape, log_shape, order_shape
from reconciler.domain.books import AccountBooks
from reconciler.domain.venue import NoView, VenueView
from reconciler.outbound.bybit import _execution, _line, _order
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, TransactionRow
from shared.trading.clock import Clock, epoch_ms


class MemoryReader:
    """Reads accounts at the venue; balances first, as the real one does.

    Args:
        uids: The venue's number of each account.
    """

    def __init__(self, venue: PaperVenue, uids: Mapping[UUID, str], clock: Clock) -> None:
        self._venue = venue
        self._uids = uids
        self._clock = clock

    async def read(self, books: AccountBooks, *, since_ms: int) -> VenueView | NoView:
        """What the venue says since a time."""
        uid = self._uids[books.account.account_id]
        balances, until_ms = self._venue.balances(uid), epoch_ms(self._clock.now())
        await asyncio.sleep(ROUND_TRIP_S)
        executions = [
            ExecutionRow.model_validate(execution_shape(row)) for row in self._venue.executions_since(uid, since_ms)
        ]
        lines = [TransactionRow.model_validate(log_shape(row)) for row in self._venue.log_since(uid, since_ms)]
        account = self._venue.account(uid)
        listed = {order.link_id for order in account.open_orders.values()}
        asked = [one for one in books.open_orders if one.client_order_id not in listed]
        looked_up = [
            account.by_link_id[one.client_order_id] for one in asked if one.client_order_id in account.by_link_id
        ]
        return VenueView(
            balances=balances,
            executions=tuple(_execution(row) for row in executions),
            lines=tuple(_line(row) for row in lines if not row.is_spot_trade),
            open_orders=tuple(_order(_row(order)) for order in account.open_orders.values()),
            looked_up=tuple(_order(_row(order)) for order in looked_up),
            read_until_ms=until_ms,
        )


def _row(order: Order) -> OrderRow:
    return OrderRow.model_validate(order_shape(order))
