"""Answers that a client must survive: cut, malformed, with values that nobody expects, rows twice or in disorder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from paper_exchange.application.faults import Fault
from paper_exchange.inbound.exchange_http import Reply

HTML = (b"content-type", b"text/html")
HUGE = "9" * 60 + "." + "9" * 40
Rows = list[dict[str, Any]]


def error_page(fault: Fault) -> Reply:
    """An HTML page with an error status, as a proxy before the venue would send it."""
    body = f"<html><head><title>{fault.status} Error</title></head><body><h1>{fault.status}</h1></body></html>"
    return Reply(body.encode(), fault.status, (HTML,))


def shut_status(fault: Fault) -> int:
    """The status with which an outage or a ban refuses a connection."""
    return 403 if fault.kind == "ip_ban" else fault.status


def spoil(reply: Reply, fault: Fault) -> Reply:
    """The answer as the fault leaves it; faults that do not change answers leave it alone."""
    change = _CHANGES.get(fault.kind)
    return replace(reply, body=change(reply.body, fault)) if change else reply


def _malformed(body: bytes, fault: Fault) -> bytes:
    if fault.variant == "empty":
        return b""
    if fault.variant == "html":
        return b"<html><body>Please wait...</body></html>"
    return body[: len(body) * 2 // 3]


def _strange(body: bytes, fault: Fault) -> bytes:
    if fault.variant == "nan":
        return body.replace(b'"orderStatus":"', b'"strange":NaN,"orderStatus":"').replace(
            b'"retExtInfo":{}', b'"retExtInfo":{"x":NaN}'
        )
    return orjson.dumps(_values(orjson.loads(body), fault.variant))


def _values(value: Any, variant: str) -> Any:
    if isinstance(value, list):
        return [_values(item, variant) for item in value]
    if not isinstance(value, dict):
        return value
    fresh = {name: _values(item, variant) for name, item in value.items()}
    if variant == "huge":
        fresh |= dict.fromkeys(fresh.keys() & {"cumExecQty", "execQty", "walletBalance", "lastPrice"}, HUGE)
    elif variant == "nulls":
        fresh |= dict.fromkeys(fresh.keys() & {"avgPrice", "rejectReason", "cumExecFee", "feeCurrency"})
    elif variant == "extra_fields":
        fresh["brandNewField"] = {"nested": [1, "two", None]}
    elif "orderStatus" in fresh:
        fresh["orderStatus"] = "PendingReview"
    return fresh


def _rows(change: Callable[[Rows], Rows]) -> Callable[[bytes, Fault], bytes]:
    def changed(body: bytes, _fault: Fault) -> bytes:
        told = orjson.loads(body)
        rows = (told["result"] or {}).get("list")
        if isinstance(rows, list):
            told["result"]["list"] = change(rows)
        return orjson.dumps(told)

    return changed


def _crossed(body: bytes, _fault: Fault) -> bytes:
    told = orjson.loads(body)
    result = told["result"] or {}
    cross(result)
    for row in result.get("list") or ():
        cross(row)
    return orjson.dumps(told)


def cross(book: dict[str, Any]) -> None:
    """Put bids where asks belong: in a book, or in a ticker."""
    if "b" in book and "a" in book:
        book["b"], book["a"] = book["a"], book["b"]
    for bid, ask in (("bid1Price", "ask1Price"), ("bid1Size", "ask1Size")):
        if bid in book and ask in book:
            book[bid], book[ask] = book[ask], book[bid]


def _spoilt_legs(body: bytes, fault: Fault) -> bytes:
    """A code for every leg of a batch although the legs were carried out."""
    told = orjson.loads(body)
    codes = (told["retExtInfo"] or {}).get("list", ())
    if not codes:  # no batch that was carried out
        return body
    for row, code in zip(told["result"].get("list", ()), codes, strict=True):
        row["orderId"] = ""
        if "createAt" in row:
            row["createAt"] = ""
        code.update(code=fault.ret_code, msg=fault.ret_msg)
    return orjson.dumps(told)


_CHANGES: Mapping[str, Callable[[bytes, Fault], bytes]] = {
    "malformed_json": _malformed,
    "strange_values": _strange,
    "duplicate_rows": _rows(lambda rows: [row for row in rows for _ in range(2)]),
    "shuffled_rows": _rows(lambda rows: rows[1::2] + rows[::2]),
    "crossed_book": _crossed,
    "leg_ret_code": _spoilt_legs,
}
