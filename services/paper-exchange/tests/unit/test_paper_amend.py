"""Changing an open order: what is refused, what is set aside, and how it trades afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from paper_exchange.domain.refusal import Refused

REST = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "118000"}


def amend(floor: Any, account: Any, order: Any, **change: str) -> None:
    floor.exchange.amend(account.uid, {"symbol": order.symbol, "orderId": order.order_id, **change})
    floor.match_all()


def test_another_price_and_quantity_change_what_is_set_aside(floor: Any) -> None:
    account = floor.account(USDT="2000")
    order = floor.place(account, **REST)
    assert account.holding("USDT").locked == 1180
    amend(floor, account, order, price="117500", qty="0.004")
    assert (order.status, order.price, order.quantity) == ("New", Decimal(117500), Decimal("0.004"))
    assert account.holding("USDT").locked == 470
    floor.market.set_price("BTCUSDT", Decimal(117000))
    floor.exchange.matcher.match_resting()
    assert order.status == "Filled"
    assert {(item.price, item.is_maker) for item in order.executions} == {(Decimal(117500), True)}
    assert account.holding("USDT").locked == 0


def test_a_price_amended_into_the_market_takes(floor: Any) -> None:
    account = floor.account(USDT="2000")
    order = floor.place(account, **REST)
    ask = floor.ask("BTCUSDT")
    amend(floor, account, order, price=str(ask))
    assert order.status == "Filled"
    assert {(item.price, item.is_maker) for item in order.executions} == {(ask, False)}


def test_post_only_amended_into_the_market_is_cancelled(floor: Any) -> None:
    account = floor.account(USDT="2000")
    order = floor.place(account, **REST, timeInForce="PostOnly")
    amend(floor, account, order, price=str(floor.ask("BTCUSDT")))
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert account.holding("USDT").locked == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 10001),
        ({"price": "118000"}, 10001),
        ({"qty": "0.01", "price": "118000.0"}, 10001),
        ({"price": "118000.05"}, 170134),
        ({"qty": "0.0000001"}, 170137),
        ({"qty": "0.00001"}, 170140),
        ({"qty": "1"}, 170131),
        ({"price": "150000"}, 170372),
        ({"qty": "-1"}, 170130),
        ({"triggerPrice": "118000"}, 170312),
    ],
)
def test_an_amendment_against_the_rules_leaves_the_order_as_it_was(
    floor: Any, change: dict[str, str], code: int
) -> None:
    account = floor.account(USDT="2000")
    order = floor.place(account, **REST)
    with pytest.raises(Refused) as refused:
        amend(floor, account, order, **change)
    assert refused.value.ret_code == code
    assert (order.status, order.price, order.quantity) == ("New", Decimal(118000), Decimal("0.01"))
    assert account.holding("USDT").locked == 1180


def test_the_new_quantity_must_exceed_what_was_filled(floor: Any) -> None:
    account = floor.account(USDT="100000")
    floor.market.set_depth("DOGEUSDT", Decimal(3000))
    ask = str(floor.ask("DOGEUSDT"))
    order = floor.place(account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="40000", price=ask)
    assert order.status == "PartiallyFilled"
    with pytest.raises(Refused) as refused:
        amend(floor, account, order, qty=str(order.filled_quantity))
    assert refused.value.ret_code == 170313
    amend(floor, account, order, qty=str(order.filled_quantity + 50))
    assert order.leaves_quantity in {50, 0}


@pytest.mark.parametrize(("end", "code"), [("fill", 170139), ("cancel", 170142), ("never", 170213)])
def test_what_has_ended_cannot_be_changed(floor: Any, end: str, code: int) -> None:
    account = floor.account(USDT="2000")
    order = floor.place(account, **REST)
    if end == "fill":
        amend(floor, account, order, price=str(floor.ask("BTCUSDT")))
    elif end == "cancel":
        floor.exchange.cancel(account.uid, {"symbol": "BTCUSDT", "orderId": order.order_id})
    else:
        order.order_id = "1"
    with pytest.raises(Refused) as refused:
        amend(floor, account, order, price="117000")
    assert refused.value.ret_code == code


def test_slippage_tolerance_stops_a_market_order(floor: Any) -> None:
    account = floor.account(USDT="1000000")
    floor.market.set_depth("ETHUSDT", Decimal(100000))
    ask = floor.ask("ETHUSDT")
    order = floor.place(
        account, symbol="ETHUSDT", side="Buy", orderType="Market", qty="5", marketUnit="baseCoin",
        slippageToleranceType="TickSize", slippageTolerance="1",
    )  # fmt: skip
    tick = floor.market.listings["ETHUSDT"].tick_size
    assert order.status == "PartiallyFilledCanceled"
    assert {item.price for item in order.executions} <= {ask, ask + tick}
    wide = floor.place(
        account, symbol="ETHUSDT", side="Buy", orderType="Market", qty="5", marketUnit="baseCoin",
        slippageToleranceType="Percent", slippageTolerance="5",
    )  # fmt: skip
    assert wide.status == "Filled"


@pytest.mark.parametrize(
    ("kind", "tolerance", "code"),
    [
        ("TickSize", "0.5", 110108),
        ("TickSize", "10001", 110108),
        ("Percent", "0.005", 110109),
        ("Percent", "10.01", 110109),
        ("Bps", "1", 10001),
    ],
)
def test_a_slippage_tolerance_out_of_range_is_refused(floor: Any, kind: str, tolerance: str, code: int) -> None:
    account = floor.account(USDT="1000")
    with pytest.raises(Refused) as refused:
        floor.place(
            account, symbol="BTCUSDT", side="Buy", orderType="Market", qty="100",
            slippageToleranceType=kind, slippageTolerance=tolerance,
        )  # fmt: skip
    assert refused.value.ret_code == code
