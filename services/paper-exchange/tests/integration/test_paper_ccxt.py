"""ccxt and ccxt.pro, unchanged but for their addresses, cannot tell the venue from Bybit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ccxt  # type: ignore[import-untyped]
import ccxt.pro  # type: ignore[import-untyped]
import pytest

from shared.testing import eventually

pytestmark = pytest.mark.integration
PAIR, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
WAIT_S = 20.0


def point(urls: dict[str, Any], venue: Any) -> None:
    """Put our host where ccxt has Bybit's, paths unchanged."""
    for name, value in urls.items():
        if isinstance(value, dict):
            point(value, venue)
        elif value.startswith("wss"):
            path = value[value.index("/v5") :] if "/v5" in value else ""
            urls[name] = f"{venue.socket_url}{path}"
        else:
            urls[name] = venue.url


@pytest.fixture
def exchange(customer: Any) -> Iterator[Any]:
    client = ccxt.bybit({"apiKey": customer.api_key, "secret": customer.api_secret, "enableRateLimit": False})
    point(client.urls["api"], customer.venue)
    client.load_markets()
    yield client
    client.session.close()


class Streaming(ccxt.pro.bybit):  # type: ignore[misc]
    """ccxt.pro's own, which counts the subscriptions that stand: it tells nobody."""

    standing = 0

    def handle_subscription_status(self, client: Any, message: dict[str, Any]) -> Any:
        self.standing += 1
        return super().handle_subscription_status(client, message)


@pytest.fixture
async def streaming(customer: Any) -> AsyncIterator[Any]:
    client = Streaming({"apiKey": customer.api_key, "secret": customer.api_secret, "enableRateLimit": False})
    point(client.urls["api"], customer.venue)
    await client.load_markets()
    yield client
    await client.close()


async def closed(exchange: Any, order_id: str, pair: str = PAIR) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        order: dict[str, Any] = exchange.fetch_order(order_id, pair, {"acknowledged": True})
        return order if order["status"] == "closed" else None

    order: dict[str, Any] | None = await eventually(found, because="the order trades")
    assert order
    return order


def test_markets_currencies_and_the_kind_of_account(exchange: Any) -> None:
    assert {PAIR, PERPETUAL, "ETH/USDT"} <= set(exchange.markets)
    precision = exchange.markets[PAIR]["precision"]
    assert (precision["amount"], precision["price"]) == (0.000001, 0.1)
    assert {"BTC", "USDT"} <= set(exchange.fetch_currencies())
    assert exchange.is_unified_enabled() == [False, True]


def test_prices_books_candles_and_trades(exchange: Any) -> None:
    for pair in (PAIR, PERPETUAL):
        ticker, book = exchange.fetch_ticker(pair), exchange.fetch_order_book(pair, 5)
        assert ticker["bid"] < ticker["ask"]
        assert book["asks"][0][0] == ticker["ask"]
        assert len(exchange.fetch_ohlcv(pair, "1m")[0]) == 6
        assert exchange.fetch_trades(pair)
    assert len(exchange.fetch_tickers(params={"type": "spot"})) > 300
    assert len(exchange.fetch_tickers(params={"type": "swap", "subType": "linear"})) > 200
    assert exchange.fetch_funding_rate_history(PERPETUAL)
    assert exchange.fetch_open_interest(PERPETUAL)["openInterestAmount"] > 0


async def test_market_orders_by_cost_and_by_quantity(exchange: Any) -> None:
    by_cost = await closed(exchange, exchange.create_market_buy_order_with_cost(PAIR, 50)["id"])
    assert 49 < by_cost["cost"] <= 50
    assert by_cost["fee"]["currency"] == "BTC"
    by_quantity = await closed(exchange, exchange.create_order(PAIR, "market", "buy", 0.001)["id"])
    assert by_quantity["filled"] == 0.001
    sold = await closed(exchange, exchange.create_order(PAIR, "market", "sell", 0.001)["id"])
    assert sold["fee"]["currency"] == "USDT"
    balance = exchange.fetch_balance()
    assert balance["BTC"]["total"] == pytest.approx(by_cost["filled"] * 0.999 - 0.001 * 0.001)
    trades = exchange.fetch_my_trades(PAIR)
    assert {trade["order"] for trade in trades} == {by_cost["id"], by_quantity["id"], sold["id"]}
    assert exchange.fetch_order_trades(sold["id"], PAIR)
    # ccxt asks for the status Filled; the order by cost ended PartiallyFilledCanceled with its crumb, as on Bybit
    assert {order["id"] for order in exchange.fetch_closed_orders(PAIR)} == {by_quantity["id"], sold["id"]}
    assert len(exchange.fetch_canceled_and_closed_orders(PAIR)) == 3
    assert len(exchange.fetch_ledger("BTC")) >= 3
    assert exchange.fetch_trading_fee(PAIR)["taker"] == 0.001
    assert len(exchange.fetch_trading_fees()) > 200


