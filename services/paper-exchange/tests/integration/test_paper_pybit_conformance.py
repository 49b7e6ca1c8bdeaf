"""Every public method of pybit's market, trade, position, account and user classes is called.

Each is either served, and its reply checked, or stands in the table of CONFORMANCE.md with its code and reason. The table
is written anew by `BASKETRY_WRITE_TABLES=1 pytest services/paper-exchange/tests/integration/test_paper_pybit_conformance.py`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pybit._v5_account import AccountHTTP
from pybit._v5_market import MarketHTTP
from pybit._v5_position import PositionHTTP
from pybit._v5_trade import TradeHTTP
from pybit._v5_user import UserHTTP
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP

from paper_exchange.inbound.unserved import UNSERVED
from shared.testing import eventually

pytestmark = pytest.mark.integration
CLASSES = (MarketHTTP, TradeHTTP, PositionHTTP, AccountHTTP, UserHTTP)
TABLE = Path(__file__).parents[2] / "CONFORMANCE.md"
SPOT = {"category": "spot", "symbol": "BTCUSDT"}
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
REST = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "117000"}
GENERIC = {"category": "linear", "symbol": "BTCUSDT", "settleCoin": "USDT", "coin": "USDT", "amount": "1"}
SOCKETS = "\n# What pybit's sockets are answered\n"
"""Here begins the part that `test_paper_pybit_sockets.py` writes."""
Check = Callable[[Any], bool]


def rows(result: Any) -> bool:
    return bool(result["list"])


def ids(result: Any) -> bool:
    return bool(result["orderId"]) and "orderLinkId" in result


def all_legs(result: Any) -> bool:
    return bool(result["list"]) and all(leg["orderId"] for leg in result["list"])


SERVED: dict[str, tuple[dict[str, Any], Check]] = {
    "get_server_time": ({}, lambda result: int(result["timeNano"]) // 10**9 == int(result["timeSecond"])),
    "get_instruments_info": ({"category": "spot"}, lambda result: len(result["list"]) >= 300),
    "get_tickers": ({"category": "spot"}, lambda result: len(result["list"]) >= 300),
    "get_orderbook": ({**SPOT, "limit": 50}, lambda result: len(result["a"]) == len(result["b"]) == 50),
    "get_rpi_orderbook": ({**SPOT, "limit": 50}, lambda result: len(result["a"][0]) == 3),
    "get_kline": ({**SPOT, "interval": "1"}, lambda result: len(result["list"][0]) == 7),
    "get_mark_price_kline": ({**LINEAR, "interval": "1"}, lambda result: len(result["list"][0]) == 5),
    "get_index_price_kline": ({**LINEAR, "interval": "1"}, lambda result: len(result["list"][0]) == 5),
    "get_premium_index_price_kline": ({**LINEAR, "interval": "1"}, lambda result: len(result["list"][0]) == 5),
    "get_public_trade_history": (SPOT, rows),
    "get_price_limit": (SPOT, lambda result: Decimal(result["sellLmt"]) < Decimal(result["buyLmt"])),
    "get_funding_rate_history": (LINEAR, rows),
    "get_open_interest": ({**LINEAR, "intervalTime": "1h"}, rows),
    "get_risk_limit": ({"category": "linear"}, rows),
    "place_order": ({**REST, "orderLinkId": "one"}, ids),
    "amend_order": ({**SPOT, "orderLinkId": "one", "price": "117001"}, ids),
    "get_open_orders": (SPOT, lambda result: [row["price"] for row in result["list"]] == ["117001"]),
    "cancel_order": ({**SPOT, "orderLinkId": "one"}, ids),
    "place_batch_order": (
        {"category": "spot", "request": [{**REST, "orderLinkId": link} for link in ("two", "three")]},
        all_legs,
    ),
    "amend_batch_order": (
        {"category": "spot", "request": [{**SPOT, "orderLinkId": "two", "qty": "0.002"}]},
        all_legs,
    ),
    "cancel_batch_order": ({"category": "spot", "request": [{**SPOT, "orderLinkId": "two"}]}, all_legs),
    "cancel_all_orders": ({"category": "spot"}, lambda result: len(result["list"]) == 1 and result["success"] == "1"),
    "get_order_history": ({"category": "spot"}, lambda result: len(result["list"]) >= 4),
    "get_executions": ({"category": "spot"}, rows),
    "get_borrow_quota": ({**SPOT, "side": "Buy"}, lambda result: Decimal(result["spotMaxTradeAmount"]) > 0),
    "get_positions": ({"category": "linear", "settleCoin": "USDT"}, lambda result: result["list"] == []),
    "get_closed_pnl": ({"category": "linear"}, lambda result: result["list"] == []),
    "get_closed_options_positions": ({"category": "option"}, lambda result: result["list"] == []),
    "get_wallet_balance": ({"accountType": "UNIFIED"}, lambda result: bool(result["list"][0]["coin"])),
    "get_account_info": ({}, lambda result: result["unifiedMarginStatus"] == 5),
    "get_account_instruments_info": ({"category": "spot"}, lambda result: "myRpiPermission" in result["list"][0]),
    "get_fee_rates": (SPOT, lambda result: result["list"][0]["takerFeeRate"] == "0.001"),
    "get_transaction_log": ({"accountType": "UNIFIED"}, rows),
    "get_transferable_amount": ({"coinName": "USDT"}, lambda result: Decimal(result["availableWithdrawal"]) > 0),
    "get_collateral_info": ({"currency": "BTC"}, lambda result: result["list"][0]["currency"] == "BTC"),
    "set_margin_mode": ({"setMarginMode": "REGULAR_MARGIN"}, lambda result: result["reasons"] == []),
    "get_api_key_information": ({}, lambda result: result["permissions"]["Spot"] == ["SpotTrade"]),
    "get_uid_wallet_type": ({}, lambda result: "UNIFIED" in result["accounts"][0]["accountType"]),
}
"""Methods that are served, in the order in which they are called, with what their reply must hold."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    method: str
    path: str
    answer: str
    reason: str

    def __str__(self) -> str:
        return f"| {self.method} | {self.path} | {self.answer} | {self.reason} |"


