"""Our answers have the fields that recorded ones have."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

pytestmark = pytest.mark.integration
BUY = {
    "category": "spot",
    "symbol": "ETHUSDT",
    "side": "Buy",
    "orderType": "Market",
    "qty": "100",
    "orderLinkId": "shape",
}
BATCH_ONLY = {"request"}


def examples(folder: Path, page: str) -> list[dict[str, Any]]:
    lines = (folder / "bybit_docs_json_examples.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [item["json"] for item in found if item["page"] == page and "retCode" in item["json"]]


def kinds(row: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items() if value is not None}


def compare(ours: dict[str, Any], recorded: dict[str, Any], *, but: frozenset[str] = frozenset()) -> None:
    missing = set(recorded) - set(ours) - but
    assert not missing, f"fields of the recorded answer that ours lacks: {sorted(missing)}"
    for name in set(recorded) & set(ours) - but:
        if recorded[name] not in (None, ""):
            assert isinstance(ours[name], type(recorded[name])), name


def test_answers_have_the_recorded_fields_and_kinds(customer: Any, recorded_data: Path) -> None:
    customer.post("/v5/order/create", BUY)
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
    pages = {
        "order/order-list": customer.get("/v5/order/history", "category=spot"),
        "order/execution": customer.get("/v5/execution/list", "category=spot"),
        "account/wallet-balance": customer.get("/v5/account/wallet-balance", "accountType=UNIFIED"),
        "account/transaction-log": customer.get("/v5/account/transaction-log", "accountType=UNIFIED&type=TRADE"),
        "account/fee-rate": customer.get("/v5/account/fee-rate", "category=spot&symbol=ETHUSDT"),
    }
    for page, reply in pages.items():
        recorded = examples(recorded_data, page)
        assert recorded, page
        assert set(reply) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
        row = reply["result"]["list"][0]
        for example in recorded:
            compare(row, example["result"]["list"][0], but=frozenset({"coin"}))
    coin = pages["account/wallet-balance"]["result"]["list"][0]["coin"][0]
    compare(coin, examples(recorded_data, "account/wallet-balance")[0]["result"]["list"][0]["coin"][0])
    for example in examples(recorded_data, "user/apikey-info"):
        told = customer.get("/v5/user/query-api")["result"]
        compare(told, example["result"], but=frozenset({"userIDInt64", "inviterIDInt64", "affiliateIDInt64"}))
    for example in examples(recorded_data, "account/account-info"):
        compare(customer.get("/v5/account/info")["result"], example["result"])


def test_instruments_have_the_recorded_fields(venue: Any, recorded_data: Path) -> None:
    sample = json.loads((recorded_data / "bybit_instruments_spot_mainnet_2025_sample.json").read_text())["result"][
        "list"
    ]
    reply = httpx.get(f"{venue.url}/v5/market/instruments-info", params={"category": "spot"}).json()
    ours = {row["symbol"]: row for row in reply["result"]["list"]}
    for recorded in sample:
        row = ours[recorded["symbol"]]
        compare(row, recorded)
        for group in ("lotSizeFilter", "priceFilter", "riskParameters"):
            compare(row[group], recorded[group])
        assert row["priceFilter"] == recorded["priceFilter"]
        assert row["lotSizeFilter"]["basePrecision"] == recorded["lotSizeFilter"]["basePrecision"]
        assert row["lotSizeFilter"]["quotePrecision"] == recorded["lotSizeFilter"]["quotePrecision"]
        assert row["riskParameters"] == recorded["riskParameters"]


def test_the_coingecko_rows_have_the_recorded_fields(venue: Any, recorded_data: Path) -> None:
    recorded = json.loads((recorded_data / "coingecko_coins_markets_top100_2023-01-16.json").read_text())
    url = f"http://127.0.0.1:{venue.coingecko_port}/api/v3/coins/markets"
    row = httpx.get(url, params={"vs_currency": "usd"}).json()[0]
    assert set(row) == set(recorded[0])
    for name in ("current_price", "market_cap", "circulating_supply"):
        assert isinstance(row[name], (int, float))


PRIVATE = ("order", "execution", "wallet")
LINEAR = ("orderbook.50.BTCUSDT", "tickers.BTCUSDT", "kline.5.BTCUSDT", "publicTrade.BTCUSDT")
PUBLIC = ("orderbook.50.ETHUSDT", "tickers.ETHUSDT", "kline.5.ETHUSDT", "publicTrade.ETHUSDT")
EXPLAINED = {
    "execution": {
        "data[].extraFees": "a list where fees beside the trading fee are taken, else the empty text of the rest"
    },
    "publicTrade": {"data[].L": "tick direction: only of perpetuals and futures"},
}
"""Where a recorded frame differs for a reason of its own."""


def shape_differences(recorded: Any, ours: Any, key: str = "") -> list[str]:
    """Every key that ours lacks and every type that differs; null tells no type, an empty list no rows."""
    if recorded is None:
        return []
    if type(recorded) is not type(ours):
        return [f"{key}: {type(recorded).__name__} recorded, {type(ours).__name__} here"]
    found: list[str] = []
    if isinstance(recorded, dict):
        for name, value in recorded.items():
            if key.endswith("cumFeeDetail"):  # its keys are coins
                continue
            inner = f"{key}.{name}".lstrip(".")
            found += shape_differences(value, ours[name], inner) if name in ours else [f"{inner}: missing"]
    elif isinstance(recorded, list) and ours:
        for row in recorded:
            found += shape_differences(row, ours[0], f"{key}[]")
    return found


def recorded_frames(folder: Path, topic: str) -> list[dict[str, Any]]:
    """Recorded frames of a topic, and the documents' examples; where both exist, of spot."""
    samples = [json.loads(line) for line in (folder / "bybit_ws_message_samples.jsonl").read_text().splitlines()]
    docs = [json.loads(line) for line in (folder / "bybit_docs_json_examples.jsonl").read_text().splitlines()]
    frames = [item["message"] for item in samples if "SPOTREC" in item["source"] and topic == "order"]
    if topic in {"execution", "wallet"}:
        frames += [item["message"] for item in samples if item["kind"].startswith("recorded")]
    frames += [item["json"] for item in docs if item["page"].startswith("websocket/p")]
    named = [frame for frame in frames if frame.get("topic", "").partition(".")[0] == topic]
    if topic == "tickers":
        return [frame for frame in named if "usdIndexPrice" in frame["data"]]
    return named


