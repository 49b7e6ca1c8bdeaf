"""Misbehaviour seen from outside."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from shared.testing import eventually

pytestmark = pytest.mark.integration
BUY = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "119500",
       "timeInForce": "IOC"}  # fmt: skip
FEE_RATE = "/v5/account/fee-rate"


def orders(customer: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"]
    return rows


def test_latency_is_a_round_trip(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "latency", "path": "/v5/order/create", "latency_ms": 200})
    started = time.monotonic()
    assert customer.post("/v5/order/create", BUY)["retCode"] == 0
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("fault", "placed"),
    [
        ({"kind": "reset", "outcome": "not"}, False),
        ({"kind": "reset", "outcome": "executed"}, True),
        ({"kind": "lost_request", "hold_ms": 50}, False),
        ({"kind": "lost_reply", "hold_ms": 50}, True),
    ],
)
def test_a_lost_call_hides_whether_it_was_carried_out(customer: Any, fault: dict[str, Any], placed: bool) -> None:
    customer.venue.control("POST", "faults", {"path": "/v5/order/create", "uid": customer.uid, "count": 1, **fault})
    with pytest.raises(httpx.TransportError):
        customer.post("/v5/order/create", {**BUY, "orderLinkId": "lost"})
    assert bool(orders(customer)) is placed
    again = customer.post("/v5/order/create", {**BUY, "orderLinkId": "lost"})
    assert again["retCode"] == (170141 if placed else 0)
    assert len(orders(customer)) == 1


@pytest.mark.parametrize("outcome", ["executed", "not"])
@pytest.mark.parametrize(("kind", "status"), [("ret_code", 200), ("error_500", 500)])
def test_a_server_error_has_two_hidden_outcomes(customer: Any, kind: str, status: int, outcome: str) -> None:
    customer.venue.control("POST", "faults", {"kind": kind, "path": "/v5/order/create", "outcome": outcome, "count": 1})
    reply = customer.raw_post("/v5/order/create", {**BUY, "orderLinkId": "maybe"})
    assert reply.status_code == status
    if kind == "ret_code":
        assert reply.json()["retCode"] == 10016
    assert bool(orders(customer)) is (outcome == "executed")


def test_a_spoilt_batch_was_carried_out_behind_its_codes(customer: Any) -> None:
    customer.venue.control(
        "POST", "faults", {"kind": "leg_ret_code", "path": "/v5/order/create-batch", "ret_code": 170146}
    )
    reply = customer.post("/v5/order/create-batch", {"category": "spot", "request": [BUY, BUY]})
    assert [row["code"] for row in reply["retExtInfo"]["list"]] == [170146, 170146]
    assert len(orders(customer)) == 2


def test_rate_limit_and_ban(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "rate_limit", "path": "/v5/order/create", "count": 1})
    reply = customer.raw_post("/v5/order/create", BUY)
    assert reply.json()["retCode"] == 10006
    assert int(reply.headers["X-Bapi-Limit-Reset-Timestamp"]) > time.time() * 1000
    customer.venue.control("POST", "faults", {"kind": "ip_ban", "count": 1})
    assert customer.raw_post("/v5/order/create", BUY).status_code == 403
    assert orders(customer) == []


async def test_a_young_order_is_invisible_under_lag(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "visibility_lag", "latency_ms": 1500, "uid": customer.uid})
    customer.post("/v5/order/create", {**BUY, "orderLinkId": "late"})

    def seen() -> bool:
        return any(
            customer.get(path, "category=spot&orderLinkId=late")["result"]["list"]
            for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list")
        )

    assert not seen()

    async def at_last() -> bool:
        return seen()

    assert await eventually(at_last, because="the lag ends")


def test_a_delayed_match_leaves_an_acknowledged_order_open(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "match_delay", "latency_ms": 1500, "uid": customer.uid})
    customer.post("/v5/order/create", {**BUY, "orderLinkId": "slow"})
    assert orders(customer)[0]["orderStatus"] == "New"
    answer = customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
    assert answer["reached"]
    assert orders(customer)[0]["orderStatus"] == "Filled"


def test_partial_fills_on_a_thin_book(customer: Any) -> None:
    customer.venue.control("POST", "feed", {"depth": {"BTCUSDT": "1000"}})
    try:
        customer.post("/v5/order/create", {**BUY, "qty": "0.02", "price": "118700"})
        customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
        order = orders(customer)[0]
        assert order["orderStatus"] == "PartiallyFilledCanceled"
        assert 0 < float(order["cumExecQty"]) < 0.02
    finally:
        customer.venue.control("POST", "feed", {"depth": {"BTCUSDT": "1500000"}})


def test_a_clock_that_was_told_wrong_does_not_fill_the_rate_window(own_venue: Any) -> None:
    """Calls counted at a moment a minute ahead would stand in the window for a minute."""
    own_venue.settings |= {"PAPER_EXCHANGE_CLOCK": "virtual"}
    own_venue.start()
    customer = own_venue.customer()
    fault = {"kind": "clock_skew", "skew_ms": 60_000, "uid": customer.uid, "path": FEE_RATE}
    own_venue.control("POST", "faults", fault)
    now: int = own_venue.control("GET", "clock")["now_ms"]
    ahead = now + 60_000
    for _ in range(5):
        reply = customer.raw_get(FEE_RATE, "category=spot&symbol=BTCUSDT", timestamp=ahead)
        assert reply.json()["retCode"] == 0
        assert int(reply.headers["x-bapi-limit-reset-timestamp"]) > ahead - 5_000
    own_venue.control("DELETE", "faults")
    full = customer.get(FEE_RATE, "category=spot&symbol=BTCUSDT", timestamp=now)
    assert full["retCode"] == 10006
    own_venue.control("POST", "clock", {"advance_ms": 1_100, "step_ms": 1_100})
    told = customer.get(FEE_RATE, "category=spot&symbol=BTCUSDT", timestamp=now + 1_100)
    assert told["retCode"] == 0
    customer.close()


def refused(url: str) -> int:
    """The status with which a socket is not opened."""
    with pytest.raises(InvalidStatus) as error, connect(url, compression=None):
        pass
    return int(error.value.response.status_code)


def hear(socket: ClientConnection, *, frames: int) -> None:
    for _ in range(frames):
        socket.recv(5)


@pytest.mark.parametrize(("kind", "status"), [("error_500", 503), ("ip_ban", 403)])
def test_a_venue_that_is_down_cuts_its_sockets_and_opens_none(customer: Any, kind: str, status: int) -> None:
    venue = customer.venue
    told = {"status": 503} if kind == "error_500" else {}
    public, private = f"{venue.socket_url}/v5/public/spot", f"{venue.socket_url}/v5/private"
    with connect(public, compression=None) as one, connect(private, compression=None) as other:
        for socket in (one, other):
            socket.send('{"op":"ping"}')
            socket.recv(5)
        venue.control("POST", "faults", {"kind": kind, **told})
        with pytest.raises(ConnectionClosed):
            other.recv(5)
        assert refused(private) == refused(f"{venue.socket_url}/v5/trade") == status
        one.send('{"op":"ping"}')
        one.recv(5)
        venue.control("POST", "faults", {"kind": kind, "path": "/v5/public/*", **told})
        with pytest.raises(ConnectionClosed):
            one.recv(5)
        assert refused(public) == status
    venue.control("DELETE", "faults")
    with connect(public, compression=None):
        pass


def test_an_outage_of_one_account_ends_its_login(customer: Any) -> None:
    venue = customer.venue
    venue.control("POST", "faults", {"kind": "ip_ban", "uid": customer.uid})
    expires = str(int(time.time() * 1000) + 10_000)
    signature = hmac.new(customer.api_secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    for path in ("private", "trade"):
        with connect(f"{venue.socket_url}/v5/{path}", compression=None) as socket:
            socket.send(json.dumps({"op": "auth", "args": [customer.api_key, expires, signature]}))
            with pytest.raises(ConnectionClosed):
                hear(socket, frames=3)


def test_a_fault_that_cannot_be_is_refused_in_words(venue: Any) -> None:
    reply = venue.client.post(f"{venue.url}/paper/v1/faults", json={"kind": "lost_reply", "ret_code": 1})
    assert (reply.status_code, reply.json()["error"]) == (
        400, "lost_reply does not heed ret_code, but path, count, hold_ms, uid, for_ms",
    )  # fmt: skip
