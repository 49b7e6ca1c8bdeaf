"""Sockets by the book: subscriptions, deltas, private forms, faults."""

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
BUY = {"category": "spot", "symbol": "ETHUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "4390",
       "timeInForce": "IOC"}  # fmt: skip
PUBLIC, PRIVATE = "/v5/public/spot", "/v5/private"
FAST = {"category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "orderLinkId", "side",
        "execTime", "seq"}  # fmt: skip


async def read(socket: ClientConnection, timeout_s: float = 10) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), timeout_s))
    return value


async def answer(socket: ClientConnection, operation: dict[str, Any]) -> dict[str, Any]:
    """Ask, and read past the frames of topics to the answer."""
    await socket.send(json.dumps(operation))
    told = await read(socket)
    while "topic" in told:
        told = await read(socket)
    return told


@asynccontextmanager
async def private(customer: Any, *topics: str) -> AsyncIterator[ClientConnection]:
    async with connect(customer.venue.socket_url + PRIVATE, compression=None) as socket:
        expires = int(time.time() * 1000) + 5000
        sign = hmac.new(customer.api_secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        assert (await answer(socket, {"op": "auth", "args": [customer.api_key, expires, sign]}))["success"]
        if topics:
            assert (await answer(socket, {"op": "subscribe", "args": list(topics)}))["success"]
        yield socket


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["orderbook.1.BTCUSDT", "orderbook.50.BTCUSDT", "orderbook.200.BTCUSDT", "kline.D.BTCUSDT"], ""),
        (["tickers.BTCUSDT", "tickers.BTCUSDT"], "error:already subscribed,topic:tickers.BTCUSDT"),
        (["orderbook.25.BTCUSDT"], "Invalid topic: orderbook.25.BTCUSDT"),
        (["kline.2.BTCUSDT"], "Invalid topic: kline.2.BTCUSDT"),
        (["tickers.btcusdt"], "Invalid topic: tickers.btcusdt"),
        (["nonsense"], "Invalid topic: nonsense"),
        ([], "Params Error"),
        ([f"kline.{minutes}.BTCUSDT" for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720, "D")], "args size >10"),
    ],
)
async def test_public_subscriptions_follow_the_rules(venue: Any, args: list[str], text: str) -> None:
    async with connect(venue.socket_url + PUBLIC, compression=None) as socket:
        told = await answer(socket, {"op": "subscribe", "req_id": "7", "args": args})
        assert told == {"success": not text, "ret_msg": text, "conn_id": told["conn_id"], "req_id": "7",
                        "op": "subscribe"}  # fmt: skip


@pytest.mark.parametrize(
    ("args", "success"),
    [
        (["order", "execution", "wallet", "position", "execution.fast"], True),
        (["order.spot", "execution.spot", "execution.fast.spot", "position.linear"], True),
        (["order", "execution.spot"], False),
        (["wallet.spot"], False),
        (["order.nonsense"], False),
        ([], False),
    ],
)
async def test_private_subscriptions_follow_the_rules(customer: Any, args: list[str], *, success: bool) -> None:
    async with private(customer) as socket:
        assert (await answer(socket, {"op": "subscribe", "args": args}))["success"] is success
        if success:
            again = await answer(socket, {"op": "subscribe", "args": args[:1]})
            assert again["ret_msg"] == f"error:already subscribed,topic:{args[0]}"


async def test_a_book_kept_by_its_changes_is_the_book(own_venue: Any) -> None:
    own_venue.settings["PAPER_EXCHANGE_CLOCK"] = "virtual"  # so that REST shows the book of the last frame
    own_venue.start()
    held: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    seen: list[tuple[str, int]] = []
    async with connect(own_venue.socket_url + PUBLIC, compression=None) as socket:
        await answer(socket, {"op": "subscribe", "args": ["orderbook.50.ETHUSDT"]})
        while len(seen) < 5:
            frame = await read(socket)
            data = frame["data"]
            seen.append((frame["type"], data["u"]))
            for side, levels in held.items():
                for price, size in data[side]:
                    if size == "0":
                        levels.pop(price)
                    else:
                        levels[price] = size
            url = f"{own_venue.url}/v5/market/orderbook?category=spot&symbol=ETHUSDT&limit=50"
            book = own_venue.client.get(url).json()["result"]
            assert (book["seq"], held) == (data["seq"], {side: dict(book[side]) for side in ("b", "a")})
            own_venue.control("POST", "clock", {"advance_ms": 3_000, "step_ms": 3_000})
    first = seen[0][1]
    assert seen == [("snapshot", first), *(("delta", first + place) for place in range(1, 5))]