def recorded_of_perpetuals(folder: Path, topic: str) -> list[dict[str, Any]]:
    """Recorded frames of perpetuals, and the documents' examples; of tickers the whole ones."""
    samples = [json.loads(line) for line in (folder / "bybit_ws_message_samples.jsonl").read_text().splitlines()]
    docs = [json.loads(line) for line in (folder / "bybit_docs_json_examples.jsonl").read_text().splitlines()]
    books = (folder / "bybit_ws_orderbook_ob500_XRPUSDT_2024-12-01.jsonl").read_text().splitlines()[:2]
    frames = [
        item["message"] for item in samples if item["source"].endswith(("wsTicker.json", "ws_ticker_linear.json"))
    ]
    frames += [item["json"] for item in docs if item["page"].startswith("websocket/public")]
    frames += [json.loads(line) for line in books]
    named = [frame for frame in frames if frame.get("topic", "").partition(".")[0] == topic]
    if topic == "tickers":
        return [one for one in named if one["topic"] == "tickers.BTCUSDT" and "bid1Size" in one["data"]]
    return named


async def listened(url: str, operations: list[dict[str, Any]], wanted: set[str], act: Any) -> dict[str, dict[str, Any]]:
    """The last frame of each topic that a real connection is sent, whole where one was, until each was heard."""
    async with connect(url, compression=None) as socket:
        for operation in operations:
            await socket.send(json.dumps(operation))
            assert json.loads(await asyncio.wait_for(socket.recv(), 5))["success"]
        await asyncio.to_thread(act)
        seen: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(15):
            while not wanted <= set(seen):
                frame = json.loads(await socket.recv())
                if frame.get("type") != "delta":
                    seen[frame["topic"]] = frame
    return seen


