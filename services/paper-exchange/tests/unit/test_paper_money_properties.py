"""Properties that guard money, whatever customers do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_exchange.application.accounts import Accounts
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.exact import add, mul
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.refusal import Refused
from paper_exchange.outbound.dataset import load_listings
from paper_exchange.outbound.record_codec import decode_record, encode_record
from paper_exchange.outbound.rsa_signatures import RsaSignatures
from paper_exchange.outbound.state_dump import state_bytes

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT")
COINS = ("BTC", "DOGE", "NEWCOIN", "USDT")
RATIOS = ("1", "1000", "0.001")
LOTS = {listing.symbol: listing.lot_size for listing in load_listings() if listing.symbol in SYMBOLS}


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, Any]]:
    order = st.fixed_dictionaries(
        {
            "symbol": st.sampled_from(SYMBOLS),
            "side": st.sampled_from(["Buy", "Sell"]),
            "orderType": st.sampled_from(["Limit", "Market"]),
            "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"]),
            "marketUnit": st.sampled_from(["", "baseCoin", "quoteCoin"]),
            "value": st.integers(3, 30_000),
            "offset_bps": st.integers(-150, 150),
            "customer": st.integers(0, 1),
            "slippage": st.sampled_from([("", ""), ("TickSize", "3"), ("Percent", "0.05")]),
            "match": st.booleans(),
        }
    )
    move = st.tuples(st.sampled_from(SYMBOLS), st.integers(-300, 300))
    amendment = st.fixed_dictionaries(
        {
            "order": st.integers(0, 30),
            "offset_bps": st.one_of(st.none(), st.integers(-150, 150)),
            "lots": st.one_of(st.none(), st.integers(1, 400_000)),
            "match": st.booleans(),
        }
    )
    step = st.one_of(
        st.tuples(st.just("order"), order),
        st.tuples(st.just("order"), order),
        st.tuples(st.just("order"), order),
        st.tuples(st.just("amend"), amendment),
        st.tuples(st.just("amend"), amendment),
        st.tuples(st.just("cancel_all"), st.integers(0, 1)),
        st.tuples(st.just("move"), move),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("tick"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("reset"), st.none()),
        st.tuples(st.just("withdraw"), st.integers(1, 5000)),
        st.tuples(st.just("rules"), st.tuples(st.sampled_from(SYMBOLS), st.sampled_from([1, 7, 40, 3000, 10**7]))),
        st.tuples(st.just("halt"), st.tuples(st.sampled_from(SYMBOLS), st.booleans())),
        st.tuples(st.just("delist"), st.sampled_from(SYMBOLS)),
        st.tuples(
            st.just("convert"), st.tuples(st.sampled_from(COINS), st.sampled_from(COINS), st.sampled_from(RATIOS))
        ),
        st.tuples(st.just("forget"), st.tuples(st.integers(0, 30), st.integers(0, 1))),
        st.tuples(st.just("late"), st.tuples(st.integers(0, 30), st.integers(1, 4000))),
    )
    return draw(st.lists(step, min_size=4, max_size=25))


def place(floor: Any, accounts: list[Any], what: dict[str, Any]) -> None:
    listing = floor.market.listings[what["symbol"]]
    mid = floor.market.walk.mid(what["symbol"])
    price = listing.price_of(int(mid * (10_000 + what["offset_bps"]) / 10_000 / listing.tick_size))
    by_value = what["orderType"] == "Market" and (
        what["marketUnit"] == "quoteCoin" or (what["side"] == "Buy" and what["marketUnit"] != "baseCoin")
    )
    quantity = (
        Decimal(what["value"]) if by_value else listing.quantity_of(int(what["value"] / price / listing.lot_size))
    )
    fields = {name: what[name] for name in ("symbol", "side", "orderType", "timeInForce", "marketUnit")}
    if what["orderType"] == "Market":
        fields["slippageToleranceType"], fields["slippageTolerance"] = what["slippage"]
    floor.place(accounts[what["customer"]], match=what["match"], **fields, qty=str(quantity), price=str(price))


def act(floor: Any, accounts: list[Any], kind: str, what: Any) -> None:
    if kind == "order":
        place(floor, accounts, what)
    elif kind == "restart":
        restart(floor)
    elif kind == "reset":
        floor.exchange.reset()
        accounts[:] = fresh_accounts(floor)
    elif kind == "cancel_all":
        floor.exchange.cancel_all(accounts[what].uid)
    elif kind == "move":
        symbol, bps = what
        mid = floor.market.walk.mid(symbol)
        floor.market.set_price(symbol, mid * (10_000 + bps) / 10_000)
        floor.exchange.matcher.match_resting()
    elif kind == "cancel":
        orders = list(floor.ledger.orders.values())
        if orders:
            order = orders[what % len(orders)]
            floor.exchange.cancel(order.uid, {"symbol": order.symbol, "orderId": order.order_id})
    elif kind == "withdraw":
        floor.accounts.transfer(accounts[0].uid, "USDT", Decimal(-what))
    elif kind == "tick":
        floor.tick()
    else:
        VENUE_STEPS[kind](floor, what)


def told_again(floor: Any) -> Ledger:
    """The state that the journal's lines tell."""
    ledger = Ledger(floor.ledger.listings)
    for record in floor.journal.records:
        ledger.apply(decode_record(encode_record(record)))
    return ledger


