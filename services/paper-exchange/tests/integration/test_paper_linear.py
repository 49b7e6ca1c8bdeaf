"""Market data of perpetuals: served, paged, and one story with spot; what is not served has a code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration


def market(venue: Any, path: str, **query: str) -> dict[str, Any]:
    reply: dict[str, Any] = venue.client.get(f"{venue.url}/v5/market/{path}", params=query).json()
    return reply


def linear(venue: Any, path: str, **query: str) -> dict[str, Any]:
    reply = market(venue, path, category="linear", **query)
    assert reply["retCode"] == 0, reply
    result: dict[str, Any] = reply["result"]
    return result


def test_instruments_come_in_pages_without_losing_one(venue: Any) -> None:
    found: list[str] = []
    cursor = ""
    for _ in range(20):
        page = linear(venue, "instruments-info", limit="50", **({"cursor": cursor} if cursor else {}))
        found += [row["symbol"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert found == [row["symbol"] for row in linear(venue, "instruments-info", limit="1000")["list"]]
    assert len(found) == len(set(found)) > 200
    bitcoin = linear(venue, "instruments-info", symbol="BTCUSDT")["list"][0]
    assert (bitcoin["priceFilter"]["tickSize"], bitcoin["lotSizeFilter"]["qtyStep"]) == ("0.1", "0.001")
    assert bitcoin["fundingInterval"] == 480


def test_a_perpetual_follows_its_spot_pair(venue: Any) -> None:
    spot = market(venue, "tickers", category="spot", symbol="ETHUSDT")["result"]["list"][0]
    perpetual = linear(venue, "tickers", symbol="ETHUSDT")["list"][0]
    index, mark = Decimal(perpetual["indexPrice"]), Decimal(perpetual["markPrice"])
    assert abs(index - Decimal(spot["lastPrice"])) <= Decimal("0.02")
    assert abs(mark - index) <= index / 5_000
    assert Decimal(perpetual["bid1Price"]) < Decimal(perpetual["ask1Price"])
    book = linear(venue, "orderbook", symbol="ETHUSDT", limit="50")
    assert len(book["a"]) == 50
    assert book["a"][0][0] == perpetual["ask1Price"]
    thousand = linear(venue, "tickers", symbol="1000PEPEUSDT")["list"][0]
    pepe = market(venue, "tickers", category="spot", symbol="PEPEUSDT")["result"]["list"][0]
    assert abs(Decimal(thousand["indexPrice"]) / Decimal(pepe["lastPrice"]) - 1000) < 1


def test_candles_of_trades_mark_index_and_premium(venue: Any) -> None:
    query = {"symbol": "BTCUSDT", "interval": "1"}
    assert len(linear(venue, "kline", **query)["list"][0]) == 7
    mark = linear(venue, "mark-price-kline", **query)["list"][0]
    index = linear(venue, "index-price-kline", **query)["list"][0]
    premium = linear(venue, "premium-index-price-kline", **query)["list"][0]
    assert len(mark) == len(index) == len(premium) == 5
    assert abs(Decimal(premium[4]) - (Decimal(mark[4]) / Decimal(index[4]) - 1)) < Decimal("0.000002")


def test_funding_history_never_changes_and_needs_an_end(venue: Any) -> None:
    rows = linear(venue, "funding/history", symbol="BTCUSDT")["list"]
    assert len(rows) == 200
    moments = [int(row["fundingRateTimestamp"]) for row in rows]
    assert moments == sorted(moments, reverse=True)
    assert {moment % (8 * 3_600_000) for moment in moments} == {0}
    assert all(abs(Decimal(row["fundingRate"])) <= Decimal("0.00375") for row in rows)
    span = {"startTime": str(moments[10]), "endTime": str(moments[5])}
    assert linear(venue, "funding/history", symbol="BTCUSDT", **span)["list"] == rows[5:11]
    lonely = market(venue, "funding/history", category="linear", symbol="BTCUSDT", startTime="1")
    assert lonely["retCode"] == 10001


def test_a_key_without_the_permission_trades_no_derivatives(customer: Any) -> None:
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    for path, body in (
        ("create", order),
        ("amend", {**order, "orderId": "1"}),
        ("cancel", {**order, "orderId": "1"}),
        ("cancel-all", {"category": "linear", "settleCoin": "USDT"}),
        ("create-batch", {"category": "linear", "request": [order]}),
    ):
        assert customer.post(f"/v5/order/{path}", body)["retCode"] == 10005, path
    for category in ("linear&settleCoin=USDT", "inverse", "option"):
        for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list", "/v5/position/list"):
            reply = customer.get(path, f"category={category}")
            assert (reply["retCode"], reply["result"]["list"]) == (0, []), path
    assert customer.get("/v5/position/list", "category=linear")["retCode"] == 10001


@pytest.mark.parametrize("category", ["inverse", "option"])
def test_other_products_list_nothing(venue: Any, category: str) -> None:
    for path in ("instruments-info", "tickers", "recent-trade"):
        reply = market(venue, path, category=category)
        assert (reply["retCode"], reply["result"]["list"]) == (0, []), path
    assert market(venue, "orderbook", category=category, symbol="BTCUSD")["retCode"] == 10001


def test_trades_of_customers_are_on_the_tape(customer: Any) -> None:
    buy = {"category": "spot", "symbol": "SOLUSDT", "side": "Buy", "orderType": "Market", "qty": "50"}
    customer.post("/v5/order/create", buy)
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
    mine = {row["execId"] for row in customer.get("/v5/execution/list", "category=spot")["result"]["list"]}
    rows = market(customer.venue, "recent-trade", category="spot", symbol="SOLUSDT")["result"]["list"]
    assert mine
    assert {row["execId"] for row in rows[: len(mine)]} == mine
    assert {row["side"] for row in rows[: len(mine)]} == {"Buy"}


def test_an_address_that_overdraws_its_budget_is_shut_out(own_venue: Any) -> None:
    own_venue.settings |= {"PAPER_EXCHANGE_IP_REQUESTS": "30", "PAPER_EXCHANGE_IP_BAN_S": "600"}
    own_venue.start()
    url = f"{own_venue.url}/v5/market/time"
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.9", verify=False)) as busy:
        statuses = [busy.get(url).status_code for _ in range(40)]
        assert statuses == [200] * 30 + [403] * 10
        assert "access too frequent" in busy.get(url).text
    assert own_venue.client.get(url).status_code == 200


@pytest.mark.parametrize(("settings", "reach"), [({}, "1.01"), ({"PAPER_EXCHANGE_INNER_PRICE_BAND": "false"}, "1.02")])
def test_an_order_beyond_the_band_is_refused(own_venue: Any, settings: dict[str, str], reach: str) -> None:
    own_venue.settings |= {"PAPER_EXCHANGE_FEED": "frozen", **settings}
    own_venue.start()
    someone = own_venue.customer()
    limits = market(own_venue, "price-limit", category="spot", symbol="BTCUSDT")["result"]
    order = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001"}
    beyond = str(Decimal(limits["buyLmt"]) + Decimal("0.1"))
    assert someone.post("/v5/order/create", {**order, "price": limits["buyLmt"]})["retCode"] == 0
    assert someone.post("/v5/order/create", {**order, "price": beyond})["retCode"] == 170372
    mid = (Decimal(limits["buyLmt"]) + Decimal(limits["sellLmt"])) / 2
    assert abs(Decimal(limits["buyLmt"]) / mid - Decimal(reach)) < Decimal("0.001")
    someone.close()