def test_limit_orders_batches_amend_and_cancel(exchange: Any) -> None:
    one = exchange.create_order(PAIR, "limit", "buy", 0.001, 117000)["id"]
    two = exchange.create_order(PAIR, "limit", "buy", 0.001, 117100, {"clientOrderId": "named-2"})["id"]
    legs = [
        {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.001, "price": price} for price in (116900, 116800)
    ]
    batch = [order["id"] for order in exchange.create_orders(legs)]
    assert {order["id"] for order in exchange.fetch_open_orders(PAIR)} == {one, two, *batch}
    assert exchange.fetch_balance()["USDT"]["used"] == pytest.approx(467.8)
    exchange.edit_order(one, PAIR, "limit", "buy", 0.002, 117050)
    changed = exchange.fetch_open_order(one, PAIR)
    assert (changed["amount"], changed["price"]) == (0.002, 117050)
    edit = {"id": two, "symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.002, "price": 117060}
    exchange.edit_orders([edit])
    exchange.cancel_order(one, PAIR)
    exchange.cancel_orders([two], PAIR)
    exchange.cancel_all_orders(PAIR)
    assert exchange.fetch_open_orders(PAIR) == []
    assert {order["id"] for order in exchange.fetch_canceled_orders(PAIR)} == {one, two, *batch}
    assert exchange.fetch_balance()["USDT"]["used"] == 0


def test_errors_are_ccxts_own(exchange: Any, customer: Any) -> None:
    def refused(kind: type[Exception], pair: str, quantity: float, price: float, **terms: str) -> None:
        with pytest.raises(kind):
            exchange.create_order(pair, "limit", "buy", quantity, price, terms)

    refused(ccxt.InsufficientFunds, PAIR, 1, 117000)
    refused(ccxt.InvalidOrder, PAIR, 0.00001, 117000)
    refused(ccxt.InvalidOrder, PAIR, 0.001, 150000)
    refused(ccxt.PermissionDenied, PERPETUAL, 0.001, 117000)
    exchange.create_order(PAIR, "limit", "buy", 0.001, 117000, {"clientOrderId": "twice"})
    refused(ccxt.InvalidOrder, PAIR, 0.001, 117000, clientOrderId="twice")
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("1", PAIR)
    with pytest.raises(ccxt.BadSymbol):
        exchange.publicGetV5MarketTickers({"category": "spot", "symbol": "NOPE"})
    for key, secret in (("unknown", "x"), (customer.api_key, "wrong")):
        stranger = ccxt.bybit({"apiKey": key, "secret": secret})
        point(stranger.urls["api"], customer.venue)
        with pytest.raises(ccxt.AuthenticationError):
            stranger.fetch_balance()
        stranger.session.close()


async def test_streams_of_ccxt_pro(streaming: Any) -> None:
    async with asyncio.timeout(WAIT_S):
        book, ticker = await streaming.watch_order_book(PAIR), await streaming.watch_ticker(PAIR)
        assert book["bids"][0][0] < ticker["last"] < book["asks"][0][0]
        told = [
            asyncio.ensure_future(watch)
            for watch in (
                streaming.watch_orders(),
                streaming.watch_my_trades(),
                streaming.watch_balance(),
                streaming.watch_trades(PAIR),
            )
        ]
        await eventually(lambda: streaming.standing == 6, because="all six subscriptions stand", timeout_s=WAIT_S)
        placed = await streaming.create_market_buy_order_with_cost(PAIR, 50)
        orders, mine, balance, public = await asyncio.gather(*told)
    assert orders[0]["id"] == placed["id"] == mine[0]["order"]
    assert balance["USDT"]["total"] < 10000
    assert {trade["symbol"] for trade in public} == {PAIR}  # ours, or one of the market's own
