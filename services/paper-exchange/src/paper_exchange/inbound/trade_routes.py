"""Order endpoints: create, batch, cancel, and the three ways to ask what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults
from paper_exchange.domain.account import Account
from paper_exchange.domain.order import CANCELLED, REJECTED, Execution, Order
from paper_exchange.domain.refusal import TOO_MANY_VISITS, Refused, request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.market_routes import category, moment, number
from paper_exchange.inbound.shapes import execution_shape, order_shape

MAX_BATCH = 10
WEEK_MS = 7 * 86_400_000
DAY_MS = 86_400_000
T = TypeVar("T")


def spot_only(fields: Mapping[str, Any]) -> None:
    """Orders of category spot are all this venue takes.

    Raises:
        Refused: another category, or none.
    """
    if fields.get("category") != "spot":
        raise request_error("params error: category invalid")


class TradeRoutes:
    """Orders of the account whose key signed the call."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults

    def create(self, request: Request) -> object:
        """Take an order; the answer is an acknowledgement and says nothing about fills."""
        fields = request.json()
        spot_only(fields)
        order = self._exchange.place(request.uid, fields)
        return {"orderId": order.order_id, "orderLinkId": order.link_id}

    def create_batch(self, request: Request, granted: int) -> tuple[object, object]:
        """Take up to 10 orders, each with its own code; those beyond the rate limit get 10006."""

        def place(leg: Mapping[str, Any]) -> dict[str, str]:
            order = self._exchange.place(request.uid, leg)
            return {
                "orderId": order.order_id,
                "orderLinkId": order.link_id,
                "createAt": str(order.created_ms),
            }

        empty = {"orderId": "", "orderLinkId": "", "createAt": ""}
        return self._batch(request, granted, place, empty)

    def cancel_batch(self, request: Request, granted: int) -> tuple[object, object]:
        """Cancel up to 10 orders, each with its own code."""

        def cancel(leg: Mapping[str, Any]) -> dict[str, str]:
            order = self._cancel(request.uid, leg)
            return {"orderId": order.order_id, "orderLinkId": order.link_id}

        return self._batch(request, granted, cancel, {"orderId": "", "orderLinkId": ""})

    def _batch(
        self,
        request: Request,
        granted: int,
        act: Callable[[Mapping[str, Any]], dict[str, str]],
        empty: dict[str, str],
    ) -> tuple[object, object]:
        fields = request.json()
        spot_only(fields)
        rows, codes = [], []
        for place, leg in enumerate(batch_legs(fields)):
            row = {"category": "spot", "symbol": str(leg.get("symbol", "")), **empty}
            row["orderLinkId"] = str(leg.get("orderLinkId") or "")
            code: dict[str, object] = {"code": 0, "msg": "OK"}
            try:
                row |= act(leg) if place < granted else too_many()
            except Refused as error:
                code = {"code": error.ret_code, "msg": error.ret_msg}
            rows.append(row)
            codes.append(code)
        return {"list": rows}, {"list": codes}

    def cancel(self, request: Request) -> object:
        """Cancel one order."""
        fields = request.json()
        spot_only(fields)
        order = self._cancel(request.uid, fields)
        return {"orderId": order.order_id, "orderLinkId": order.link_id}

    def _cancel(self, uid: str, fields: Mapping[str, Any]) -> Order:
        order_id, link_id = str(fields.get("orderId") or ""), str(fields.get("orderLinkId") or "")
        if not order_id and not link_id:
            raise request_error("params error: orderId or orderLinkId required")
        symbol = str(fields.get("symbol") or "")
        return self._exchange.cancel(uid, symbol=symbol, order_id=order_id, link_id=link_id)

    def cancel_all(self, request: Request) -> object:
        """Cancel everything that still stands."""
        fields = request.json()
        spot_only(fields)
        ended = self._exchange.cancel_all(request.uid, symbol=str(fields.get("symbol") or ""))
        return {
            "list": [{"orderId": order.order_id, "orderLinkId": order.link_id} for order in ended],
            "success": "1",
        }

    def realtime(self, request: Request) -> object:
        """Open orders, or the last 500 that ended; with an id both are searched. Unknown ids give an empty list."""
        if category(request) != "spot":
            return _page([], "", request.params["category"])
        account = self._exchange.account(request.uid)
        params = request.params
        if params.get("orderId") or params.get("orderLinkId"):
            live = [*account.open_orders.values(), *account.recently_closed]
            found = _by_id(account, params, among=live)
        elif params.get("openOnly", "0") == "1":
            found = list(reversed(account.recently_closed))
        else:
            found = list(reversed(account.open_orders.values()))
        found = [order for order in found if params.get("symbol", "") in {"", order.symbol}]
        return self._order_page(request, found, default=20)

    def history(self, request: Request) -> object:
        """Orders that ended: without a fill for 24 hours, with fills for good."""
        if category(request) != "spot":
            return _page([], "", request.params["category"])
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
                and params.get("symbol", "") in {"", order.symbol}
                and params.get("orderStatus", "") in {"", order.status}
            ]
        kept_from = self._exchange.now_ms() - DAY_MS
        found = [order for order in found if not order.is_open and not _forgotten(order, kept_from)]
        return self._order_page(request, found, default=20)

    def executions(self, request: Request) -> object:
        """Executions, newest first; ids make the other filters void."""
        if category(request) != "spot":
            return _page([], "", request.params["category"])
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
                if start <= item.at_ms <= end
                and params.get("symbol", "") in {"", item.symbol}
                and kind in {"", "Trade"}
            )
        seen = self._seen_before(request)
        listed = [item for item in rows if item.at_ms <= seen]
        page, cursor = cut_page(
            listed, request, default=50, highest=100, mark=lambda item: f"{item.exec_id}:{item.at_ms}"
        )
        return _page([execution_shape(item) for item in page], cursor, "spot")

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


def window(request: Request, *, now_ms: int, default_ms: int) -> tuple[int, int]:
    """The span of time a query asks for, 7 days at most.

    Raises:
        Refused: longer, or turned round.
    """
    start, end = moment(request, "startTime"), moment(request, "endTime")
    if start is None:
        start = (now_ms if end is None else end) - default_ms
    if end is None:
        end = start + default_ms
    if not 0 <= end - start <= WEEK_MS:
        raise request_error("params error: the time range must be within 7 days")
    return start, end


def cut_page(
    rows: list[T], request: Request, *, default: int, highest: int, mark: Callable[[T], str]
) -> tuple[list[T], str]:
    """One page and the cursor of the next; a cursor is url-encoded text and names the last row shown."""
    limit = number(request, "limit", default, highest=highest)
    cursor = unquote(request.params.get("cursor", ""))
    start = 0
    if cursor:
        start = next((place + 1 for place, row in enumerate(rows) if mark(row) == cursor), len(rows))
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    return page, quote(mark(page[-1]), safe="") if page and more else ""


def too_many() -> dict[str, str]:
    """A leg beyond the rate limit.

    Raises:
        Refused: always, 10006.
    """
    raise Refused(*TOO_MANY_VISITS)


def batch_legs(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The orders of a batch.

    Raises:
        Refused: none, more than 10, or not objects.
    """
    legs = fields.get("request")
    if not isinstance(legs, list) or not 1 <= len(legs) <= MAX_BATCH or not all(isinstance(leg, dict) for leg in legs):
        raise request_error(f"params error: request must hold 1 to {MAX_BATCH} orders")
    return legs


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