def restart(floor: Any) -> None:
    """Kill the venue and start it from its journal; what was accepted and not matched is matched first."""
    before = state_bytes(floor.ledger)
    floor.ledger = told_again(floor)
    assert state_bytes(floor.ledger) == before
    floor.exchange = Exchange(
        ledger=floor.ledger,
        market=floor.market,
        journal=floor.journal,
        feed=floor.feed,
        milestones=Milestones(),
        clock=floor.clock,
    )
    floor.accounts = Accounts(floor.exchange, floor.secrets, floor.feed, RsaSignatures())
    floor.events = VenueEvents(floor.exchange, floor.feed)
    floor.match_all()


def change_rules(floor: Any, what: tuple[str, int]) -> None:
    symbol, factor = what
    floor.events.change_rules(symbol, {"lot_size": LOTS[symbol] * factor})
    floor.exchange.matcher.match_resting()


def halt(floor: Any, what: tuple[str, bool]) -> None:
    symbol, stands_still = what
    (floor.events.halt if stands_still else floor.events.resume)([symbol])
    floor.exchange.matcher.match_resting()


def delist(floor: Any, symbol: str) -> None:
    floor.events.delist(symbol)


def convert(floor: Any, what: tuple[str, str, str]) -> None:
    coin, into, ratio = what
    before = len(floor.journal.records)
    floor.events.convert(coin, into, Decimal(ratio))
    assert len(floor.journal.records) == before + 1


def forget(floor: Any, what: tuple[int, int]) -> None:
    """The live view, or a used link id."""
    place, live = what
    orders = list(floor.ledger.orders.values())
    if live or not orders:
        floor.events.forget_live_view()
    else:
        order = orders[place % len(orders)]
        floor.events.forget_links(order.uid, [order.link_id])


def fill_late(floor: Any, what: tuple[int, int]) -> None:
    ended = [order for order in floor.ledger.orders.values() if not order.is_open and not order.by_value]
    if ended:
        order = ended[what[0] % len(ended)]
        quantity = floor.market.listings[order.symbol].quantity_of(what[1])
        floor.events.fill_late(order.uid, order.order_id, quantity=quantity, price=order.limit_price)


def amend(floor: Any, what: dict[str, Any]) -> None:
    orders = list(floor.ledger.orders.values())
    if not orders:
        return
    order = orders[what["order"] % len(orders)]
    listing = floor.market.listings[order.symbol]
    fields = {"symbol": order.symbol, "orderId": order.order_id}
    if what["offset_bps"] is not None:
        mid = floor.market.walk.mid(order.symbol)
        price = listing.price_of(int(mid * (10_000 + what["offset_bps"]) / 10_000 / listing.tick_size))
        fields["price"] = str(price)
    if what["lots"] is not None:
        fields["qty"] = str(listing.quantity_of(what["lots"]))
    floor.exchange.amend(order.uid, fields)
    if what["match"]:
        floor.match_all()


VENUE_STEPS: dict[str, Callable[[Any, Any], None]] = {
    "rules": change_rules,
    "halt": halt,
    "delist": delist,
    "convert": convert,
    "forget": forget,
    "late": fill_late,
    "amend": amend,
}


