"""How orders trade and end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest


def test_an_acknowledged_order_has_not_traded_yet(floor: Any) -> None:
    account = floor.account(USDT="1000")
    order = floor.place(account, match=False, symbol="BTCUSDT", side="Buy", orderType="Market", qty="100")
    assert order.status == "New"
    assert not account.executions


def test_a_buy_pays_its_fee_in_the_bought_coin_exactly(floor: Any) -> None:
    account = floor.account(USDT="1000")
    price = floor.ask("BTCUSDT")
    order = floor.place(
        account,
        symbol="BTCUSDT",
        side="Buy",
        orderType="Limit",
        qty="0.002",
        price=str(price + 1000),
        timeInForce="IOC",
    )
    assert order.status == "Filled"
    assert order.fee == Decimal("0.000002")
    assert order.fee_coin == "BTC"
    assert account.holding("BTC").wallet == Decimal("0.001998")
    assert account.holding("USDT").wallet == Decimal(1000) - price * Decimal("0.002")
    assert account.holding("USDT").locked == 0


def test_a_sell_pays_its_fee_in_quote(floor: Any) -> None:
    account = floor.account(BTC="0.01")
    price = floor.bid("BTCUSDT")
    order = floor.place(account, symbol="BTCUSDT", side="Sell", orderType="Market", qty="0.002")
    assert order.status == "Filled"
    assert account.holding("USDT").wallet == price * Decimal("0.002") * Decimal("0.999")
    assert account.holding("BTC").wallet == Decimal("0.008")


def test_an_ioc_order_takes_what_its_price_reaches_and_cancels_the_rest(floor: Any) -> None:
    account = floor.account(USDT="100000")
    floor.market.set_depth("DOGEUSDT", Decimal(3000))
    ask = floor.ask("DOGEUSDT")
    order = floor.place(
        account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="40000", price=str(ask), timeInForce="IOC"
    )
    assert order.status == "PartiallyFilledCanceled"
    assert order.reject_reason == "EC_CancelForNoFullFill"
    assert 0 < order.filled_quantity < 40000
    assert account.holding("USDT").locked == 0


def test_an_ioc_order_that_reaches_nothing_is_cancelled(floor: Any) -> None:
    account = floor.account(USDT="1000")
    bid = floor.bid("BTCUSDT")
    order = floor.place(
        account, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.001", price=str(bid), timeInForce="IOC"
    )
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_NoImmediateQtyToFill")


def test_fill_or_kill_is_all_or_nothing(floor: Any) -> None:
    account = floor.account(USDT="100000")
    floor.market.set_depth("DOGEUSDT", Decimal(3000))
    ask = str(floor.ask("DOGEUSDT"))
    order = floor.place(
        account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="40000", price=ask, timeInForce="FOK"
    )
    assert (order.status, order.filled_quantity) == ("Cancelled", 0)


def test_post_only_never_takes(floor: Any) -> None:
    account = floor.account(USDT="1000")
    ask = str(floor.ask("BTCUSDT"))
    order = floor.place(
        account, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.001", price=ask, timeInForce="PostOnly"
    )
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")


def test_a_resting_order_trades_as_maker_at_its_own_price_when_the_market_comes(floor: Any) -> None:
    account = floor.account(USDT="1000")
    order = floor.place(
        account, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.001", price="118000", timeInForce="GTC"
    )
    assert order.status == "New"
    floor.market.set_price("BTCUSDT", Decimal(117500))
    floor.exchange.matcher.match_resting()
    assert order.status == "Filled"
    assert {item.price for item in order.executions} == {Decimal(118000)}
    assert all(item.is_maker for item in order.executions)


def test_a_market_buy_by_amount_leaves_a_crumb(floor: Any) -> None:
    account = floor.account(USDT="1000")
    order = floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Market", qty="50")
    assert order.status == "PartiallyFilledCanceled"
    assert order.filled_value + order.leaves_value == 50
    assert order.leaves_quantity == 0
    assert account.holding("USDT").wallet == 1000 - order.filled_value


def test_a_large_order_walks_the_book_in_several_executions(floor: Any) -> None:
    account = floor.account(USDT="1000000")
    floor.market.set_depth("ETHUSDT", Decimal(100000))
    order = floor.place(account, symbol="ETHUSDT", side="Buy", orderType="Market", qty="2", marketUnit="baseCoin")
    prices = [item.price for item in order.executions]
    assert len(prices) > 2
    assert prices == sorted(prices)
    assert len({item.exec_id for item in order.executions}) == len(prices)
    assert order.filled_quantity == 2


def test_what_a_taker_ate_is_gone_until_the_next_tick(floor: Any) -> None:
    account = floor.account(USDT="1000000")
    floor.market.set_depth("ETHUSDT", Decimal(100000))
    first = floor.place(account, symbol="ETHUSDT", side="Buy", orderType="Market", qty="1", marketUnit="baseCoin")
    second = floor.place(account, symbol="ETHUSDT", side="Buy", orderType="Market", qty="1", marketUnit="baseCoin")
    assert second.executions[0].price >= first.executions[-1].price
    assert second.average_price > first.average_price


def test_a_staked_coin_follows_its_coin(floor: Any) -> None:
    floor.market.set_price("ETHUSDT", Decimal(5000))
    assert floor.market.walk.mid("STETHUSDT") == 5000


def test_a_buy_that_filled_partly_below_its_limit_sets_aside_only_what_is_left(floor: Any) -> None:
    account = floor.account(USDT="100000")
    floor.market.set_depth("DOGEUSDT", Decimal(3000))
    limit = floor.ask("DOGEUSDT") + Decimal("0.0005")
    order = floor.place(
        account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="40000", price=str(limit), timeInForce="GTC"
    )
    assert order.status == "PartiallyFilled"
    assert order.average_price < limit
    assert account.holding("USDT").locked == limit * (40000 - order.filled_quantity)


def test_the_best_price_trades_first_and_then_the_oldest(floor: Any) -> None:
    account = floor.account(USDT="100000")
    floor.market.set_depth("DOGEUSDT", Decimal(3000))
    bid = floor.bid("DOGEUSDT")
    tick = floor.market.listings["DOGEUSDT"].tick_size
    low, first, second = (
        floor.place(account, symbol="DOGEUSDT", side="Buy", orderType="Limit", qty="5000", price=str(price))
        for price in (bid - 9 * tick, bid - 5 * tick, bid - 5 * tick)
    )
    floor.market.set_price("DOGEUSDT", bid - 12 * tick)
    floor.exchange.matcher.match_resting()
    traded = list(dict.fromkeys(fill.order_id for fill in account.executions))
    by_rank = [first.order_id, second.order_id, low.order_id]
    assert traded == by_rank[: len(traded)]
    assert first.filled_quantity > low.filled_quantity


def test_prices_that_reach_nothing_leave_resting_orders_alone(floor: Any) -> None:
    account = floor.account(USDT="100000", BTC="1")
    mid = floor.market.walk.mid("BTCUSDT")
    buy = floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.01", price=str(mid - 600))
    sell = floor.place(account, symbol="BTCUSDT", side="Sell", orderType="Limit", qty="0.01", price=str(mid + 600))
    for price in (mid + 300, mid - 300, mid):
        floor.market.set_price("BTCUSDT", price)
        floor.exchange.matcher.match_resting()
    assert (buy.status, sell.status) == ("New", "New")
    floor.market.set_price("BTCUSDT", mid + 700)
    floor.exchange.matcher.match_resting()
    assert (buy.status, sell.status) == ("New", "Filled")


@pytest.mark.parametrize(
    ("lot", "in_force", "status", "traded"),
    [
        ("1", "GTC", "Cancelled", "0"),
        ("1", "IOC", "Cancelled", "0"),
        ("1", "FOK", "Cancelled", "0"),
        ("1", "PostOnly", "Cancelled", "0"),
        ("0.002", "GTC", "PartiallyFilledCanceled", "0.004"),
        ("0.002", "FOK", "Cancelled", "0"),
    ],
)
def test_a_lot_raised_between_acknowledgement_and_match_never_fills_an_order_short(
    floor: Any, lot: str, in_force: str, status: str, traded: str
) -> None:
    account = floor.account(USDT="100000")
    price = str(floor.bid("BTCUSDT") if in_force == "PostOnly" else floor.ask("BTCUSDT") + 100)
    order = floor.place(account, match=False, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.005",
                        price=price, timeInForce=in_force)  # fmt: skip
    floor.events.change_rules("BTCUSDT", {"lot_size": Decimal(lot)})
    floor.match_all()
    assert (order.status, order.filled_quantity) == (status, Decimal(traded))
    assert all(item.quantity > 0 for item in order.executions)
    assert account.holding("USDT").locked == 0


@pytest.mark.parametrize(
    ("lot", "status", "traded"), [("1", "Cancelled", "0"), ("0.002", "PartiallyFilledCanceled", "0.004")]
)
def test_a_lot_raised_over_a_resting_order_never_fills_it_short(floor: Any, lot: str, status: str, traded: str) -> None:
    account = floor.account(USDT="100000")
    order = floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Limit", qty="0.005", price="118000")
    assert order.resting
    floor.events.change_rules("BTCUSDT", {"lot_size": Decimal(lot)})
    floor.market.set_price("BTCUSDT", Decimal(117500))
    floor.exchange.matcher.match_resting()
    assert (order.status, order.filled_quantity) == (status, Decimal(traded))
    assert all(item.quantity > 0 for item in order.executions)
    assert account.holding("USDT").locked == 0
