"""What happens at a venue beside trading, on command: rules, delistings, new names, late fills, restarts, halts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from shared.testing import eventually

pytestmark = pytest.mark.integration
LIMIT = {"category": "spot", "side": "Buy", "orderType": "Limit"}


def ledger(customer: Any) -> dict[str, Any]:
    told: dict[str, Any] = customer.venue.control("GET", f"ledger?uid={customer.uid}")
    return told


def held(customer: Any) -> dict[str, Decimal]:
    return {row["coin"]: Decimal(row["walletBalance"]) for row in ledger(customer)["balances"]}


def instruments(customer: Any, symbol: str) -> list[dict[str, Any]]:
    reply = customer.get("/v5/market/instruments-info", f"category=spot&symbol={symbol}")
    rows: list[dict[str, Any]] = reply["result"].get("list", [])
    return rows


def order(customer: Any, symbol: str, **fields: str) -> int:
    code: int = customer.post("/v5/order/create", {**LIMIT, "symbol": symbol, **fields})["retCode"]
    return code


def test_rules_that_change_after_planning_are_told_and_enforced(customer: Any) -> None:
    fields = {"qty": "0.15", "price": "68", "timeInForce": "IOC"}
    assert order(customer, "AAVEUSDT", qty="0.021", price="283", timeInForce="IOC") == 0
    customer.venue.control("POST", "instruments", {"symbol": "AAVEUSDT", "lot_size": "0.1", "min_amount": "20"})
    rules = instruments(customer, "AAVEUSDT")[0]["lotSizeFilter"]
    assert (rules["basePrecision"], rules["minOrderAmt"]) == ("0.1", "20")
    assert order(customer, "AAVEUSDT", **{**fields, "price": "283"}) == 170137
    assert order(customer, "AAVEUSDT", qty="0.1", price="180", timeInForce="IOC") in {170140, 170371, 170372}
    wrong = customer.venue.client.post(f"{customer.venue.url}/paper/v1/instruments", json={"symbol": "NOPEUSDT",
                                                                                           "lot_size": "1"})  # fmt: skip
    assert wrong.status_code == 422


def test_a_delisted_pair_is_gone_its_orders_end_and_the_coin_gets_another_name(customer: Any) -> None:
    bought = {"symbol": "ZECUSDT", "category": "spot", "side": "Buy", "orderType": "Market", "qty": "100"}
    pair, coin = "ZECUSDT", "ZEC"
    assert customer.post("/v5/order/create", bought)["retCode"] == 0
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=9000")
    price = Decimal(customer.venue.control("GET", "feed")["prices"][pair])
    tick = Decimal(instruments(customer, pair)[0]["priceFilter"]["tickSize"])
    low = str((price * Decimal("0.97")) // tick * tick)
    assert order(customer, pair, qty=str((Decimal(30) / price).quantize(Decimal("0.01"))), price=low) == 0
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_received&n=2&timeout_ms=9000")
    assert customer.venue.control("POST", "instruments", {"symbol": pair, "delist": True})["orders_ended"] == 1
    assert instruments(customer, pair) == []
    assert order(customer, pair, qty="1", price=low) == 170121
    before = held(customer)[coin]
    customer.venue.control("POST", "conversions", {"from": coin, "to": "NEWCOIN", "ratio": "1000"})
    after = held(customer)
    assert [after[coin], after["NEWCOIN"]] == [0, before * 1000]


def test_a_halted_pair_refuses_and_trades_again(customer: Any) -> None:
    customer.venue.control("POST", "feed", {"halt": ["LINKUSDT"]})
    assert instruments(customer, "LINKUSDT")[0]["status"] != "Trading"
    assert order(customer, "LINKUSDT", qty="1", price="21") == 170151
    customer.venue.control("POST", "feed", {"resume": ["LINKUSDT"]})
    assert instruments(customer, "LINKUSDT")[0]["status"] == "Trading"


def test_a_fill_may_come_long_after_the_end(customer: Any) -> None:
    assert order(customer, "ETHUSDT", qty="0.1", price="4300", timeInForce="IOC", orderLinkId="late") == 0
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=9000")
    ended = ledger(customer)["orders"][0]
    assert ended["orderStatus"] == "Cancelled"
    fill = {"uid": customer.uid, "order_id": ended["orderId"], "quantity": "0.04", "price": "4300"}
    told = customer.venue.control("POST", "executions/late", fill)
    assert (told["orderStatus"], told["cumExecQty"]) == ("PartiallyFilledCanceled", "0.04")
    assert held(customer) == {"USDT": Decimal(9_828), "ETH": Decimal("0.03996")}
    rows = customer.get("/v5/execution/list", "category=spot&orderLinkId=late")["result"]["list"]
    assert [row["execQty"] for row in rows] == ["0.04"]
    again = customer.venue.client.post(
        f"{customer.venue.url}/paper/v1/executions/late", json={**fill, "quantity": "0.07"}
    )
    assert again.status_code == 422


async def test_a_restart_cuts_answers_503_and_forgets_the_live_view(customer: Any) -> None:
    assert order(customer, "ETHUSDT", qty="0.1", price="4390", timeInForce="IOC", orderLinkId="seen") == 0
    customer.venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=9000")
    by_link = "category=spot&orderLinkId=seen"
    assert customer.get("/v5/order/realtime", by_link)["result"]["list"]
    with connect(f"{customer.venue.socket_url}/v5/public/spot", compression=None) as socket:
        socket.send(json.dumps({"op": "subscribe", "args": ["tickers.BTCUSDT"]}))
        assert json.loads(socket.recv(5))["success"]
        assert customer.venue.control("POST", "restart", {"down_ms": 400})["cut"] == 1
    assert customer.raw_get("/v5/account/info").status_code == 503
    assert customer.client.get(f"{customer.venue.url}/v5/market/time").status_code == 503

    def back() -> bool:
        return bool(customer.raw_get("/v5/account/info").status_code == 200)

    assert await eventually(back, because="the venue comes back")
    assert not customer.get("/v5/order/realtime", by_link)["result"]["list"]
    assert customer.get("/v5/order/history", by_link)["result"]["list"]


def hear(socket: ClientConnection, *, frames: int, silence_s: float) -> None:
    for _ in range(frames):
        socket.recv(silence_s)


def test_nobody_is_told_of_a_delisted_pair_any_more(customer: Any) -> None:
    pair, venue = "ATOMUSDT", customer.venue

    def symbols(where: str) -> list[str]:
        return [row["symbol"] for row in customer.get(where, "category=spot")["result"]["list"]]

    assert pair in symbols("/v5/market/tickers")
    with connect(f"{venue.socket_url}/v5/public/spot", compression=None) as socket:
        topics = [f"tickers.{pair}", f"orderbook.1.{pair}", f"publicTrade.{pair}", f"kline.1.{pair}"]
        socket.send(json.dumps({"op": "subscribe", "args": topics}))
        assert json.loads(socket.recv(5))
        venue.control("POST", "instruments", {"symbol": pair, "delist": True})
        assert pair not in symbols("/v5/market/tickers")
        assert pair not in symbols("/v5/account/fee-rate")
        with pytest.raises(TimeoutError):
            hear(socket, frames=60, silence_s=1.6)  # what was on its way, then nothing for three ticks
        socket.send(json.dumps({"op": "subscribe", "args": [f"orderbook.50.{pair}"]}))
        refused = json.loads(socket.recv(5))
        assert (refused["success"], refused["ret_msg"]) == (False, f"Invalid topic: orderbook.50.{pair}")
    named = customer.get("/v5/market/tickers", f"category=spot&symbol={pair}")
    assert named["retCode"] == 10001