def fresh_accounts(floor: Any) -> list[Any]:
    return [floor.account(USDT="50000", BTC="0.3"), floor.account(USDT="7000", ETH="2.123456789", DOGE="9000")]


def check_money(ledger: Ledger) -> None:
    totals: dict[str, Decimal] = dict(ledger.counter)
    for account in ledger.accounts.values():
        reserved: dict[str, Decimal] = {}
        for order in account.open_orders.values():
            reserved[order.lock_coin] = add(reserved.get(order.lock_coin, Decimal(0)), order.locked)
            if order.order_type == "Limit":
                left = order.leaves_quantity
                assert order.locked == (mul(order.price, left) if order.side == "Buy" else left)
        for coin, holding in account.holdings.items():
            assert holding.wallet >= 0
            assert 0 <= holding.locked <= holding.wallet
            assert holding.locked == reserved.get(coin, Decimal(0))
            totals[coin] = add(totals.get(coin, Decimal(0)), holding.wallet)
            changes = [entry.change for entry in account.log if entry.coin == coin]
            assert sum_exact(changes) == holding.wallet
    assert all(total == 0 for total in totals.values())


def sum_exact(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = add(total, value)
    return total


def check_orders(ledger: Ledger) -> None:
    exec_ids = [item.exec_id for order in ledger.orders.values() for item in order.executions]
    assert len(exec_ids) == len(set(exec_ids))
    for order in ledger.orders.values():
        spent = order.filled_value if order.by_value else order.filled_quantity
        assert spent <= order.quantity
        assert order.filled_quantity == sum_exact([item.quantity for item in order.executions])
        assert order.filled_value == sum_exact([mul(item.price, item.quantity) for item in order.executions])
        assert order.fee == sum_exact([item.fee for item in order.executions])
        for item in order.executions:
            assert item.fee == mul(item.quantity if order.side == "Buy" else item.value, Decimal("0.001"))
            assert item.quantity > 0
        if order.status == "Filled":
            assert spent == order.quantity
        if not order.is_open:
            assert order.locked == 0


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(journey=steps())
def test_money_is_neither_made_nor_lost_and_a_replay_tells_the_same(
    make_floor: Callable[[], Any], journey: list[tuple[str, Any]]
) -> None:
    floor = make_floor()
    for symbol in SYMBOLS:  # thin, so that orders end partly filled
        floor.market.set_depth(symbol, Decimal(20_000))
    accounts = fresh_accounts(floor)
    for kind, what in journey:
        with contextlib.suppress(Refused):
            act(floor, accounts, kind, what)
        check_money(floor.ledger)
    floor.match_all()
    check_money(floor.ledger)
    check_orders(floor.ledger)
    lines = [encode_record(record) for record in floor.journal.records]
    again = told_again(floor)
    assert again == floor.ledger
    assert state_bytes(again) == state_bytes(floor.ledger)
    assert [encode_record(decode_record(line)) for line in lines] == lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(journey=steps())
def test_no_fill_is_worse_than_the_price_that_was_asked(
    make_floor: Callable[[], Any], journey: list[tuple[str, Any]]
) -> None:
    floor = make_floor()
    accounts = [floor.account(USDT="90000", BTC="0.5"), floor.account(USDT="90000", ETH="9", DOGE="90000")]
    limits: dict[str, Decimal] = {}
    for kind, what in journey:
        with contextlib.suppress(Refused):
            act(floor, accounts, kind, what)
        for order in floor.ledger.orders.values():
            for item in order.executions:
                if item.exec_id in limits:
                    continue
                limits[item.exec_id] = order.limit_price
                assert item.price <= order.limit_price if order.side == "Buy" else item.price >= order.limit_price


def test_the_replay_check_can_fail(floor: Any) -> None:
    account = floor.account(USDT="1000")
    floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Market", qty="100")
    again = Ledger(floor.ledger.listings)
    for record in floor.journal.records[:-1]:
        again.apply(record)
    assert again != floor.ledger
    account.holding("BTC").wallet += Decimal("1e-18")
    with pytest.raises(AssertionError):
        check_money(floor.ledger)
