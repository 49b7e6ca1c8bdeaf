"""Recorded replies against ours: every key, every type.

Where ours differs the difference stands, with its reason, in SHAPES.md; it is written anew by
`BASKETRY_WRITE_TABLES=1 pytest services/paper-exchange/tests/integration/test_paper_shapes.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.testing import eventually

pytestmark = pytest.mark.integration
TABLE = Path(__file__).parents[2] / "SHAPES.md"
MOST_ELSEWHERE = 20
SPOT = {"category": "spot", "symbol": "ETHUSDT"}
REST = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "3750"}
PRODUCT = frozenset(
    {
        "market/time",
        "market/instruments-info spot",
        "market/tickers spot",
        "market/kline",
        "market/price-limit",
        "order/create",
        "order/create-batch",
        "order/cancel",
        "order/realtime",
        "order/history",
        "execution/list",
        "account/wallet-balance",
        "account/info",
        "account/transaction-log",
        "user/query-api",
    }
)
"""What the product calls: these may not differ at all."""

REASONS = {
    "asset/coin/query-info": "coins here have no chains: nothing is deposited or withdrawn over one",
    "position/list": "no positions: keys of this venue have no right ContractTrade",
    "position/closed-pnl": "no positions: keys of this venue have no right ContractTrade",
}
ARTEFACTS = {
    "user/query-api": ("userIDInt64", "inviterIDInt64", "affiliateIDInt64"),
    "market/instruments-info spot": ("nextPageCursor",),
}
"""Keys that the recording client added: the venue's own examples do not have them."""
MAPS = frozenset({"cumFeeDetail", "availableWithdrawalMap"})
"""Objects whose keys are coins."""
ENVELOPE = frozenset({"retCode", "retMsg", "retExtInfo", "time"})
Json = Any


@dataclass(frozen=True, order=True)
class Difference:
    """A key that ours lacks, or another type."""

    endpoint: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"| {self.endpoint} | {self.key} | {self.what} | {REASONS.get(self.endpoint, '')} |"


def kind(value: Json) -> str:
    return {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}[type(value)]


