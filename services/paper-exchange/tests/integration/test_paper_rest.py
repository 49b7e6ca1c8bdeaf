"""Bybit's protocol over HTTP, by our own signing client and by pybit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP
from pycoingecko.api import CoinGeckoAPI

from shared.testing import eventually

pytestmark = pytest.mark.integration
BUY = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "119500",
       "timeInForce": "IOC"}  # fmt: skip


def a_client(customer: Any, secret: str) -> Any:
    """pybit tells no types."""
    client = HTTP(testnet=False, api_key=customer.api_key, api_secret=secret)  # type: ignore[no-untyped-call]
    client.endpoint = customer.venue.url
    return client


@pytest.fixture
def pybit(customer: Any) -> Iterator[Any]:
    client = a_client(customer, customer.api_secret)
    yield client
    client.client.close()


async def settled(customer: Any, link_id: str) -> dict[str, Any]:
    async def closed() -> dict[str, Any] | None:
        rows = customer.get("/v5/order/history", f"category=spot&orderLinkId={link_id}")["result"]["list"]
        return rows[0] if rows else None

    row: dict[str, Any] | None = await eventually(closed, because=f"{link_id} ends")
    assert row
    return row


async def test_pybit_buys_and_the_books_agree(customer: Any, pybit: Any) -> None:
    acknowledged = pybit.place_order(**BUY, orderLinkId="one")["result"]
    assert set(acknowledged) == {"orderId", "orderLinkId"}
    assert acknowledged["orderLinkId"] == "one"
    assert len(acknowledged["orderId"]) == 19
    order = await settled(customer, "one")
    assert order["orderStatus"] == "Filled"
    executions = pybit.get_executions(category="spot", orderId=acknowledged["orderId"])["result"]["list"]
    assert sum(Decimal(row["execQty"]) for row in executions) == Decimal("0.001")
    assert all(row["feeCurrency"] == "BTC" and row["feeRate"] == "0.001" for row in executions)
    coins = pybit.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
    held = {row["coin"]: row["walletBalance"] for row in coins}
    ledger = customer.venue.control("GET", f"ledger?uid={customer.uid}")
    assert held == {row["coin"]: row["walletBalance"] for row in ledger["balances"]}
    assert held["BTC"] == "0.000999"
    assert ledger["executions"] == list(reversed(executions))
    assert Decimal(held["USDT"]) == 10000 - sum(Decimal(row["execValue"]) for row in executions)
    rows = pybit.get_transaction_log(accountType="UNIFIED", type="TRADE")["result"]["list"]
    assert {row["tradeId"] for row in rows} == {row["execId"] for row in executions}
    for row in rows:
        assert Decimal(row["change"]) == Decimal(row["cashFlow"]) - Decimal(row["fee"])


async def test_a_wrong_secret_is_refused_and_nothing_is_placed(customer: Any) -> None:
    client = a_client(customer, "wrong")
    with pytest.raises(InvalidRequestError) as refused:
        client.place_order(**BUY)
    client.client.close()
    assert refused.value.status_code == 10004
    assert customer.venue.control("GET", f"ledger?uid={customer.uid}")["orders"] == []


@pytest.mark.parametrize(
    ("terms", "read", "trade"),
    [
        ({"read_only": True}, 0, 10005),
        ({"permissions": {"Wallet": ["Withdraw"]}}, 0, 10005),
        ({"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}, 0, 0),
        ({"environment": "testnet"}, 10003, 10003),
        ({"expires_in_s": -60}, 33004, 33004),
        ({"ips": ["10.9.8.7"]}, 10010, 10010),
    ],
)
def test_keys_with_other_terms(venue: Any, terms: dict[str, Any], read: int, trade: int) -> None:
    someone = venue.customer(**terms)
    assert someone.get("/v5/user/query-api")["retCode"] == read
    assert someone.post("/v5/order/create", BUY)["retCode"] == trade
    someone.close()


def test_a_key_tells_its_terms(venue: Any) -> None:
    someone = venue.customer(permissions={"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}, deadline_days=5)
    told = someone.get("/v5/user/query-api")["result"]
    assert told["permissions"]["Wallet"] == ["Withdraw"]
    assert told["readOnly"] == 0
    assert told["deadlineDay"] in {4, 5}
    assert told["secret"] == ""
    assert str(told["userID"]) == someone.uid
    venue.control("POST", "keys", {"api_key": someone.api_key, "read_only": True})
    assert someone.get("/v5/user/query-api")["result"]["readOnly"] == 1
    venue.control("DELETE", f"keys?api_key={someone.api_key}")
    assert someone.get("/v5/user/query-api")["retCode"] == 10003
    someone.close()


def test_time_and_headers(customer: Any) -> None:
    now = int(time.time() * 1000)
    assert customer.get("/v5/account/info", timestamp=now - 6000)["retCode"] == 10002
    assert customer.get("/v5/account/info", timestamp=now - 6000, window="60000")["retCode"] == 0
    assert customer.get("/v5/account/info", timestamp=now + 5000)["retCode"] == 10002
    bare = customer.client.get(f"{customer.venue.url}/v5/account/info").json()
    assert bare["retCode"] == 10001
    unknown = customer.client.get(f"{customer.venue.url}/v5/nothing")
    assert (unknown.status_code, unknown.json()["retCode"]) == (404, 10017)


async def test_a_batch_answers_each_leg_and_ten_is_the_most(customer: Any) -> None:
    legs = [{**BUY, "orderLinkId": f"leg{place}"} for place in range(3)] + [
        {**BUY, "symbol": "NOPEUSDT"},
        {**BUY, "qty": "9"},
    ]
    reply = customer.post("/v5/order/create-batch", {"category": "spot", "request": legs})
    assert reply["retCode"] == 0
    assert [row["code"] for row in reply["retExtInfo"]["list"]] == [0, 0, 0, 170121, 170131]
    assert [bool(row["orderId"]) for row in reply["result"]["list"]] == [True, True, True, False, False]
    assert reply["result"]["list"][0]["orderLinkId"] == "leg0"
    for place in range(3):
        assert (await settled(customer, f"leg{place}"))["orderStatus"] == "Filled"
    eleven = {"category": "spot", "request": [BUY] * 11}
    assert customer.post("/v5/order/create-batch", eleven)["retCode"] == 10001


def test_more_than_twenty_orders_a_second_are_refused_one_by_one(venue: Any) -> None:
    someone = venue.customer("100000")
    codes = []
    for batch in range(3):
        legs = [{**BUY, "orderLinkId": f"b{batch}-{place}"} for place in range(10)]
        reply = someone.raw_post("/v5/order/create-batch", {"category": "spot", "request": legs})
        body = reply.json()
        codes += [row["code"] for row in body["retExtInfo"].get("list", [])] or [body["retCode"]] * 10
        assert reply.headers["X-Bapi-Limit"] == "20"
    assert codes == [0] * 20 + [10006] * 10
    assert int(reply.headers["X-Bapi-Limit-Reset-Timestamp"]) > body["time"]
    assert reply.headers["X-Bapi-Limit-Status"] == "0"
    someone.close()


def test_unknown_ids_give_an_empty_list(customer: Any) -> None:
    for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list"):
        assert customer.get(path, "category=spot&orderLinkId=never")["result"]["list"] == []


async def test_open_and_closed_orders_are_told_apart(customer: Any) -> None:
    resting = {**BUY, "timeInForce": "GTC", "price": "117500", "orderLinkId": "rest"}
    customer.post("/v5/order/create", resting)
    customer.post("/v5/order/create", {**BUY, "orderLinkId": "done"})
    await settled(customer, "done")

    def links(query: str) -> list[str]:
        return [
            row["orderLinkId"] for row in customer.get("/v5/order/realtime", f"category=spot{query}")["result"]["list"]
        ]

    assert links("") == ["rest"]
    assert links("&openOnly=1") == ["done"]
    assert links("&orderLinkId=done") == ["done"]
    assert (
        customer.post("/v5/order/cancel", {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "done"})["retCode"]
        == 170139
    )
    cancelled = customer.post("/v5/order/cancel", {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "rest"})
    assert cancelled["result"]["orderLinkId"] == "rest"
    assert (await settled(customer, "rest"))["cancelType"] == "CancelByUser"
    assert (
        customer.post("/v5/order/cancel", {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "no"})["retCode"]
        == 170213
    )


async def test_pages_follow_their_cursor_without_losing_a_row(customer: Any, pybit: Any) -> None:
    for place in range(7):
        customer.post("/v5/order/create", {**BUY, "orderLinkId": f"page{place}"})
    for place in range(7):
        await settled(customer, f"page{place}")
    found: list[str] = []
    cursor = ""
    for _ in range(20):
        page = pybit.get_executions(category="spot", limit=2, **({"cursor": cursor} if cursor else {}))["result"]
        found += [row["execId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    ledger = customer.venue.control("GET", f"ledger?uid={customer.uid}")
    assert found == [row["execId"] for row in reversed(ledger["executions"])]


def test_a_window_of_more_than_seven_days_is_refused(customer: Any) -> None:
    now = int(time.time() * 1000)
    query = f"category=spot&startTime={now - 8 * 86_400_000}&endTime={now}"
    assert customer.get("/v5/execution/list", query)["retCode"] == 10001


def test_deposits_and_withdrawals_show_in_the_log(customer: Any) -> None:
    venue = customer.venue
    venue.control("POST", "deposits", {"uid": customer.uid, "coin": "BTC", "amount": "0.5"})
    venue.control("POST", "deposits", {"uid": customer.uid, "coin": "USDT", "amount": "-100"})
    rows = customer.get("/v5/account/transaction-log", "accountType=UNIFIED")["result"]["list"]
    assert [(row["type"], row["currency"], row["change"]) for row in rows] == [
        ("TRANSFER_OUT", "USDT", "-100"),
        ("TRANSFER_IN", "BTC", "0.5"),
        ("TRANSFER_IN", "USDT", "10000"),
    ]


def test_market_data_is_one_story(venue: Any) -> None:
    def market(path: str, **query: str) -> dict[str, Any]:
        return venue.client.get(f"{venue.url}/v5/market/{path}", params=query).json()["result"]  # type: ignore[no-any-return]

    instruments = market("instruments-info", category="spot")["list"]
    assert len(instruments) >= 100
    assert market("instruments-info", category="inverse")["list"] == []
    tickers = {row["symbol"]: row for row in market("tickers", category="spot")["list"]}
    assert set(tickers) == {row["symbol"] for row in instruments}
    for row in instruments:
        ticker, tick = tickers[row["symbol"]], Decimal(row["priceFilter"]["tickSize"])
        assert 0 < Decimal(ticker["bid1Price"]) < Decimal(ticker["ask1Price"])
        assert Decimal(ticker["ask1Price"]) % tick == 0
    book = market("orderbook", category="spot", symbol="ETHUSDT", limit="50")
    assert len(book["b"]) == len(book["a"]) == 50
    assert book["a"][0][0] == tickers["ETHUSDT"]["ask1Price"]
    candle = market("kline", category="spot", symbol="ETHUSDT", interval="1")["list"][0]
    assert len(candle) == 7
    limits = market("price-limit", category="spot", symbol="ETHUSDT")
    assert Decimal(limits["sellLmt"]) < Decimal(book["b"][0][0]) < Decimal(limits["buyLmt"])


def test_the_coingecko_replay_agrees_with_the_venues_candle(venue: Any) -> None:
    gecko = CoinGeckoAPI()
    gecko.api_base_url = f"http://127.0.0.1:{venue.coingecko_port}/api/v3/"
    assert gecko.ping() == {"gecko_says": "(V3) To the Moon!"}  # type: ignore[no-untyped-call]
    rows = gecko.get_coins_markets(vs_currency="usd", order="market_cap_desc", per_page=100, page=1)
    assert [row["market_cap_rank"] for row in rows] == list(range(1, 101))
    assert rows[0]["id"] == "bitcoin"
    at = int(datetime.fromisoformat(rows[0]["last_updated"]).timestamp() * 1000)
    minute = str(at - at % 60_000)
    query = {"category": "spot", "symbol": "BTCUSDT", "interval": "1", "start": minute, "end": minute}
    candle = venue.client.get(f"{venue.url}/v5/market/kline", params=query).json()["result"]["list"][0]
    assert float(candle[3]) * 0.95 < rows[0]["current_price"] < float(candle[2]) * 1.05
    stable = {row["id"] for row in gecko.get_coins_markets(vs_currency="usd", category="stablecoins")}
    assert {"tether", "usd-coin", "dai"} <= stable
    assert "bitcoin" not in stable
    named = gecko.get_coins_markets(vs_currency="usd", ids="solana,bitcoin")
    assert [row["id"] for row in named] == ["bitcoin", "solana"]
    assert gecko.get_coins_markets(vs_currency="usd", page=9) == []
    gecko.session.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://v.example"},
        {"Origin": "null"},
        {"Host": "v.example"},
        {"Host": "v.example:80"},
        {"Host": ""},
    ],
)
def test_no_web_page_reaches_the_control_paths(venue: Any, headers: dict[str, str]) -> None:
    assert venue.client.get(f"{venue.url}/paper/v1/accounts", headers=headers).status_code == 403
    assert venue.client.get(f"{venue.url}/paper/v1/accounts", headers={"Host": "localhost:1"}).status_code == 200


def test_a_token_that_is_set_is_asked_for_on_loopback_too(own_venue: Any) -> None:
    own_venue.settings["PAPER_EXCHANGE_ADMIN_TOKEN"] = "open-sesame"
    own_venue.start()
    where = f"{own_venue.url}/paper/v1/accounts"
    told = {"X-Admin-Token": "open-sesame"}
    assert own_venue.client.get(where).status_code == 403
    assert own_venue.client.get(where, headers=told | {"Origin": "https://v.example"}).status_code == 403
    assert own_venue.client.get(where, headers=told | {"Host": "paper-exchange:8090"}).status_code == 200


def test_the_secret_of_a_key_is_told_once(venue: Any) -> None:
    account = venue.control("POST", "accounts", {"balances": {"USDT": "1"}})
    second = venue.control("POST", "keys", {"uid": account["uid"]})
    assert second["api_secret"]
    again = venue.control("POST", "keys", {"api_key": second["api_key"], "read_only": True})
    assert again == {"uid": account["uid"], "api_key": second["api_key"]}


def test_control_paths_want_loopback_or_the_token(venue: Any) -> None:
    body = {"balances": {"USDT": "1"}}
    forwarded = venue.client.post(f"{venue.url}/paper/v1/accounts", json=body, headers={"X-Forwarded-For": "1.2.3.4"})
    assert forwarded.status_code == 403
    wrong = venue.client.post(f"{venue.url}/paper/v1/accounts", json=body, headers={"X-Admin-Token": "guess"})
    assert wrong.status_code == 403
    bad = venue.client.post(f"{venue.url}/paper/v1/accounts", json={"balances": {"USDT": "NaN"}})
    assert bad.status_code == 422
    assert venue.client.post(f"{venue.url}/paper/v1/accounts", content=b"{" * 10).status_code == 422
