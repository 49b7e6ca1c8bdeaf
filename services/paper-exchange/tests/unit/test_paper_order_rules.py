"""What the venue refuses before it acknowledges, with Bybit's codes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from paper_exchange.domain.refusal import Refused

GOOD = {
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.001",
    "price": "118000",
    "timeInForce": "IOC",
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 170121),
        ({"side": "buy"}, 170117),
        ({"orderType": "Stop"}, 170116),
        ({"timeInForce": "DAY"}, 170115),
        ({"timeInForce": "RPI"}, 170355),
        ({"triggerPrice": "118000"}, 170227),
        ({"orderFilter": "tpslOrder"}, 170227),
        ({"takeProfit": "120000"}, 170227),
        ({"qty": "NaN"}, 170130),
        ({"qty": "-1"}, 170130),
        ({"qty": "0"}, 170130),
        ({"qty": 0.001}, 10001),
        ({"qty": "0.0000001"}, 170137),
        ({"qty": "0.00001"}, 170140),
        ({"qty": "1000"}, 170381),
        ({"price": "118000.05"}, 170134),
        ({"price": "150000"}, 170372),
        ({"side": "Sell", "price": "100000"}, 170371),
        ({"qty": "1"}, 170131),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"orderLinkId": "with space"}, 10001),
        ({"isLeverage": 1}, 170344),
        ({"orderType": "Market", "qty": "4.99"}, 170140),
        ({"orderType": "Market", "qty": "50.00000001"}, 170148),
    ],
)
def test_an_order_against_the_rules_is_refused_with_the_venues_code(
    floor: Any, change: dict[str, Any], code: int
) -> None:
    account = floor.account(USDT="1000")
    with pytest.raises(Refused) as refused:
        floor.place(account, **(GOOD | change))
    assert refused.value.ret_code == code
    assert not account.orders


def test_a_link_id_is_used_once_and_for_ever(floor: Any) -> None:
    account = floor.account(USDT="1000")
    floor.place(account, **GOOD, orderLinkId="mine")
    with pytest.raises(Refused) as refused:
        floor.place(account, **GOOD, orderLinkId="mine")
    assert refused.value.ret_code == 170141


def test_two_customers_may_use_the_same_link_id(floor: Any) -> None:
    for account in (floor.account(USDT="1000"), floor.account(USDT="1000")):
        assert floor.place(account, **GOOD, orderLinkId="mine").link_id == "mine"


def test_an_open_buy_sets_its_money_aside_and_a_cancel_gives_it_back(floor: Any) -> None:
    account = floor.account(USDT="1000")
    order = floor.place(account, **(GOOD | {"timeInForce": "GTC", "qty": "0.008"}))
    assert order.status == "New"
    assert account.holding("USDT").locked == Decimal(944)
    with pytest.raises(Refused) as refused:
        floor.place(account, **GOOD)
    assert refused.value.ret_code == 170131
    floor.exchange.cancel(account.uid, {"symbol": "BTCUSDT", "orderId": order.order_id})
    assert account.holding("USDT").locked == 0
    assert order.status == "Cancelled"


def test_a_halted_pair_takes_no_orders(floor: Any) -> None:
    account = floor.account(USDT="1000")
    floor.events.halt(["BTCUSDT"])
    with pytest.raises(Refused) as refused:
        floor.place(account, **GOOD)
    assert refused.value.ret_code == 170151


def test_an_order_that_a_halt_overtook_waits_and_can_be_cancelled(floor: Any) -> None:
    account = floor.account(USDT="1000")
    ask = str(floor.ask("BTCUSDT"))
    waiting = floor.place(account, match=False, **(GOOD | {"price": ask}))
    dropped = floor.place(account, match=False, **(GOOD | {"price": ask}))
    floor.events.halt(["BTCUSDT"])
    floor.match_all()
    floor.tick()
    assert (waiting.status, dropped.status) == ("New", "New")
    floor.exchange.cancel(account.uid, {"symbol": "BTCUSDT", "orderId": dropped.order_id})
    floor.events.resume(["BTCUSDT"])
    floor.tick()
    assert (waiting.status, dropped.status) == ("Filled", "Cancelled")