class Caller(HTTP):
    """pybit, with nothing changed but that the last path is remembered."""

    last_path = ""

    def _submit_request(self, method: Any = None, path: Any = None, query: Any = None, auth: Any = False) -> Any:
        self.last_path = path.removeprefix(self.endpoint)
        return super()._submit_request(method=method, path=path, query=query, auth=auth)  # type: ignore[no-untyped-call]


@pytest.fixture
def caller(customer: Any) -> Iterator[Caller]:
    client = Caller(api_key=customer.api_key, api_secret=customer.api_secret)  # type: ignore[no-untyped-call]
    client.endpoint = customer.venue.url
    yield client
    client.client.close()


def public_methods() -> dict[str, str]:
    """Method to the class that has it, by reflection."""
    found = {}
    for owner in CLASSES:
        for name, _ in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_") and name in vars(owner):
                found[name] = owner.__name__
    return found


def call(caller: Caller, name: str, arguments: dict[str, Any]) -> tuple[int, str, Any]:
    try:
        reply = getattr(caller, name)(**arguments)
    except InvalidRequestError as error:
        return int(error.status_code), str(error.message), None
    return reply["retCode"], reply["retMsg"], reply["result"]


def served_rows(caller: Caller, methods: dict[str, str]) -> list[Row]:
    found = []
    for name, (arguments, check) in SERVED.items():
        code, message, result = call(caller, name, arguments)
        assert code == 0, (name, code, message)
        assert check(result), (name, result)
        found.append(Row(f"{methods[name]}.{name}", caller.last_path, "served", ""))
    return found


def unserved_rows(caller: Caller, methods: dict[str, str]) -> list[Row]:
    table = {row.path: row for row in UNSERVED}
    found = []
    for name in sorted(set(methods) - set(SERVED)):
        takes_any = inspect.signature(getattr(caller, name)).parameters
        code, message, result = call(caller, name, GENERIC if takes_any else {})
        row = table[caller.last_path]
        assert (code, result) == (row.code, row.result), name
        assert row.message in message, name
        answer = "0, empty" if row.result is not None else f"{code} {row.message}"
        found.append(Row(f"{methods[name]}.{name}", caller.last_path, answer, row.reason))
    return found


def written(served: list[Row], others: list[Row]) -> str:
    head = ["| method | path | answer | reason |", "|---|---|---|---|"]
    return "\n".join(
        [
            "# What pybit's methods are answered",
            "",
            "Generated by the test of conformance (`test_paper_pybit_conformance.py` says how); it calls every public",
            "method of pybit 5.17 in the classes market, trade, position, account and user, listed by reflection.",
            "",
            f"## Served: {len(served)}",
            "",
            *head,
            *map(str, sorted(served, key=str)),
            "",
            f"## Not acted on: {len(others)}",
            "",
            "These answer what an account answers that lacks the right, the debt or the market in question. Codes and texts",
            "are Bybit's documented ones; which of them Bybit gives for just such a key was not tried there.",
            "",
            *head,
            *map(str, sorted(others, key=str)),
            "",
        ]
    )


async def test_every_method_of_pybit_is_served_or_stands_in_the_table(customer: Any, caller: Caller) -> None:
    methods = public_methods()
    assert set(SERVED) <= set(methods)
    customer.post(
        "/v5/order/create", {**SPOT, "side": "Buy", "orderType": "Market", "qty": "20", "orderLinkId": "zero"}
    )

    async def traded() -> bool:
        return bool(customer.get("/v5/execution/list", "category=spot")["result"]["list"])

    await eventually(traded, because="there is something to list")
    table = written(served_rows(caller, methods), unserved_rows(caller, methods))
    before, mark, after = TABLE.read_text().partition(SOCKETS)
    if os.environ.get("BASKETRY_WRITE_TABLES"):
        TABLE.write_text(table + mark + after)
        before = table
    assert before == table
