"""Every kind of misbehaviour of a call that can be ordered, one row each: what is ordered, and what the client sees."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, get_args

import httpx
import pytest

from paper_exchange.application.faults import Kind

pytestmark = pytest.mark.integration
CREATE = "/v5/order/create"
BUY = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "119500",
       "timeInForce": "IOC", "orderLinkId": "one"}  # fmt: skip
LIVE, HISTORY, EXECUTIONS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
BY_LINK = "category=spot&orderLinkId=one"

Fault = dict[str, Any]
See = Callable[[Any], object]


def create(customer: Any) -> object:
    """What a client sees of a create: a code, a status, broken JSON, or a broken connection; and whether it was done."""
    try:
        reply = customer.raw_post(CREATE, BUY)
    except httpx.TransportError as error:
        seen: object = type(error).__name__
    else:
        try:
            seen = reply.json()["retCode"] if reply.status_code == 200 else reply.status_code
        except json.JSONDecodeError:
            seen = "not JSON"
    return seen, len(customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"])


def create_twice(customer: Any) -> object:
    return [customer.post(CREATE, BUY)["retCode"] for _ in range(2)]


def bought(customer: Any) -> None:
    customer.post(CREATE, BUY)
    assert customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=9000")["reached"]


def rows(customer: Any, path: str) -> int:
    return len(customer.get(path, BY_LINK)["result"]["list"])


def bought_and_asked(customer: Any) -> object:
    bought(customer)
    return [rows(customer, path) for path in (LIVE, HISTORY, EXECUTIONS)]


def five_bought(customer: Any) -> object:
    """Executions as they are shown, newest first when nothing is wrong."""
    for place in range(5):
        assert customer.post(CREATE, {**BUY, "qty": "0.0001", "orderLinkId": str(place)})["retCode"] == 0
        wait = f"wait?uid={customer.uid}&event=order_closed&n={place + 1}&timeout_ms=9000"
        assert customer.venue.control("GET", wait)["reached"]
    return [row["orderLinkId"] for row in customer.get(EXECUTIONS, "category=spot")["result"]["list"]]


def balance(customer: Any) -> object:
    return customer.get("/v5/account/wallet-balance", "accountType=UNIFIED")["retCode"]


def late_order(customer: Any) -> object:
    """The client gives up; its order lands later, still within its window, and only once."""
    body = json.dumps(BUY)
    with pytest.raises(httpx.TransportError):
        customer.client.post(
            f"{customer.venue.url}{CREATE}", content=body, headers=customer.headers(body, window="4000")
        )
    before = len(customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"])
    wait = f"wait?uid={customer.uid}&event=order_received&n=1&timeout_ms=9000"
    assert customer.venue.control("GET", wait)["reached"]
    return before, len(customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"])


def ended(customer: Any) -> object:
    """How an order that was acknowledged stands after its end, in queries; nothing of it is set aside any more."""
    bought(customer)
    found = [customer.get(path, BY_LINK)["result"]["list"][0] for path in (LIVE, HISTORY)]
    assert found[0] == found[1]
    assert [row["locked"] for row in customer.venue.control("GET", f"ledger?uid={customer.uid}")["balances"]] == ["0"]
    return found[0]["orderStatus"], found[0]["rejectReason"], found[0]["cumExecQty"]


def strange(customer: Any) -> object:
    bought(customer)
    return customer.raw_get(HISTORY, BY_LINK).text


def crossed(customer: Any) -> object:
    book = customer.get("/v5/market/orderbook", "category=spot&symbol=BTCUSDT")["result"]
    row = customer.get("/v5/market/tickers", "category=spot&symbol=BTCUSDT")["result"]["list"][0]
    return float(book["b"][0][0]) > float(book["a"][0][0]), float(row["bid1Price"]) > float(row["ask1Price"])


def skewed(customer: Any) -> object:
    seconds = customer.client.get(f"{customer.venue.url}/v5/market/time").json()["result"]["timeSecond"]
    return customer.post(CREATE, BUY)["retCode"], round((int(seconds) - time.time()) / 10) * 10


def took(customer: Any) -> object:
    began = time.monotonic()
    customer.get("/v5/account/info")
    return time.monotonic() - began >= 0.2


def public(customer: Any) -> object:
    return customer.client.get(f"{customer.venue.url}/v5/market/time").status_code, balance(customer)


def in_the_batch(customer: Any) -> object:
    reply = customer.post("/v5/order/create-batch", {"category": "spot", "request": [BUY]})
    return reply["retCode"], reply["retExtInfo"]["list"][0]["code"], create(customer)


def slow_match(customer: Any) -> object:
    customer.post(CREATE, BUY)
    return rows(customer, EXECUTIONS)


GONE = {"ReadError", "RemoteProtocolError", "ReadTimeout"}
TABLE: list[tuple[Fault, See, object]] = [
    ({"kind": "latency", "latency_ms": 200, "jitter_ms": 50, "path": "/v5/account/info"}, took, True),
    ({"kind": "latency", "latency_ms": 200, "path": "/v5/account/*"}, took, True),
    ({"kind": "latency", "latency_ms": 60_000, "path": "/v5/order/*"}, balance, 0),
    ({"kind": "clock_skew", "skew_ms": 60_000}, skewed, (10002, 60)),
    ({"kind": "clock_skew", "skew_ms": -60_000}, skewed, (10002, -60)),
    ({"kind": "lost_request", "hold_ms": 20}, create, (GONE, 0)),
    ({"kind": "lost_reply", "hold_ms": 20}, create, (GONE, 1)),
    ({"kind": "late_landing", "hold_ms": 20}, late_order, (0, 1)),
    ({"kind": "reset"}, create, (GONE, 0)),
    ({"kind": "reset", "outcome": "executed"}, create, (GONE, 1)),
    ({"kind": "reset_mid_reply"}, create, (GONE, 1)),
    ({"kind": "half_open", "hold_ms": 50}, create, (GONE, 0)),
    ({"kind": "half_open", "hold_ms": 50, "outcome": "executed"}, create, (GONE, 1)),
    ({"kind": "error_500"}, create, (500, 0)),
    ({"kind": "error_500", "status": 502, "outcome": "executed"}, create, (502, 1)),
    ({"kind": "error_500", "status": 503, "path": "/v5/market/time"}, public, (503, 0)),
    ({"kind": "malformed_json"}, create, ("not JSON", 1)),
    ({"kind": "malformed_json", "variant": "empty"}, create, ("not JSON", 1)),
    ({"kind": "malformed_json", "variant": "html"}, create, ("not JSON", 1)),
    ({"kind": "strange_values", "variant": "nan", "path": HISTORY}, strange, ":NaN"),
    ({"kind": "strange_values", "variant": "huge", "path": HISTORY}, strange, "9" * 60),
    ({"kind": "strange_values", "variant": "new_status", "path": HISTORY}, strange, "PendingReview"),
    ({"kind": "strange_values", "variant": "extra_fields", "path": HISTORY}, strange, "brandNewField"),
    ({"kind": "strange_values", "variant": "nulls", "path": HISTORY}, strange, '"avgPrice":null'),
    ({"kind": "duplicate_rows", "path": EXECUTIONS}, bought_and_asked, [1, 1, 2]),
    ({"kind": "shuffled_rows", "path": EXECUTIONS}, five_bought, ["3", "1", "4", "2", "0"]),
    ({"kind": "crossed_book", "path": "/v5/market/*"}, crossed, (True, True)),
    ({"kind": "ret_code", "ret_code": 10000, "ret_msg": "Server Timeout"}, create, (10000, 0)),
    ({"kind": "ret_code", "ret_code": 10000, "outcome": "executed"}, create, (10000, 1)),
    ({"kind": "ret_code"}, create, (10016, 0)),
    ({"kind": "ret_code", "outcome": "executed"}, create, (10016, 1)),
    ({"kind": "ret_code", "ret_code": 170146}, create, (170146, 0)),
    ({"kind": "ret_code", "ret_code": 170146, "outcome": "executed"}, create, (170146, 1)),
    ({"kind": "ret_code", "ret_code": 10003, "variant": "http_401"}, create, (401, 0)),
    ({"kind": "leg_ret_code", "ret_code": 170146, "path": "/v5/order/create-batch"}, in_the_batch, (0, 170146, (170141, 1))),
    ({"kind": "rate_limit", "count": 5}, create, (10006, 0)),
    ({"kind": "ip_ban", "for_ms": 600_000}, create, (403, 0)),
    ({"kind": "link_ids_forgotten"}, create_twice, [0, 0]),
    ({"kind": "visibility_lag", "latency_ms": 15_000}, bought_and_asked, [0, 0, 0]),
    ({"kind": "visibility_lag", "latency_ms": 15_000, "path": HISTORY}, bought_and_asked, [1, 0, 1]),
    ({"kind": "wiped_live_view"}, bought_and_asked, [0, 1, 1]),
    ({"kind": "match_delay", "latency_ms": 5_000}, slow_match, 0),
    ({"kind": "rejected_later"}, ended, ("Rejected", "EC_Others", "0")),
    ({"kind": "rejected_later", "variant": "EC_ReachMaxTradeNum", "count": 1}, ended, ("Rejected", "EC_ReachMaxTradeNum", "0")),
]  # fmt: skip


def named(fault: Fault) -> str:
    return "-".join(str(fault[name]) for name in ("kind", "ret_code", "variant", "outcome", "status") if name in fault)


@pytest.mark.parametrize(("fault", "see", "expected"), TABLE, ids=[named(row[0]) for row in TABLE])
def test_the_client_sees_what_was_ordered(customer: Any, fault: Fault, see: See, expected: object) -> None:
    everybody = str(fault.get("path", "")).startswith("/v5/market") or fault["kind"] == "clock_skew"
    customer.venue.control("POST", "faults", fault if everybody else {"uid": customer.uid, **fault})
    seen = see(customer)
    if isinstance(expected, str):
        assert expected in str(seen)
    elif isinstance(expected, tuple) and expected[0] is GONE:
        assert isinstance(seen, tuple)
        assert seen[0] in GONE
        assert seen[1] == expected[1]
    else:
        assert seen == expected


@pytest.mark.parametrize(
    ("terms", "code"),
    [({"ips": ["10.0.0.1"]}, 10010), ({"expires_in_s": -1}, 33004), ({"environment": "mainnet"}, 10003),
     ({"permissions": {"Spot": []}}, 10005), ({"read_only": True}, 10005), ({}, 0)],
)  # fmt: skip
def test_a_key_changes_under_its_owner(customer: Any, terms: Fault, code: int) -> None:
    customer.venue.control("POST", "keys", {"api_key": customer.api_key, **terms})
    assert customer.post(CREATE, BUY)["retCode"] == code


def test_a_key_gains_a_right_and_is_revoked(customer: Any) -> None:
    terms = {"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}
    customer.venue.control("POST", "keys", {"api_key": customer.api_key, **terms})
    assert customer.get("/v5/user/query-api")["result"]["permissions"]["Wallet"] == ["Withdraw"]
    customer.venue.control("DELETE", f"keys?api_key={customer.api_key}")
    assert customer.post(CREATE, BUY)["retCode"] == 10003


def test_a_fault_ends_by_itself_and_a_count_is_kept(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "error_500", "uid": customer.uid, "for_ms": 2000})
    customer.venue.control("POST", "faults", {"kind": "rate_limit", "uid": customer.uid, "count": 2})
    seen: list[int] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (not seen or seen[-1] != 200):
        seen.append(customer.raw_get("/v5/account/info").status_code)
    assert set(seen) == {500, 200}
    told = customer.venue.control("GET", "faults")["faults"]
    assert [(fault["kind"], fault["count"], fault["hits"]) for fault in told] == [("rate_limit", 1, 1)]
    assert customer.venue.control("DELETE", "faults") == {"healed": 1}
    assert balance(customer) == 0


def test_every_kind_stands_in_a_table() -> None:
    streams = {"stream_latency", "silent_stream", "half_open_stream", "lost_frames", "duplicated_frames",
               "reordered_frames"}  # fmt: skip
    assert {row[0]["kind"] for row in TABLE} | streams == set(get_args(Kind))
