"""The exact bytes of a call are read against the schema of the endpoint they claim to be for."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from keys.domain.endpoints import Caller, PrivateCall, parse_call
from keys.domain.errors import EndpointNotAllowed, LinkIdRefused, PayloadRefused
from keys.domain.lane import Lane
from keys.domain.orders import LinkKeys
from shared.trading.errors import Denied
from shared.trading.link_id import LinkId
from shared.trading.status import VenueEnvironment

KEY = b"k" * 32
LINKS = LinkKeys(key=KEY)


def a_link(leg: int = 0, *, environment: VenueEnvironment = VenueEnvironment.PAPER, key: bytes = KEY) -> str:
    return LinkId(environment=environment, position=7, run=9, leg=leg, attempt=0).encode(key)


def an_order(**changes: Any) -> dict[str, Any]:
    order = {
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.5",
        "price": "60000",
        "timeInForce": "IOC",
        "orderLinkId": a_link(),
        "isLeverage": 0,
    }
    return {name: value for name, value in (order | changes).items() if value is not ...}


def a_create(**changes: Any) -> str:
    return json.dumps({"category": "spot", **an_order(**changes)})


def a_batch(*orders: dict[str, Any]) -> str:
    return json.dumps({"category": "spot", "request": list(orders)})


def read(
    payload: str,
    *,
    path: str = "/v5/order/create",
    method: str = "POST",
    caller: Caller = Caller.EXECUTION,
    recv_window_ms: int = 1500,
    lane: Lane = Lane.BUY,
) -> PrivateCall:
    return parse_call(
        caller=caller,
        method=method,
        path=path,
        payload=payload,
        recv_window_ms=recv_window_ms,
        lane=lane,
        links=LINKS,
    )


def test_a_limit_ioc_order_of_ours_is_understood() -> None:
    call = read(a_create())
    (order,) = call.orders
    assert (order.symbol, str(order.quantity), str(order.price), str(order.notional)) == (
        "BTCUSDT",
        "0.5",
        "60000",
        "30000.0",
    )
    assert (call.units, call.link_ids, order.run) == (1, (a_link(),), (7, 9))


def test_compact_and_spaced_json_say_the_same_order() -> None:
    spaced = read(a_create()).orders[0]
    compact = read(json.dumps({"category": "spot", **an_order(qty="0.50")}, separators=(",", ":"))).orders[0]
    assert spaced.fingerprint(UUID(int=1)) == compact.fingerprint(UUID(int=1))
    assert spaced.fingerprint(UUID(int=1)) != compact.fingerprint(UUID(int=2))


REFUSED_ORDERS = [
    ({"category_": "spot"}, "field_not_allowed"),
    ({"orderType": "Market"}, "value_not_allowed"),
    ({"timeInForce": "GTC"}, "value_not_allowed"),
    ({"timeInForce": "PostOnly"}, "value_not_allowed"),
    ({"timeInForce": ...}, "field_missing"),
    ({"isLeverage": 1}, "value_not_allowed"),
    ({"isLeverage": False}, "value_not_allowed"),
    ({"isLeverage": "0"}, "value_not_allowed"),
    ({"isLeverage": None}, "value_not_allowed"),
    ({"side": "buy"}, "value_not_allowed"),
    ({"side": ["Buy"]}, "value_not_allowed"),
    ({"qty": 0.5}, "number_not_allowed"),
    ({"qty": 1}, "value_not_allowed"),
    ({"qty": "0"}, "value_not_allowed"),
    ({"qty": "-1"}, "value_not_allowed"),
    ({"qty": "1e9"}, "value_not_allowed"),
    ({"qty": "NaN"}, "value_not_allowed"),
    ({"qty": " 1"}, "value_not_allowed"),
    ({"qty": "1\n"}, "escape_in_json"),
    ({"qty": "1" * 21}, "value_not_allowed"),
    ({"price": "0.0"}, "value_not_allowed"),
    ({"price": ...}, "field_missing"),
    ({"symbol": "btcusdt"}, "value_not_allowed"),
    ({"symbol": "BTC-USDT"}, "value_not_allowed"),
    ({"marketUnit": "quoteCoin"}, "field_not_allowed"),
    ({"takeProfit": "1"}, "field_not_allowed"),
    ({"triggerPrice": "1"}, "field_not_allowed"),
    ({"orderFilter": "StopOrder"}, "value_not_allowed"),
    ({"Qty": "9999"}, "field_not_allowed"),
    ({"orderId": "1"}, "field_not_allowed"),
    ({"category": "linear"}, "value_not_allowed"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED_ORDERS, ids=[str(change) for change, _ in REFUSED_ORDERS])
def test_an_order_that_is_not_plain_spot_limit_ioc_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(PayloadRefused) as refusal:
        read(a_create(**changes))
    assert refusal.value.context["reason"] == reason


REFUSED_BYTES = [
    ("", "malformed_json"),
    ("[]", "not_an_object"),
    ("null", "not_an_object"),
    ('{"category":"spot","category":"linear"}', "duplicate_field"),
    ('{"category":"spot","\\u0071ty":"1"}', "escape_in_json"),
    ('{"category":"spöt"}', "not_plain_ascii"),
    ('{"category":"spot"}\x00', "not_plain_ascii"),
    ('{"category":"spot"} {}', "malformed_json"),
    ("{" * 9000, "malformed_json"),
    ("[" * 9000, "malformed_json"),
    (" " * 20_000, "payload_too_long"),
    ('{"category":NaN}', "number_not_allowed"),
    ('{"category":99999999999999999999999}', "number_not_allowed"),
]


@pytest.mark.parametrize(("payload", "reason"), REFUSED_BYTES, ids=[payload[:30] for payload, _ in REFUSED_BYTES])
def test_bytes_with_a_second_reading_are_refused(payload: str, reason: str) -> None:
    with pytest.raises(PayloadRefused) as refusal:
        read(payload)
    assert refusal.value.context["reason"] == reason


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("mine", "link_id_not_ours"),
        (a_link(key=b"x" * 32), "link_id_not_ours"),
        (a_link().upper(), "link_id_not_ours"),
        (a_link(environment=VenueEnvironment.MAINNET), "link_id_wrong_environment"),
    ],
)
def test_a_link_id_that_is_not_ours_or_of_another_environment_is_refused(link: str, code: str) -> None:
    with pytest.raises(LinkIdRefused) as refusal:
        read(a_create(orderLinkId=link)).belongs_to(VenueEnvironment.PAPER)
    assert refusal.value.code == code


def test_a_batch_counts_one_by_one_and_takes_ten_orders_at_most() -> None:
    call = read(a_batch(*(an_order(orderLinkId=a_link(leg)) for leg in range(10))), path="/v5/order/create-batch")
    assert (call.units, len(call.orders)) == (10, 10)
    for legs in (range(11), range(0)):
        with pytest.raises(PayloadRefused) as refusal:
            read(a_batch(*(an_order(orderLinkId=a_link(leg)) for leg in legs)), path="/v5/order/create-batch")
        assert refusal.value.context["reason"] == "batch_size"


def test_the_same_link_id_twice_in_one_batch_is_refused() -> None:
    with pytest.raises(PayloadRefused, match="duplicate link id"):
        read(a_batch(an_order(), an_order(qty="1")), path="/v5/order/create-batch")


def test_a_cancel_names_our_link_id_and_no_order_id() -> None:
    body = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": a_link()}
    assert read(json.dumps(body), path="/v5/order/cancel", lane=Lane.CANCEL_QUERY).link_ids == (a_link(),)
    for changed in (body | {"orderId": "1"}, body | {"orderLinkId": "mine"}, {"category": "spot"}):
        with pytest.raises(Denied):
            read(json.dumps(changed), path="/v5/order/cancel")
    batch = {"category": "spot", "request": [{"symbol": "BTCUSDT", "orderLinkId": a_link(leg)} for leg in range(3)]}
    assert read(json.dumps(batch), path="/v5/order/cancel-batch").units == 3


READS = [
    ("/v5/order/realtime", "category=spot&openOnly=0&limit=50&cursor=16:abc%2C1"),
    ("/v5/order/history", "category=spot&orderLinkId=" + a_link()),
    ("/v5/execution/list", "category=spot&endTime=1700000000000&limit=100&startTime=1699990000000"),
    ("/v5/account/wallet-balance", "accountType=UNIFIED&coin=USDT,BTC"),
    ("/v5/account/transaction-log", "accountType=UNIFIED&category=spot&limit=50"),
    ("/v5/account/fee-rate", "category=spot&symbol=BTCUSDT"),
]


@pytest.mark.parametrize(("path", "query"), READS)
@pytest.mark.parametrize("caller", [Caller.EXECUTION, Caller.RECONCILER])
def test_the_reads_that_we_need_are_signed_for_both(path: str, query: str, caller: Caller) -> None:
    assert read(query, path=path, method="GET", caller=caller).units == 1


@pytest.mark.parametrize(
    "query",
    [
        "category=linear",
        "symbol=BTCUSDT",
        "category=spot&category=spot",
        "category=spot&symbol=btc",
        "category=spot&unknown=1",
        "category=spot&limit=1&",
        "category",
        "category=spot&limit=-1",
        "category=spot&limit=١",
        "category=spot&symbol=BTCUSDT%26side=Buy",
        '{"category":"spot"}',
    ],
)
def test_a_query_outside_its_schema_is_refused(query: str) -> None:
    with pytest.raises(PayloadRefused):
        read(query, path="/v5/order/realtime", method="GET")


@pytest.mark.parametrize("path", sorted({*(path for path, _ in READS), "/v5/account/info", "/v5/user/query-api"}))
def test_nothing_empty_is_signed_since_it_would_fit_any_call(path: str) -> None:
    with pytest.raises((PayloadRefused, EndpointNotAllowed)):
        read("", path=path, method="GET")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/v5/asset/withdraw/create",
        "/v5/asset/transfer/inter-transfer",
        "/v5/order/amend",
        "/v5/order/cancel-all",
        "/v5/user/update-api",
        "/v5/order/create/",
        "/v5/order/create?x",
        "/v5/ORDER/create",
        "https://api.bybit.com/v5/order/create",
        "",
    ],
)
def test_an_endpoint_that_is_not_on_the_list_is_refused(method: str, path: str) -> None:
    with pytest.raises(EndpointNotAllowed):
        read("{}", path=path, method=method)


def test_the_reconciler_may_read_and_never_post() -> None:
    for path in ("/v5/order/create", "/v5/order/create-batch", "/v5/order/cancel", "/v5/order/cancel-batch"):
        for method in ("POST", "GET"):
            with pytest.raises(EndpointNotAllowed):
                read(a_create(), path=path, method=method, caller=Caller.RECONCILER)
    query = "accountType=UNIFIED"
    path = "/v5/account/wallet-balance"
    call = read(query, path=path, method="GET", caller=Caller.RECONCILER, lane=Lane.CANCEL_QUERY)
    assert call.lane is Lane.POLL


def test_no_order_jumps_the_queue() -> None:
    assert read(a_create(), lane=Lane.CANCEL_QUERY).lane is Lane.BUY
    assert read(a_create(side="Sell"), lane=Lane.CANCEL_QUERY).lane is Lane.UNWIND
    assert read(a_create(side="Sell"), lane=Lane.BUY).lane is Lane.BUY


@pytest.mark.parametrize("recv_window_ms", [0, 99, 5001, 60_000])
def test_an_order_that_would_stay_valid_too_long_is_refused(recv_window_ms: int) -> None:
    with pytest.raises(PayloadRefused, match="recv window"):
        read(a_create(), recv_window_ms=recv_window_ms)
