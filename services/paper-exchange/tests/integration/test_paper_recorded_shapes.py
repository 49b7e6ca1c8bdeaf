"""Our answers have the fields that recorded ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

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


def test_private_frames_have_the_recorded_fields(customer: Any, recorded_data: Path) -> None:
    frames = [json.loads(line) for line in (recorded_data / "bybit_ws_message_samples.jsonl").read_text().splitlines()]
    spot = [item["message"]["data"][0] for item in frames if "SPOTREC" in item["source"]]
    assert spot
    customer.post("/v5/order/create", BUY)
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
    order = customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"][0]
    for recorded in spot:
        compare(order, recorded, but=frozenset({"category", "feeCurrency"}))
