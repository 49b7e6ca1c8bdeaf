"""Order endpoints that change something: create, amend, cancel, singly and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paper_exchange.application.exchange import Exchange
from paper_exchange.domain.order import Order
from paper_exchange.domain.refusal import PERMISSION_DENIED, TOO_MANY_VISITS, Refused, request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.paging import CATEGORIES

MAX_BATCH = 10


def spot_only(fields: Mapping[str, Any]) -> None:
    """Orders of category spot are all that keys of this venue may place.

    Raises:
        Refused: another category, which needs a permission that no key has here; or none.
    """
    category = fields.get("category")
    if not isinstance(category, str) or category not in CATEGORIES:
        raise request_error("params error: category invalid")
    if category != "spot":
        raise Refused(*PERMISSION_DENIED)


class TradeRoutes:
    """Orders of the account whose key signed the call."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def create(self, request: Request) -> object:
        """Take an order; the answer is an acknowledgement and says nothing about fills."""
        fields = request.json()
        spot_only(fields)
        return _ids(self._exchange.place(request.uid, fields))

    def create_batch(self, request: Request, granted: int) -> tuple[object, object]:
        """Take up to 10 orders, each with its own code; those beyond the rate limit get 10006."""
        uid, now = request.uid, self._exchange.now_ms()

        def place(leg: Mapping[str, Any]) -> dict[str, str]:
            order = self._exchange.place(uid, leg, now_ms=now)
            return {"orderId": order.order_id, "orderLinkId": order.link_id, "createAt": str(order.created_ms)}

        empty = {"orderId": "", "orderLinkId": "", "createAt": ""}
        return self._batch(request, granted, place, empty)

    def amend_batch(self, request: Request, granted: int) -> tuple[object, object]:
        """Change up to 10 orders, each with its own code."""

        def amend(leg: Mapping[str, Any]) -> dict[str, str]:
            return _ids(self._exchange.amend(request.uid, leg))

        return self._batch(request, granted, amend, {"orderId": "", "orderLinkId": ""})

    def cancel_batch(self, request: Request, granted: int) -> tuple[object, object]:
        """Cancel up to 10 orders, each with its own code."""

        def cancel(leg: Mapping[str, Any]) -> dict[str, str]:
            return _ids(self._exchange.cancel(request.uid, leg))

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

    def amend(self, request: Request) -> object:
        """Change an open order; the answer is an acknowledgement."""
        fields = request.json()
        spot_only(fields)
        return _ids(self._exchange.amend(request.uid, fields))

    def cancel(self, request: Request) -> object:
        """Cancel one order."""
        fields = request.json()
        spot_only(fields)
        return _ids(self._exchange.cancel(request.uid, fields))

    def cancel_all(self, request: Request) -> object:
        """Cancel everything that still stands, of one pair, of a coin's pairs, or all; conditional orders there are none."""
        fields = request.json()
        spot_only(fields)
        ended: list[Order] = []
        if str(fields.get("orderFilter") or "Order") in {"Order", "OcoOrder", "BidirectionalTpslOrder"}:
            ended = self._exchange.cancel_all(
                request.uid, symbol=str(fields.get("symbol") or ""), base=str(fields.get("baseCoin") or "")
            )
        return {"list": [_ids(order) for order in ended], "success": "1"}


def _ids(order: Order) -> dict[str, str]:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


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
