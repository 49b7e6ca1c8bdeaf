"""The order entry socket: what REST does and answers, it does and answers, on one connection."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.integration
SPOT = {"category": "spot", "symbol": "BTCUSDT"}
REST = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "117000"}
LIMITS = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")


async def read(socket: ClientConnection) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return value


async def ask(socket: ClientConnection, operation: dict[str, Any]) -> dict[str, Any]:
    await socket.send(json.dumps(operation))
    return await read(socket)


def order(kind: str, fields: dict[str, Any], *, now_ms: int = 0, **more: Any) -> dict[str, Any]:
    stamp = str(now_ms or int(time.time() * 1000))
    header = {"X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000", "Referer": "bot-001"}
    return {"header": header, "op": f"order.{kind}", "args": [fields], **more}


def login(customer: Any, *, secret: str | None = None, now_ms: int = 0) -> dict[str, Any]:
    expires = (now_ms or int(time.time() * 1000)) + 5000
    sign = hmac.new((secret or customer.api_secret).encode(), f"GET/realtime{expires}".encode(), hashlib.sha256)
    return {"op": "auth", "args": [customer.api_key, expires, sign.hexdigest()]}


@asynccontextmanager
async def trading(customer: Any, *, now_ms: int = 0) -> AsyncIterator[ClientConnection]:
    async with connect(customer.venue.socket_url + "/v5/trade", compression=None) as socket:
        told = await ask(socket, login(customer, now_ms=now_ms))
        assert told == {"retCode": 0, "retMsg": "OK", "op": "auth", "connId": told["connId"]}
        yield socket


def open_orders(customer: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = customer.get("/v5/order/realtime", "category=spot")["result"]["list"]
    return rows


async def test_an_order_is_created_amended_and_cancelled(customer: Any) -> None:
    async with trading(customer) as socket:
        told = await ask(socket, order("create", {**REST, "orderLinkId": "one"}, reqId="r1"))
        live = open_orders(customer)[0]
        assert set(told["header"]) == {*LIMITS, "Traceid", "Timenow"}
        assert told == {
            "reqId": "r1", "retCode": 0, "retMsg": "OK", "op": "order.create",
            "data": {"orderId": live["orderId"], "orderLinkId": "one"}, "retExtInfo": {},
            "header": told["header"], "connId": told["connId"],
        }  # fmt: skip
        amended = await ask(socket, order("amend", {**SPOT, "orderLinkId": "one", "price": "117001"}))
        assert (amended["retCode"], amended["data"]["orderId"]) == (0, live["orderId"])
        assert "reqId" not in amended
        assert open_orders(customer)[0]["price"] == "117001"
        cancelled = await ask(socket, order("cancel", {**SPOT, "orderLinkId": "one"}, reqId="r3"))
        assert (cancelled["reqId"], cancelled["data"]["orderLinkId"]) == ("r3", "one")
        assert open_orders(customer) == []


async def test_batches_answer_leg_by_leg(customer: Any) -> None:
    legs = [{**REST, "orderLinkId": "a"}, {**REST, "orderLinkId": "a"}, {**REST, "orderLinkId": "b", "qty": "0"}]
    async with trading(customer) as socket:
        told = await ask(socket, order("create-batch", {"category": "spot", "request": legs}))
        assert [leg["code"] for leg in told["retExtInfo"]["list"]] == [0, 170141, 170130]
        assert [bool(row["orderId"]) for row in told["data"]["list"]] == [True, False, False]
        change = [{**SPOT, "orderLinkId": "a", "qty": "0.002"}]
        await ask(socket, order("amend-batch", {"category": "spot", "request": change}))
        assert [row["qty"] for row in open_orders(customer)] == ["0.002"]
        gone = [{**SPOT, "orderLinkId": "a"}, {**SPOT, "orderLinkId": "never"}]
        told = await ask(socket, order("cancel-batch", {"category": "spot", "request": gone}))
        assert [leg["code"] for leg in told["retExtInfo"]["list"]] == [0, 170213]
        assert open_orders(customer) == []


@pytest.mark.parametrize(
    "fields",
    [
        {**REST, "qty": "5"},
        {**REST, "price": "150000"},
        {**REST, "symbol": "NOPEUSDT"},
        {**REST, "side": "buy"},
        {**REST, "qty": 1},
        {**REST, "category": "linear"},
        {**REST, "orderLinkId": "x" * 37},
    ],
)
async def test_a_refusal_is_told_as_by_rest(customer: Any, fields: dict[str, Any]) -> None:
    by_rest = customer.post("/v5/order/create", fields)
    async with trading(customer) as socket:
        told = await ask(socket, order("create", fields))
    assert by_rest["retCode"] != 0
    assert (told["retCode"], told["retMsg"], told["data"]) == (by_rest["retCode"], by_rest["retMsg"], {})


async def test_what_is_no_operation_of_a_client_that_signed_in_is_refused(customer: Any) -> None:
    async with connect(customer.venue.socket_url + "/v5/trade", compression=None) as socket:
        assert (await ask(socket, order("create", REST, reqId="early")))["retCode"] == 10007
        assert (await ask(socket, login(customer, secret="wrong")))["retCode"] == 10004
        assert (await ask(socket, {"op": "auth", "args": [customer.api_key]}))["retCode"] == 10001
        assert (await ask(socket, {**login(customer), "reqId": "in"}))["reqId"] == "in"
        assert (await ask(socket, login(customer)))["retCode"] == 20001
        assert (await ask(socket, {"op": "order.destroy", "args": []}))["retCode"] == 10404
        assert (await ask(socket, order("create", {**REST, "category": "moon"})))["retCode"] == 10404
        assert (await ask(socket, {**order("create", REST), "args": []}))["retCode"] == 10001
        assert (await ask(socket, order("create", REST, reqId="r")))["retCode"] == 0
        assert (await ask(socket, order("create", REST, reqId="r")))["retCode"] == 20006
        assert (await ask(socket, order("create", REST, reqId="r" * 37)))["retCode"] == 20006
        late = order("create", REST)
        late["header"]["X-BAPI-TIMESTAMP"] = str(int(time.time() * 1000) - 6000)
        assert (await ask(socket, late))["retCode"] == 10002
        customer.venue.control("POST", "keys", {"api_key": customer.api_key, "read_only": True})
        assert (await ask(socket, order("create", REST)))["retCode"] == 10005
        customer.venue.control("DELETE", f"keys?api_key={customer.api_key}")
        assert (await ask(socket, order("create", REST)))["retCode"] == 10003
    ledger = customer.venue.control("GET", f"ledger?uid={customer.uid}")
    assert len(ledger["orders"]) == 1


async def test_the_rate_limit_is_the_one_of_rest(own_venue: Any) -> None:
    own_venue.settings |= {"PAPER_EXCHANGE_CLOCK": "virtual", "PAPER_EXCHANGE_FEED": "frozen"}  # the second never ends
    own_venue.start()
    customer, body = own_venue.customer(), {**SPOT, "orderId": "1"}
    now = int(customer.client.get(f"{own_venue.url}/v5/market/time").json()["result"]["timeNano"]) // 1_000_000
    async with trading(customer, now_ms=now) as socket:
        told = [await ask(socket, order("cancel", body, now_ms=now)) for _ in range(19)]
        by_rest = customer.raw_post("/v5/order/cancel", body, timestamp=now)
        over = await ask(socket, order("cancel", body, now_ms=now))
    customer.close()
    assert [row["header"]["X-Bapi-Limit-Status"] for row in told] == [str(left) for left in range(19, 0, -1)]
    assert (by_rest.headers["x-bapi-limit-status"], by_rest.json()["retCode"]) == ("0", 170213)
    limits = {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(now + 1000)}
    assert (over["retCode"], {name: over["header"][name] for name in LIMITS}) == (10006, limits)


async def test_operations_sent_without_waiting_begin_in_their_order(customer: Any) -> None:
    async with trading(customer) as socket:
        names = [f"n{place}" for place in range(10)]
        for name in names:
            await socket.send(json.dumps(order("create", {**REST, "orderLinkId": name}, reqId=name)))
        answers = {told["reqId"]: told["data"]["orderId"] for told in [await read(socket) for _ in names]}
    assert sorted(answers, key=lambda name: int(answers[name])) == names


async def test_both_pings_are_answered_before_and_after_signing_in(customer: Any) -> None:
    async with connect(customer.venue.socket_url + "/v5/trade", compression=None) as socket:
        for _ in range(2):
            await asyncio.wait_for(await socket.ping(), 5)
            pong = await ask(socket, {"op": "ping", "reqId": "p"})
            told = {"reqId": "p", "retCode": 0, "retMsg": "OK", "op": "pong", "data": pong["data"]}
            assert pong == {**told, "connId": pong["connId"]}
            assert abs(int(pong["data"][0]) - time.time() * 1000) < 5_000
            await ask(socket, login(customer))


@pytest.mark.parametrize(
    ("fault", "code", "done"),
    [({"kind": "ret_code"}, 10016, 0), ({"kind": "ret_code", "outcome": "executed"}, 10016, 1),
     ({"kind": "rate_limit"}, 10006, 0), ({"kind": "ip_ban"}, 10403, 0)],
)  # fmt: skip
async def test_faults_of_the_path_answer_here_too(customer: Any, fault: dict[str, Any], code: int, done: int) -> None:
    customer.venue.control("POST", "faults", {"uid": customer.uid, "path": "/v5/order/create", **fault})
    async with trading(customer) as socket:
        assert (await ask(socket, order("create", REST)))["retCode"] == code
    assert len(open_orders(customer)) == done


@pytest.mark.parametrize(
    ("fault", "done"),
    [({"kind": "lost_request", "hold_ms": 20}, 0), ({"kind": "lost_reply", "hold_ms": 20}, 1), ({"kind": "reset"}, 0),
     ({"kind": "reset_mid_reply"}, 1), ({"kind": "half_open", "hold_ms": 50, "outcome": "executed"}, 1)],
)  # fmt: skip
async def test_faults_of_the_path_cut_the_connection(customer: Any, fault: dict[str, Any], done: int) -> None:
    customer.venue.control("POST", "faults", {"uid": customer.uid, "path": "/v5/order/create", **fault})
    async with trading(customer) as socket:
        with pytest.raises(ConnectionClosed):
            await ask(socket, order("create", REST))
    assert len(open_orders(customer)) == done


async def test_a_proxys_page_comes_as_it_is(customer: Any) -> None:
    customer.venue.control(
        "POST", "faults", {"uid": customer.uid, "kind": "error_500", "status": 502, "path": "/v5/order/create"}
    )
    async with trading(customer) as socket:
        await socket.send(json.dumps(order("create", REST)))
        assert "<html" in str(await asyncio.wait_for(socket.recv(), 5)).lower()
