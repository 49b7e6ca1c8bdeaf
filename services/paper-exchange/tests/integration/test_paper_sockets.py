"""Both sockets, by hand."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

pytestmark = pytest.mark.integration
BUY = {"category": "spot", "symbol": "ETHUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "4390",
       "timeInForce": "IOC"}  # fmt: skip


def login(customer: Any, *, secret: str | None = None) -> str:
    expires = str(int(time.time() * 1000) + 5000)
    signature = hmac.new((secret or customer.api_secret).encode(), f"GET/realtime{expires}".encode(), hashlib.sha256)
    return json.dumps({"op": "auth", "args": [customer.api_key, int(expires), signature.hexdigest()]})


async def ask(socket: ClientConnection, operation: dict[str, Any]) -> dict[str, Any]:
    await socket.send(json.dumps(operation))
    return await read(socket)


async def read(socket: ClientConnection) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return value


async def signed_in(socket: ClientConnection, customer: Any) -> None:
    await socket.send(login(customer))
    assert (await read(socket))["success"]
    started = time.monotonic()
    told = await ask(socket, {"op": "subscribe", "req_id": "r1", "args": ["order", "execution", "wallet"]})
    assert time.monotonic() - started >= 0.005
    assert (told["success"], told["req_id"], told["op"]) == (True, "r1", "subscribe")


async def test_an_order_is_told_on_three_topics_and_agrees_with_the_ledger(customer: Any) -> None:
    async with connect(f"{customer.venue.socket_url}/v5/private", compression=None) as socket:
        await signed_in(socket, customer)
        await asyncio.to_thread(customer.post, "/v5/order/create", {**BUY, "orderLinkId": "told"})
        frames: dict[str, list[dict[str, Any]]] = {"order": [], "execution": [], "wallet": []}
        while not any(row["orderStatus"] == "Filled" for row in frames["order"]):
            frame = await read(socket)
            frames[frame["topic"]] += frame["data"]
        frame = await read(socket)
        frames[frame["topic"]] += frame["data"]
    assert [row["orderStatus"] for row in frames["order"]] == ["New", "Filled"]
    ledger = customer.venue.control("GET", f"ledger?uid={customer.uid}")
    told = [{key: row[key] for key in ledger["executions"][0]} for row in frames["execution"]]
    assert told == ledger["executions"]
    coins = {row["coin"]: row["walletBalance"] for wallet in frames["wallet"] for row in wallet["coin"]}
    assert coins == {row["coin"]: row["walletBalance"] for row in ledger["balances"]}


async def test_without_a_good_login_nothing_is_told(customer: Any) -> None:
    async with connect(f"{customer.venue.socket_url}/v5/private", compression=None) as socket:
        refused = await ask(socket, {"op": "subscribe", "req_id": "x", "args": ["order"]})
        assert not refused["success"]
        await socket.send(login(customer, secret="wrong"))
        assert not (await read(socket))["success"]
        old = {"op": "auth", "args": [customer.api_key, str(int(time.time() * 1000) - 1), "0"]}
        assert not (await ask(socket, old))["success"]


async def test_both_pings_are_answered(customer: Any) -> None:
    for path in ("private", "public/spot"):
        async with connect(f"{customer.venue.socket_url}/v5/{path}", compression=None) as socket:
            await asyncio.wait_for(await socket.ping(), 5)
            pong = await ask(socket, {"op": "ping", "req_id": "p"})
            assert pong["req_id"] == "p"
            assert (pong["op"], pong.get("ret_msg")) in {("pong", None), ("ping", "pong")}


async def test_a_customer_never_hears_of_another(customer: Any) -> None:
    other = customer.venue.customer()
    async with connect(f"{customer.venue.socket_url}/v5/private", compression=None) as socket:
        await signed_in(socket, customer)
        await asyncio.to_thread(other.post, "/v5/order/create", BUY)
        await asyncio.to_thread(customer.post, "/v5/order/create", {**BUY, "orderLinkId": "own"})
        frame = await read(socket)
        while frame["topic"] != "order":
            frame = await read(socket)
        assert frame["data"][0]["orderLinkId"] == "own"
    other.close()


async def test_a_silent_and_a_cut_stream(customer: Any) -> None:
    async with connect(f"{customer.venue.socket_url}/v5/private", compression=None) as socket:
        await signed_in(socket, customer)
        fault = customer.venue.control("POST", "faults", {"kind": "silent_stream", "uid": customer.uid})
        await asyncio.to_thread(customer.post, "/v5/order/create", {**BUY, "orderLinkId": "hidden"})
        wait = f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000"
        assert customer.venue.control("GET", wait)["reached"]
        customer.venue.control("DELETE", f"faults?id={fault['id']}")
        await asyncio.to_thread(customer.post, "/v5/order/create", {**BUY, "orderLinkId": "heard"})
        told: list[dict[str, Any]] = []
        while not any(frame["data"][0].get("orderStatus") == "Filled" for frame in told):
            told.append(await read(socket))
        assert {row["orderLinkId"] for frame in told for row in frame["data"] if frame["topic"] != "wallet"} == {
            "heard"
        }
        customer.venue.control("POST", "streams/cut", {"uid": customer.uid})
        await asyncio.wait_for(socket.wait_closed(), 5)


async def test_public_topics_tell_the_same_as_rest(customer: Any) -> None:
    async with connect(f"{customer.venue.socket_url}/v5/public/spot", compression=None) as socket:
        wanted = [
            "orderbook.1.BTCUSDT",
            "orderbook.50.BTCUSDT",
            "tickers.BTCUSDT",
            "publicTrade.ETHUSDT",
            "kline.1.BTCUSDT",
        ]
        assert (await ask(socket, {"op": "subscribe", "req_id": "s", "args": wanted}))["success"]
        seen: dict[str, dict[str, Any]] = {}
        customer.post("/v5/order/create", BUY)
        while set(seen) != set(wanted):
            frame = await read(socket)
            seen[frame["topic"]] = frame
        assert len(seen["orderbook.50.BTCUSDT"]["data"]["b"]) == 50
        assert len(seen["orderbook.1.BTCUSDT"]["data"]["a"]) == 1
        assert "bid1Price" not in seen["tickers.BTCUSDT"]["data"]
        assert seen["publicTrade.ETHUSDT"]["data"][0]["S"] == "Buy"
        refused = await ask(socket, {"op": "subscribe", "req_id": "n", "args": ["orderbook.1.NOPEUSDT"]})
        while "op" not in refused:
            refused = await read(socket)
        assert not refused["success"]


async def test_stream_latency_is_one_way(customer: Any) -> None:
    customer.venue.control("POST", "faults", {"kind": "stream_latency", "latency_ms": 150, "uid": customer.uid})
    async with connect(f"{customer.venue.socket_url}/v5/private", compression=None) as socket:
        await signed_in(socket, customer)
        await asyncio.to_thread(customer.post, "/v5/order/create", BUY)
        frame = await read(socket)
        assert time.time() * 1000 - frame["creationTime"] >= 140