async def test_categorised_and_fast_forms_tell_the_same_fill(customer: Any) -> None:
    async with private(customer, "order.spot", "execution.spot", "execution.fast.spot") as socket:
        customer.post("/v5/order/create", {**BUY, "orderLinkId": "forms"})
        seen: dict[str, dict[str, Any]] = {}
        while not {"execution.spot", "execution.fast.spot"} <= set(seen) or seen["order.spot"]["data"][0][
            "orderStatus"] != "Filled":  # fmt: skip
            frame = await read(socket)
            seen[frame["topic"]] = frame
    full, fast = seen["execution.spot"]["data"][0], seen["execution.fast.spot"]["data"][0]
    assert set(fast) == FAST
    assert fast == {name: full[name] for name in FAST}
    assert "id" not in seen["execution.fast.spot"]


async def frames_of(socket: ClientConnection, number: int) -> list[str]:
    return [(await read(socket))["data"][0]["orderLinkId"] for _ in range(number)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "lost_frames", "count": 1}, ["two"]),
        ({"kind": "duplicated_frames", "count": 1}, ["one", "one", "two"]),
        ({"kind": "reordered_frames", "count": 1}, ["two", "one"]),
    ],
)
async def test_frames_are_lost_doubled_or_out_of_order(
    customer: Any, fault: dict[str, Any], expected: list[str]
) -> None:
    customer.venue.control("POST", "faults", {"uid": customer.uid, **fault})
    customer.venue.control("POST", "feed", {"mode": "frozen", "depth": {"ETHUSDT": "50000000"}})  # one match each
    async with private(customer, "execution") as socket:
        legs = [{**BUY, "orderLinkId": name} for name in ("one", "two")]
        customer.post("/v5/order/create-batch", {"category": "spot", "request": legs})
        assert await frames_of(socket, len(expected)) == expected
        with pytest.raises(TimeoutError):
            await read(socket, 0.1)


async def test_a_half_open_connection_answers_nothing_and_is_reset_when_healed(customer: Any) -> None:
    async with private(customer, "order") as socket:
        customer.venue.control("POST", "faults", {"kind": "half_open_stream", "uid": customer.uid})
        pong = await socket.ping()
        await socket.send('{"op":"ping"}')
        customer.post("/v5/order/create", BUY)
        with pytest.raises(TimeoutError):
            await read(socket, 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.1)
        customer.venue.control("DELETE", "faults")
        with pytest.raises(ConnectionClosed):
            await read(socket)


async def test_public_streams_fall_silent_cross_and_die_only_by_name(venue: Any) -> None:
    async with connect(venue.socket_url + PUBLIC, compression=None) as socket:
        await answer(socket, {"op": "subscribe", "args": ["orderbook.1.BTCUSDT"]})
        venue.control("POST", "faults", {"kind": "silent_stream"})
        venue.control("POST", "faults", {"kind": "crossed_book", "path": "/v5/public/spot"})
        crossed = await read(socket)
        while float(crossed["data"]["b"][0][0]) <= float(crossed["data"]["a"][0][0]):
            crossed = await read(socket)
        venue.control("POST", "faults", {"kind": "half_open_stream", "path": "/v5/public/spot"})
        pong = await socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.3)
        venue.control("DELETE", "faults")
        await asyncio.wait_for(socket.wait_closed(), 5)


async def test_a_candle_is_confirmed_when_its_minute_is_over(own_venue: Any) -> None:
    own_venue.settings["PAPER_EXCHANGE_CLOCK"] = "virtual"
    own_venue.start()
    async with connect(own_venue.socket_url + PUBLIC, compression=None) as socket:
        await answer(socket, {"op": "subscribe", "args": ["kline.1.BTCUSDT", "publicTrade.BTCUSDT"]})
        own_venue.control("POST", "clock", {"advance_ms": 63_000, "step_ms": 3_000})
        frames: list[dict[str, Any]] = []
        while sum(frame["topic"].startswith("publicTrade") for frame in frames) < 21:  # told after the candle
            frames.append(await read(socket))
    candles = [frame["data"][0] for frame in frames if frame["topic"].startswith("kline")]
    confirmed = [candle for candle in candles if candle["confirm"]]
    assert [candle["end"] + 1 - candle["start"] for candle in confirmed] == [60_000]
    following = candles[candles.index(confirmed[0]) + 1]
    assert following["start"] == confirmed[0]["end"] + 1
    assert following["open"] == confirmed[0]["close"]
    trades = [frame["data"][0] for frame in frames if frame["topic"].startswith("publicTrade")]
    running = [candle for candle in candles if not candle["confirm"]][1:]
    assert [trade["T"] for trade in trades] == [candle["timestamp"] for candle in running]
    assert {trade["S"] for trade in trades} == {"Buy", "Sell"}