def assert_shapes(folder: Path, seen: dict[str, dict[str, Any]], *, linear: bool = False) -> None:
    for topic, frame in seen.items():
        name = topic.partition(".")[0]
        recorded = recorded_of_perpetuals(folder, name) if linear else recorded_frames(folder, name)
        assert recorded, name
        spared = {} if linear else EXPLAINED.get(name, {})
        for example in recorded:
            found = [item for item in shape_differences(example, frame) if item.partition(":")[0] not in spared]
            assert found == [], (topic, found)


async def test_private_frames_of_a_real_socket_have_every_recorded_key_and_type(
    customer: Any, recorded_data: Path
) -> None:
    expires = int(time.time() * 1000) + 5000
    signature = hmac.new(customer.api_secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    operations = [
        {"op": "auth", "args": [customer.api_key, expires, signature]},
        {"op": "subscribe", "args": list(PRIVATE)},
    ]
    url = f"{customer.venue.socket_url}/v5/private"
    seen = await listened(url, operations, set(PRIVATE), lambda: customer.post("/v5/order/create", BUY))
    assert_shapes(recorded_data, seen)


async def test_public_frames_of_a_real_socket_have_every_recorded_key_and_type(
    customer: Any, recorded_data: Path
) -> None:
    operations = [{"op": "subscribe", "args": list(PUBLIC)}]
    url = f"{customer.venue.socket_url}/v5/public/spot"
    seen = await listened(url, operations, set(PUBLIC), lambda: customer.post("/v5/order/create", BUY))
    assert_shapes(recorded_data, seen)


async def test_frames_of_perpetuals_have_every_recorded_key_and_type(own_venue: Any, recorded_data: Path) -> None:
    own_venue.start()  # a market that moves: its own trades are told at each tick
    url = f"{own_venue.socket_url}/v5/public/linear"
    seen = await listened(url, [{"op": "subscribe", "args": list(LINEAR)}], set(LINEAR), lambda: None)
    assert_shapes(recorded_data, seen, linear=True)


async def test_replies_of_the_order_entry_socket_have_every_recorded_key_and_type(
    customer: Any, recorded_data: Path
) -> None:
    lines = (recorded_data / "bybit_docs_json_examples.jsonl").read_text().splitlines()
    recorded = {
        item["json"]["op"]: item["json"]
        for item in map(json.loads, lines)
        if item["page"] == "websocket/trade/guideline" and "retCode" in item["json"]
    }
    samples = [json.loads(line) for line in (recorded_data / "bybit_ws_message_samples.jsonl").read_text().splitlines()]
    [client] = [item["message"] for item in samples if item["message"].get("op") == "order.create"]
    assert set(recorded) == {"auth", "order.create", "order.create-batch", "pong"}
    expires = int(time.time() * 1000) + 5000
    signature = hmac.new(customer.api_secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    header = {"X-BAPI-TIMESTAMP": str(int(time.time() * 1000)), "X-BAPI-RECV-WINDOW": "5000"}
    legs = [{name: value for name, value in BUY.items() if name not in {"category", "orderLinkId"}}] * 3
    operations: list[dict[str, Any]] = [
        {"op": "auth", "args": [customer.api_key, expires, signature]},
        {"reqId": "one", "header": header, "op": "order.create", "args": [{**BUY, "orderLinkId": "entry"}]},
        {"header": header, "op": "order.create-batch", "args": [{"category": "spot", "request": legs}]},
        {"op": "ping"},
    ]
    async with connect(f"{customer.venue.socket_url}/v5/trade", compression=None) as socket:
        for operation in operations:
            await socket.send(json.dumps(operation))
            reply = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert shape_differences(recorded[reply["op"]], reply) == []
            assert reply["op"] != "order.create" or shape_differences(client, reply) == []


def test_the_comparison_of_frames_can_fail() -> None:
    recorded = {"data": [{"a": "1", "b": 1, "c": None}]}
    assert shape_differences(recorded, {"data": [{"a": "x", "b": 2}]}) == ["data[].c: missing"]
    assert shape_differences(recorded, {"data": [{"a": 1, "b": 2, "c": ""}]}) == ["data[].a: str recorded, int here"]
