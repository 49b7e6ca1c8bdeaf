"""The three ways to ask what became of orders: live, history, executions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults
from paper_exchange.domain.account import Account
from paper_exchange.domain.order import CANCELLED, REJECTED, Execution, Order
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.paging import DAY_MS, WEEK_MS, category, cut_page, window
from paper_exchange.inbound.shapes import execution_shape, order_shape

NAMED = frozenset({"/v5/order/realtime", "/v5/position/list"})
PLAIN_FILTERS = frozenset({"", "Order"})


class QueryRoutes:
    """Orders and executions of the account whose key signed the call."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults

    @staticmethod
    def nothing(request: Request) -> object:
        """Derivatives: an account that may not trade them has none.

        Raises:
            Refused: linear without naming what is meant, as the venue demands.
        """
        kind = category(request)
        path, params = request.path, request.params
        if (
            kind == "linear"
            and path in NAMED
            and not any(params.get(name) for name in ("symbol", "settleCoin", "baseCoin"))
        ):
            raise request_error("params error: symbol, settleCoin or baseCoin is required")
        return _page([], "", kind)

    def realtime(self, request: Request) -> object:
        """Open orders, or the last 500 that ended; with an id both are searched. Unknown ids give an empty list."""
        if category(request) != "spot":
            return self.nothing(request)
        account = self._exchange.account(request.uid)
        params = request.params
        closed = () if self._faults.live_view_wiped(request.uid) else account.recently_closed
        if params.get("orderId") or params.get("orderLinkId"):
            live = [*account.open_orders.values(), *closed]
            found = _by_id(account, params, among=live)
        elif params.get("openOnly", "0") == "1":
            found = list(reversed(closed))
        else:
            found = list(reversed(account.open_orders.values()))
        found = [order for order in found if self._concerns(order.symbol, params)]
        return self._order_page(request, found, default=20)

    def history(self, request: Request) -> object:
        """Orders that ended: without a fill for 24 hours, with fills for good."""
        if category(request) != "spot":
            return self.nothing(request)
        account = self._exchange.account(request.uid)
        params = request.params
        if params.get("orderId") or params.get("orderLinkId"):
            found = _by_id(account, params, among=None)
        else:
            start, end = self._window(request)
            found = [
                order
                for order in reversed(account.orders.values())
                if start <= order.created_ms <= end
                and self._concerns(order.symbol, params)
                and params.get("orderStatus", "") in {"", order.status}
            ]
        kept_from = self._exchange.now_ms() - DAY_MS
        found = [order for order in found if not order.is_open and not _forgotten(order, kept_from)]
        return self._order_page(request, found, default=20)

    def executions(self, request: Request) -> object:
        """Executions, newest first; ids make the other filters void."""
        if category(request) != "spot":
            return self.nothing(request)
        account = self._exchange.account(request.uid)
        params = request.params
        if params.get("orderId") or params.get("orderLinkId"):
            orders = _by_id(account, params, among=None)
            rows: Iterable[Execution] = reversed([item for order in orders for item in order.executions])
        else:
            start, end = self._window(request)
            kind = params.get("execType", "")
            rows = (
                item
                for item in reversed(account.executions)
                if start <= item.at_ms <= end and self._concerns(item.symbol, params) and kind in {"", "Trade"}
            )
        seen = self._seen_before(request)
        listed = [item for item in rows if item.at_ms <= seen]
        page, cursor = cut_page(
            listed, request, default=50, highest=100, mark=lambda item: f"{item.exec_id}:{item.at_ms}"
        )
        return _page([execution_shape(item) for item in page], cursor, "spot")

    def _concerns(self, symbol: str, params: Mapping[str, str]) -> bool:
        """Whether a row is of the pair, or of the coins, that were asked for; plain orders are all there is."""
        if params.get("orderFilter", "Order") not in PLAIN_FILTERS:
            return False
        if params.get("symbol"):
            return params["symbol"] == symbol
        listing = self._exchange.market.listings[symbol]
        return params.get("baseCoin", "") in {"", listing.base} and params.get("settleCoin", "") in {"", listing.quote}

    def _order_page(self, request: Request, found: list[Order], *, default: int) -> object:
        seen = self._seen_before(request)
        found = [order for order in found if order.created_ms <= seen]
        page, cursor = cut_page(
            found, request, default=default, highest=50, mark=lambda order: f"{order.order_id}:{order.created_ms}"
        )
        return _page([order_shape(order) for order in page], cursor, "spot")

    def _seen_before(self, request: Request) -> int:
        lag = self._faults.visibility_lag_ms(request.path, request.uid)
        return self._exchange.now_ms() - lag if lag else 10**15

    def _window(self, request: Request) -> tuple[int, int]:
        return window(request, now_ms=self._exchange.now_ms(), default_ms=WEEK_MS)


def _by_id(account: Account, params: Mapping[str, str], *, among: list[Order] | None) -> list[Order]:
    order_id = params.get("orderId")
    order = account.orders.get(order_id) if order_id else account.by_link_id.get(params.get("orderLinkId", ""))
    if order is None or (among is not None and not any(order is live for live in among)):
        return []
    return [order]


def _forgotten(order: Order, kept_from: int) -> bool:
    return order.status in {CANCELLED, REJECTED} and not order.filled_quantity and order.updated_ms < kept_from


def _page(rows: list[dict[str, Any]], cursor: str, kind: str) -> dict[str, Any]:
    return {"list": rows, "nextPageCursor": cursor, "category": kind}
