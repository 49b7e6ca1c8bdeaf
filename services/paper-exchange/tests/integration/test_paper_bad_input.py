"""Input that nobody meant: it is refused in words, and never an error of the venue's own."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.integration
CREATE = {
    "category": "spot",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.001",
    "price": "118000",
}
TWO = "\u00b2"
"""A digit to `str.isdigit`, and no number to `int`."""
EC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBVQ6jcXAr6/JvVeGW2jFUcDKYZXt
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==
-----END PUBLIC KEY-----
"""


def asked(venue: Any, method: str, path: str, body: object = None) -> httpx.Response:
    reply: httpx.Response = venue.client.request(method, f"{venue.url}/paper/v1/{path}", content=json.dumps(body))
    return reply


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accounts", {"rsa_public_key": "no key"}),
        ("accounts", {"rsa_public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}),
        ("accounts", {"rsa_public_key": EC_KEY}),
        ("accounts", {"expires_in_s": "soon"}),
        ("accounts", {"expires_in_s": 10**18}),
        ("accounts", {"deadline_days": None}),
        ("accounts", {"deadline_days": 10**9}),
        ("accounts", {"ips": 7}),
        ("accounts", {"ips": [7]}),
        ("accounts", {"read_only": "no"}),
        ("accounts", {"permissions": ["Spot"]}),
        ("accounts", {"balances": {"USDT": None}}),
        ("accounts", [1]),
        ("keys", {"api_key": "unknown", "rsa_public_key": "x"}),
        ("deposits", {"uid": 1, "coin": [], "amount": {}}),
        ("feed", {"mode": []}),
        ("feed", {"halt": 5}),
        ("feed", {"halt": [[]]}),
        ("feed", {"resume": "BTCUSDT"}),
        ("feed", {"prices": [1]}),
        ("feed", {"prices": {"BTCUSDT": "1e99"}}),
        ("faults", {"kind": []}),
        ("faults", {"kind": "latency", "latency_ms": 1.5}),
        ("instruments", {"symbol": {}, "lot_size": "1"}),
        ("conversions", {"from": "A", "to": "B", "ratio": "-1"}),
        ("restart", {"down_ms": "1"}),
        ("clock", {"advance_ms": "1"}),
    ],
)
def test_control_paths_refuse_in_words(venue: Any, path: str, body: object) -> None:
    answer = asked(venue, "POST", path, body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]


def test_numbers_of_other_scripts_are_no_numbers(customer: Any) -> None:
    venue = customer.venue
    assert asked(venue, "GET", f"wait?uid={customer.uid}&n={TWO}").status_code == 422
    for path in (
        "kline?category=spot&symbol=BTCUSDT&interval=1&limit=",
        "orderbook?category=spot&symbol=BTCUSDT&limit=",
    ):
        for text in (TWO, "--5", "٣", "1" * 40):
            reply = venue.client.get(f"{venue.url}/v5/market/{path}{text}")
            assert (reply.status_code, reply.json()["retCode"]) == (200, 10001)
    headers = customer.headers("")
    for changed in ({"X-BAPI-TIMESTAMP": TWO * 13}, {"X-BAPI-RECV-WINDOW": TWO}):
        sent = {name: value.encode("latin-1") for name, value in (headers | changed).items()}
        reply = venue.client.get(f"{venue.url}/v5/account/info", headers=sent)
        assert (reply.status_code, reply.json()["retCode"]) == (200, 10001)
    coins = f"http://127.0.0.1:{venue.coingecko_port}/api/v3/coins/markets?vs_currency=usd&per_page={TWO}"
    assert venue.client.get(coins).status_code < 500


@pytest.mark.parametrize(
    "fields",
    [{"category": []}, {"category": {}}, {"isLeverage": []}, {"isLeverage": {}}, {"qty": 1}, {"symbol": []},
     {"side": {}}, {"orderLinkId": 7}, {"qty": "9" * 40}, {"price": "1e39"}, {"timeInForce": []}, {"orderFilter": 1},
     {"slippageToleranceType": []}, {"marketUnit": {}, "orderType": "Market"}],
)  # fmt: skip
def test_an_order_of_nonsense_is_refused_with_a_code(customer: Any, fields: dict[str, Any]) -> None:
    reply = customer.raw_post("/v5/order/create", CREATE | fields)
    assert (reply.status_code, reply.json()["retCode"] > 0) == (200, True)
    batch = customer.raw_post("/v5/order/create-batch", {"category": "spot", "request": [CREATE | fields]})
    assert batch.status_code == 200


def test_a_price_beyond_all_bounds_does_not_end_the_venue(customer: Any) -> None:
    venue = customer.venue
    price = venue.control("GET", "feed")["prices"]["DOGEUSDT"]
    try:
        venue.control("POST", "feed", {"prices": {"DOGEUSDT": "9" * 30}})
        reply = customer.get("/v5/market/kline", "category=spot&symbol=DOGEUSDT&interval=1")
        assert reply["retCode"] == 0
        assert len(str(venue.control("GET", "feed")["prices"]["DOGEUSDT"])) < 20
    finally:
        venue.control("POST", "feed", {"prices": {"DOGEUSDT": price}})


@pytest.mark.parametrize("fault", ["duplicate_rows", "leg_ret_code"])
def test_a_fault_meets_an_answer_it_cannot_change(customer: Any, fault: str) -> None:
    venue = customer.venue
    assert asked(venue, "POST", "faults", {"kind": fault, "path": "/v5/order/*"}).status_code == 200
    unsigned = venue.client.post(f"{venue.url}/v5/order/create", json=CREATE)
    assert (unsigned.status_code, unsigned.json()["result"]) == (200, None)
    assert customer.raw_get("/v5/order/realtime", "category=spot").json()["retCode"] == 0


@pytest.mark.parametrize("path", ["public/spot", "private"])
@pytest.mark.parametrize(
    "frame",
    [{"op": []}, {"op": {}}, {"op": "subscribe", "args": 5}, {"op": "subscribe", "args": {"a": 1}},
     {"op": "subscribe", "args": [[]]}, {"op": "auth", "args": ["KEY", TWO * 13, "x"]},
     {"op": "auth", "args": ["KEY", "9" * 5_000, "x"]}, [1]],
)  # fmt: skip
def test_a_socket_survives_nonsense(customer: Any, path: str, frame: Any) -> None:
    if isinstance(frame, dict) and frame["op"] == "auth":
        frame = {**frame, "args": [customer.api_key, *frame["args"][1:]]}
    with connect(f"{customer.venue.socket_url}/v5/{path}?max_active_time={TWO}s", compression=None) as socket:
        socket.send(json.dumps(frame))
        socket.send(json.dumps({"op": "ping"}))
        deadline = time.monotonic() + 5
        told: list[dict[str, Any]] = []
        while time.monotonic() < deadline and not any(one["op"] in ("pong", "ping") for one in told):
            told.append(json.loads(socket.recv(5)))
        assert {"pong", "ping"} & {one["op"] for one in told if isinstance(one["op"], str)}