def differences(recorded: Json, ours: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """Keys and types of a recorded value that ours does not have; null tells nothing about a type."""
    if recorded is None or (ours is None and recorded in ({}, "")):
        return
    if ours is None:
        yield key, f"{kind(recorded)} recorded, null here"
    elif kind(recorded) != kind(ours):
        yield key, f"{kind(recorded)} recorded, {kind(ours)} here"
    elif isinstance(recorded, dict):
        yield from _of_objects(recorded, ours, key)
    elif isinstance(recorded, list):
        yield from _of_lists(recorded, ours, key)


def _of_objects(recorded: dict[str, Json], ours: dict[str, Json], key: str) -> Iterator[tuple[str, str]]:
    if key.rpartition(".")[2] in MAPS:
        yield from _of_lists(list(recorded.values()), list(ours.values()), key)
        return
    for name, value in recorded.items():
        inner = f"{key}.{name}".lstrip(".")
        if name in ours:
            yield from differences(value, ours[name], inner)
        else:
            yield inner, "missing"


def _of_lists(recorded: list[Json], ours: list[Json], key: str) -> Iterator[tuple[str, str]]:
    """Every recorded row against our first; a list of plain values may be empty."""
    if ours:
        for row in recorded:
            yield from differences(row, ours[0], f"{key}[]")
    elif recorded and isinstance(recorded[0], (dict, list)):
        yield f"{key}[]", "no row here"


class Recordings:
    """The recorded replies, by endpoint."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / "bybit_docs_json_examples.jsonl").read_text().splitlines()
        self._docs = [json.loads(line) for line in lines]
        self._testnet = json.loads((folder / "bybit_rest_results_testnet_recorded.json").read_text())
        self._nautilus = json.loads((folder / "bybit_rest_fixtures_nautilus.json").read_text())
        self._folder = folder

    def docs(self, page: str, category: str = "") -> list[Json]:
        found = [item["json"] for item in self._docs if item["page"] == page and item["json"].get("retCode") == 0]
        return [item for item in found if not category or item["result"].get("category") == category]

    def testnet(self, name: str) -> list[Json]:
        return [{"result": self._testnet[name]["result"]}]

    def nautilus(self, name: str) -> list[Json]:
        return [self._nautilus[name]]

    def file(self, name: str) -> list[Json]:
        return [{"result": json.loads((self._folder / name).read_text())["result"]}]


def recorded(folder: Path) -> dict[str, list[Json]]:
    """Every recording that has a counterpart here; reshaped ones are left out where they were reshaped."""
    files = Recordings(folder)
    docs, testnet, nautilus = files.docs, files.testnet, files.nautilus
    return {
        "market/time": docs("market/time"),
        "market/instruments-info spot": docs("market/instrument", "spot")
        + nautilus("http_get_instruments_spot")
        + files.file("bybit_instruments_spot_mainnet_2025_sample.json"),
        "market/instruments-info linear": docs("market/instrument", "linear")[:1]
        + nautilus("http_get_instruments_linear"),
        "market/tickers spot": docs("market/tickers", "spot")
        + files.file("bybit_tickers_spot_testnet_2023-03-07.json"),
        "market/tickers linear": docs("market/tickers", "inverse")
        + files.file("bybit_tickers_linear_testnet_2023-03-07.json"),
        "market/orderbook": docs("market/orderbook") + nautilus("http_get_orderbook"),
        "market/kline": docs("market/kline") + nautilus("http_get_klines_linear"),
        "market/recent-trade": docs("market/recent-trade") + nautilus("http_get_trades_recent"),
        "market/price-limit": docs("market/order-price-limit"),
        "market/funding/history": docs("market/history-fund-rate") + testnet("v5-market-get-funding-rate-history"),
        "market/open-interest": docs("market/open-interest") + testnet("v5-market-get-open-interest"),
        "order/create": docs("order/create-order") + testnet("v5-create-order"),
        "order/amend": docs("order/amend-order") + testnet("v5-amend-order"),
        "order/cancel": docs("order/cancel-order") + testnet("v5-cancel-order"),
        "order/create-batch": docs("order/batch-place"),
        "order/amend-batch": docs("order/batch-amend"),
        "order/cancel-batch": docs("order/batch-cancel"),
        "order/cancel-all": docs("order/cancel-all"),
        "order/realtime": docs("order/open-order")
        + testnet("v5-get-open-orders")
        + nautilus("http_get_orders_realtime"),
        "order/history": docs("order/order-list")
        + testnet("v5-get-history-orders")
        + nautilus("http_get_orders_history"),
        "execution/list": docs("order/execution")
        + testnet("v5-execution-get-execution-list")
        + nautilus("http_get_executions"),
        "order/spot-borrow-check": docs("order/spot-borrow-quota"),
        "account/wallet-balance": docs("account/wallet-balance")
        + testnet("v5-account-get-wallet-balance")
        + nautilus("http_get_wallet_balance"),
        "account/info": docs("account/account-info") + testnet("v5-account-get-account-info"),
        "account/fee-rate": docs("account/fee-rate") + nautilus("http_get_fee_rate"),
        "account/transaction-log": docs("account/transaction-log") + testnet("v5-account-get-transaction-log"),
        "account/collateral-info": docs("account/collateral-info") + testnet("v5-account-get-collateral-info"),
        "account/instruments-info": docs("account/instrument", "spot"),
        "account/smp-group": docs("account/smp-group"),
        "account/withdrawal": docs("account/unified-trans-amnt"),
        "user/query-api": docs("user/apikey-info")
        + testnet("v5-user-get-api-key")
        + nautilus("http_get_user_query_api"),
        "asset/coin/query-info": docs("asset/coin-info"),
        "position/list": docs("position/position") + nautilus("http_get_positions"),
        "position/closed-pnl": docs("position/close-pnl"),
    }


def ours(customer: Any) -> dict[str, Json]:
    """Our reply of every endpoint, of an account that has traded, with an order open and one cancelled."""

    def market(path: str, **query: str) -> Json:
        return customer.venue.client.get(f"{customer.venue.url}/v5/market/{path}", params=query).json()

    def legs(*changes: dict[str, str]) -> dict[str, Any]:
        return {"category": "spot", "request": [{**SPOT, **change} for change in changes]}

    linear = {"category": "linear", "symbol": "BTCUSDT"}
    get, post = customer.get, customer.post
    return {
        "market/time": market("time"),
        "market/instruments-info spot": market("instruments-info", category="spot"),
        "market/instruments-info linear": market("instruments-info", category="linear"),
        "market/tickers spot": market("tickers", category="spot"),
        "market/tickers linear": market("tickers", category="linear", symbol="BTCUSDT"),
        "market/orderbook": market("orderbook", **SPOT),
        "market/kline": market("kline", **SPOT, interval="1"),
        "market/recent-trade": market("recent-trade", **SPOT),
        "market/price-limit": market("price-limit", **SPOT),
        "market/funding/history": market("funding/history", **linear),
        "market/open-interest": market("open-interest", **linear, intervalTime="1h"),
        "order/create": post("/v5/order/create", {**REST, "orderLinkId": "open"}),
        "order/amend": post("/v5/order/amend", {**SPOT, "orderLinkId": "open", "price": "3751"}),
        "order/create-batch": post(
            "/v5/order/create-batch", legs({**REST, "orderLinkId": "a"}, {**REST, "orderLinkId": "b"})
        ),
        "order/amend-batch": post("/v5/order/amend-batch", legs({"orderLinkId": "a", "price": "3752"})),
        "order/cancel-batch": post("/v5/order/cancel-batch", legs({"orderLinkId": "a"}, {"orderLinkId": "none"})),
        "order/cancel": post("/v5/order/cancel", {**SPOT, "orderLinkId": "b"}),
        "order/realtime": get("/v5/order/realtime", "category=spot"),
        "order/history": get("/v5/order/history", "category=spot"),
        "execution/list": get("/v5/execution/list", "category=spot"),
        "order/spot-borrow-check": get("/v5/order/spot-borrow-check", "category=spot&symbol=ETHUSDT&side=Buy"),
        "order/cancel-all": post("/v5/order/cancel-all", {"category": "spot"}),
        "account/wallet-balance": get("/v5/account/wallet-balance", "accountType=UNIFIED"),
        "account/info": get("/v5/account/info"),
        "account/fee-rate": get("/v5/account/fee-rate", "category=spot&symbol=ETHUSDT"),
        "account/transaction-log": get("/v5/account/transaction-log", "accountType=UNIFIED"),
        "account/collateral-info": get("/v5/account/collateral-info", "currency=BTC"),
        "account/instruments-info": get("/v5/account/instruments-info", "category=spot"),
        "account/smp-group": get("/v5/account/smp-group"),
        "account/withdrawal": get("/v5/account/withdrawal", "coinName=USDT,ETH"),
        "user/query-api": get("/v5/user/query-api"),
        "asset/coin/query-info": get("/v5/asset/coin/query-info", "coin=ETH"),
        "position/list": get("/v5/position/list", "category=linear&settleCoin=USDT"),
        "position/closed-pnl": get("/v5/position/closed-pnl", "category=linear"),
    }


def compared(recordings: dict[str, list[Json]], replies: dict[str, Json]) -> list[Difference]:
    found = set()
    for endpoint, examples in recordings.items():
        assert examples, endpoint
        added = ARTEFACTS.get(endpoint, ())
        assert replies[endpoint]["retCode"] == 0, (endpoint, replies[endpoint])
        for example in examples:
            result = {name: value for name, value in example["result"].items() if name not in added}
            told = {name: example[name] for name in example if name in ENVELOPE} | {"result": result}
            found |= {Difference(endpoint, key, what) for key, what in differences(told, replies[endpoint])}
    return sorted(found)


def written(endpoints: list[str], found: list[Difference]) -> str:
    return "\n".join(
        [
            "# How replies differ in shape from recorded ones",
            "",
            "Generated by `test_paper_shapes.py`, which says how: every key and every type of recorded replies is looked for",
            f"in this venue's. {len(endpoints)} endpoints were compared; {len(PRODUCT)} of them are called by the product and",
            f"have no difference. Elsewhere there are {len(found)}; further keys of ours are not counted. Left out, since the",
            "recording client added them: "
            + ", ".join(sorted(key for keys in ARTEFACTS.values() for key in keys))
            + ".",
            "",
            "| endpoint | key | difference | reason |",
            "|---|---|---|---|",
            *map(str, found),
            "",
        ]
    )


async def test_replies_have_every_recorded_key_and_type(customer: Any, recorded_data: Path) -> None:
    customer.post(
        "/v5/order/create", {**SPOT, "side": "Buy", "orderType": "Market", "qty": "50", "orderLinkId": "done"}
    )

    async def traded() -> bool:
        return bool(customer.get("/v5/execution/list", "category=spot")["result"]["list"])

    await eventually(traded, because="there is something to list")
    replies = ours(customer)
    found = compared(recorded(recorded_data), replies)
    assert [item for item in found if item.endpoint in PRODUCT] == []
    assert len(found) <= MOST_ELSEWHERE
    assert all(item.endpoint in REASONS for item in found)
    table = written(list(replies), found)
    if os.environ.get("BASKETRY_WRITE_TABLES"):
        TABLE.write_text(table)
    assert TABLE.read_text() == table


@pytest.mark.parametrize(
    ("theirs", "mine", "expected"),
    [
        ({"a": "1"}, {"a": 1}, [("a", "text recorded, number here")]),
        ({"a": {"b": 1}}, {"a": {}}, [("a.b", "missing")]),
        ({"a": [{"b": True}]}, {"a": [{"b": 1}]}, [("a[].b", "boolean recorded, number here")]),
        ({"a": [{"b": 1}]}, {"a": []}, [("a[]", "no row here")]),
        (
            {"cumFeeDetail": {"MNT": "1"}},
            {"cumFeeDetail": {"BTC": 1}},
            [("cumFeeDetail[]", "text recorded, number here")],
        ),
        ({"a": None}, {"a": "x", "more": 1}, []),
    ],
)
def test_the_comparison_can_fail(theirs: Json, mine: Json, expected: list[tuple[str, str]]) -> None:
    found: Callable[[], list[tuple[str, str]]] = lambda: list(differences(theirs, mine))  # noqa: E731
    assert found() == expected
