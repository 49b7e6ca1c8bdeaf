"""The public socket of perpetuals, and those of products of which there are none."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

pytestmark = pytest.mark.integration
LINEAR = "/v5/public/linear"
FAR_MS = 3_000


async def read(socket: ClientConnection) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return value


async def answer(socket: ClientConnection, operation: dict[str, Any]) -> dict[str, Any]:
    """Ask, and read past the frames of topics to the answer."""
    await socket.send(json.dumps(operation))
    told = await read(socket)
    while "topic" in told:
        told = await read(socket)
    return told


@pytest.fixture
def still(own_venue: Any) -> Any:
    """A venue whose time stands still until it is moved."""
    own_venue.settings |= {"PAPER_EXCHANGE_CLOCK": "virtual"}
    own_venue.start()
    return own_venue


def asked(venue: Any, name: str, **params: str) -> dict[str, Any]:
    told = venue.client.get(f"{venue.url}/v5/market/{name}", params={"category": "linear", **params}).json()
    value: dict[str, Any] = told["result"]
    return value


async def test_a_book_and_a_ticker_kept_by_their_changes_are_those_of_rest(still: Any) -> None:
    levels: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    row: dict[str, str] = {}
    kinds: dict[str, list[str]] = {"orderbook": [], "tickers": []}
    async with connect(still.socket_url + LINEAR, compression=None) as socket:
        topics = ["orderbook.50.ETHUSDT", "tickers.ETHUSDT"]
        assert (await answer(socket, {"op": "subscribe", "args": topics}))["success"]
        while len(kinds["orderbook"]) < 4 or len(kinds["tickers"]) < 4:
            frame = await read(socket)
            name = frame["topic"].split(".")[0]
            kinds[name].append(frame["type"])
            if name == "tickers":
                row |= frame["data"]
            for side, held in levels.items() if name == "orderbook" else ():
                for price, size in frame["data"][side]:
                    if size == "0":
                        held.pop(price)
                    else:
                        held[price] = size
            if len(kinds["orderbook"]) == len(kinds["tickers"]) < 4:
                book = asked(still, "orderbook", symbol="ETHUSDT", limit="50")
                assert levels == {side: dict(book[side]) for side in ("b", "a")}
                told = {name: value for name, value in row.items() if name != "tickDirection"}
                assert told == asked(still, "tickers", symbol="ETHUSDT")["list"][0]
                still.control("POST", "clock", {"advance_ms": FAR_MS, "step_ms": FAR_MS})
    assert kinds["orderbook"][0] == kinds["tickers"][0] == "snapshot"
    assert set(kinds["orderbook"][1:]) == set(kinds["tickers"][1:]) == {"delta"}


async def test_a_ticker_tells_where_its_price_came_from(still: Any) -> None:
    async with connect(still.socket_url + LINEAR, compression=None) as socket:
        assert (await answer(socket, {"op": "subscribe", "args": ["tickers.ETHUSDT"]}))["success"]
        row: dict[str, str] = {}
        words: set[str] = set()
        for _ in range(30):
            before = row.get("lastPrice")
            row |= (await read(socket))["data"]
            if before is None:
                assert row["tickDirection"] in {"ZeroPlusTick", "ZeroMinusTick"}
            elif row["lastPrice"] == before:
                assert row["tickDirection"].startswith("Zero")
            else:
                rose = Decimal(row["lastPrice"]) > Decimal(before)
                assert row["tickDirection"] == ("PlusTick" if rose else "MinusTick")
            words.add(row["tickDirection"])
            still.control("POST", "clock", {"advance_ms": FAR_MS, "step_ms": FAR_MS})
    assert {"PlusTick", "MinusTick"} <= words


async def test_candles_trades_and_price_limits_are_told(still: Any) -> None:
    frames: dict[str, list[dict[str, Any]]] = {"kline": [], "publicTrade": [], "priceLimit": []}
    async with connect(still.socket_url + LINEAR, compression=None) as socket:
        topics = ["kline.1.BTCUSDT", "publicTrade.BTCUSDT", "priceLimit.BTCUSDT"]
        assert (await answer(socket, {"op": "subscribe", "args": topics}))["success"]
        still.control("POST", "clock", {"advance_ms": 63_000, "step_ms": 3_000})
        while len(frames["kline"]) < 23 or len(frames["priceLimit"]) < 22:  # told last in a tick
            frame = await read(socket)
            frames[frame["topic"].split(".")[0]].append(frame)
    candles = [frame["data"][0] for frame in frames["kline"]]
    over = [candle for candle in candles if candle["confirm"]]
    rest = asked(still, "kline", symbol="BTCUSDT", interval="1", end=str(over[0]["start"]), limit="1")["list"][0]
    names = ("start", "open", "high", "low", "close", "volume", "turnover")
    assert [[str(candle[name]) for name in names] for candle in over] == [rest]
    trade = frames["publicTrade"][-1]["data"][0]
    assert set(trade) == {"T", "s", "S", "v", "p", "L", "i", "BT", "RPI", "seq"}
    assert trade["p"] == asked(still, "tickers", symbol="BTCUSDT")["list"][0]["lastPrice"]
    limits = asked(still, "price-limit", symbol="BTCUSDT")
    del limits["ts"]
    assert frames["priceLimit"][-1]["data"] == limits


@pytest.mark.parametrize(
    ("path", "args", "text"),
    [
        ("linear", [f"kline.{minutes}.BTCUSDT" for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720, "D")], ""),
        ("linear", ["orderbook.1.BTCUSDT", "orderbook.200.BTCUSDT", "orderbook.500.BTCUSDT"], ""),
        ("linear", ["allLiquidation.BTCUSDT", "liquidation.BTCUSDT", "insurance.USDT"], ""),
        ("linear", ["orderbook.25.BTCUSDT"], "Invalid topic: orderbook.25.BTCUSDT"),
        ("linear", ["tickers.NOPEUSDT"], "Invalid topic: tickers.NOPEUSDT"),
        ("linear", ["insurance.MOON"], "Invalid topic: insurance.MOON"),
        ("spot", ["allLiquidation.BTCUSDT"], "Invalid topic: allLiquidation.BTCUSDT"),
        ("inverse", ["tickers.BTCUSD"], "Invalid topic: tickers.BTCUSD"),
        ("option", ["tickers.BTC"], "Invalid topic: tickers.BTC"),
        ("misc/status", ["system.status"], ""),
        ("misc/status", ["tickers.BTCUSDT"], "Invalid topic: tickers.BTCUSDT"),
    ],
)
async def test_every_public_socket_has_its_own_topics(venue: Any, path: str, args: list[str], text: str) -> None:
    async with connect(f"{venue.socket_url}/v5/public/{path}", compression=None) as socket:
        told = await answer(socket, {"op": "subscribe", "req_id": "7", "args": args})
        assert (told["success"], told["ret_msg"]) == (not text, text)
        pong = await answer(socket, {"op": "ping"})
        assert (pong["op"], pong["ret_msg"]) == ("ping", "pong")


async def test_a_fault_of_one_public_socket_spares_the_others(still: Any) -> None:
    still.control("POST", "faults", {"kind": "silent_stream", "path": LINEAR})
    async with (
        connect(still.socket_url + LINEAR, compression=None) as struck,
        connect(still.socket_url + "/v5/public/spot", compression=None) as spared,
    ):
        for socket in (struck, spared):
            assert (await answer(socket, {"op": "subscribe", "args": ["orderbook.1.BTCUSDT"]}))["success"]
        still.control("POST", "clock", {"advance_ms": FAR_MS, "step_ms": FAR_MS})
        while (await read(spared))["data"]["u"] < 2:
            pass
        await struck.send('{"op":"ping"}')
        assert (await read(struck))["op"] == "ping"  # nothing of the book came before it
        still.control("POST", "streams/cut", {"public": True})
        await asyncio.wait_for(asyncio.gather(struck.wait_closed(), spared.wait_closed()), 5)
