"""Every public method of pybit's `WebSocket` and `WebSocketTrading`, listed by reflection, is called.

Each is served, and what it is told is checked, or its answer and the reason stand in the second part of CONFORMANCE.md,
which is written anew by `BASKETRY_WRITE_TABLES=1 pytest services/paper-exchange/tests/integration/test_paper_pybit_sockets.py`.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pybit._websocket_trading
import pybit.unified_trading
import pytest
from pybit.unified_trading import WebSocket, WebSocketTrading

pytestmark = pytest.mark.integration
TABLE = Path(__file__).parents[2] / "CONFORMANCE.md"
HEAD = "\n# What pybit's sockets are answered\n"
WAIT_S = 20.0
SPOT = {"category": "spot", "symbol": "ETHUSDT"}
BUY = {**SPOT, "side": "Buy", "orderType": "Limit", "timeInForce": "IOC", "qty": "0.1", "price": "4390"}
STAY = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "4300"}
NO_POSITIONS = "accepted; keys of this venue have no right ContractTrade, so nothing happens that it could tell"
NO_OPTIONS = "accepted; there are no options here"
NO_SPREADS = "accepted; nobody trades spreads here"
NO_LIQUIDATIONS = "accepted; nobody holds a position here that could be liquidated"
NO_POOL = "accepted; there is no insurance pool here"
NO_NEWS = "accepted; no maintenance is ever announced"
NO_RPI = "retail price improvement orders do not exist here; REST shows the book with a column of zeros"
NO_TOKENS = "leveraged tokens are not listed here"
NO_CONTRACTS = "no instrument of this product is listed here"

Check = Callable[[dict[str, Any]], bool]


def has(*names: str) -> Check:
    """The first row holds these fields."""
    return lambda frame: set(names) <= set(frame["data"][0] if isinstance(frame["data"], list) else frame["data"])


def deep(levels: int) -> Check:
    """A book of so many levels a side; takers may have eaten a few."""
    return lambda frame: all(levels >= len(frame["data"][side]) > min(levels, 50) * 0.8 for side in ("a", "b"))


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One call of a subscribing method.

    Attributes:
        check: What a frame must hold, of a topic that is served.
        reason: Why it is not.
        takes: The venue acknowledges the subscription.
    """

    method: str
    channel: str
    topic: str
    arguments: dict[str, Any] = field(default_factory=dict)
    check: Check | None = None
    reason: str = ""
    takes: bool = True


ETH = {"symbol": "ETHUSDT"}
FILL = has("execId", "execPrice", "execQty", "orderId", "isMaker")
SERVED = (
    Stream("order_stream", "private", "order", {}, has("orderStatus", "cumExecQty", "category")),
    Stream("execution_stream", "private", "execution", {}, FILL),
    Stream("fast_execution_stream", "private", "execution.fast", {}, FILL),
    Stream("wallet_stream", "private", "wallet", {}, lambda frame: bool(frame["data"][0]["coin"])),
    Stream("subscribe", "categorised", "order.spot", {"symbol": "spot"}, has("orderStatus", "category")),
    Stream("subscribe", "categorised", "execution.spot", {"symbol": "spot"}, FILL),
    Stream("fast_execution_stream", "categorised", "execution.fast.spot", {"categorised_topic": "spot"}, FILL),
    *(
        stream
        for channel, candle in (("spot", "1"), ("linear", "60"))
        for stream in (
            *(
                Stream("orderbook_stream", channel, f"orderbook.{depth}.ETHUSDT", {**ETH, "depth": depth}, deep(depth))
                for depth in (1, 50, 200)
            ),
            Stream("trade_stream", channel, "publicTrade.ETHUSDT", ETH, has("T", "s", "S", "v", "p", "i", "BT")),
            Stream("ticker_stream", channel, "tickers.ETHUSDT", ETH, has("lastPrice", "volume24h", "price24hPcnt")),
            Stream("kline_stream", channel, f"kline.{candle}.ETHUSDT", {**ETH, "interval": int(candle)},
                   has("start", "open", "close", "confirm")),
            Stream("price_limit_stream", channel, "priceLimit.ETHUSDT", ETH, has("buyLmt", "sellLmt")),
        )
    ),
)  # fmt: skip
QUIET = (
    Stream("position_stream", "private", "position", reason=NO_POSITIONS),
    Stream("greek_stream", "private", "greeks", reason=NO_OPTIONS),
    Stream("spread_order_stream", "private", "spread.order", reason=NO_SPREADS),
    Stream("spread_execution_stream", "private", "spread.execution", reason=NO_SPREADS),
    Stream("liquidation_stream", "linear", "liquidation.ETHUSDT", ETH, reason=NO_LIQUIDATIONS),
    Stream("all_liquidation_stream", "linear", "allLiquidation.ETHUSDT", ETH, reason=NO_LIQUIDATIONS),
    Stream("insurance_pool_stream", "linear", "insurance.USDT", {"contract_group": "USDT"}, reason=NO_POOL),
    Stream("system_status_stream", "misc/status", "system.status", reason=NO_NEWS),
)
REFUSED = (
    Stream("rpi_orderbook_stream", "spot", "orderbook.rpi.ETHUSDT", ETH, reason=NO_RPI, takes=False),
    Stream("rpi_orderbook_stream", "linear", "orderbook.rpi.ETHUSDT", ETH, reason=NO_RPI, takes=False),
    Stream("lt_kline_stream", "spot", "kline_lt.5.BTC3LUSDT", {"interval": 5, "symbol": "BTC3LUSDT"},
           reason=NO_TOKENS, takes=False),
    Stream("lt_ticker_stream", "spot", "tickers_lt.BTC3LUSDT", {"symbol": "BTC3LUSDT"}, reason=NO_TOKENS, takes=False),
    Stream("lt_nav_stream", "spot", "lt.BTC3LUSDT", {"symbol": "BTC3LUSDT"}, reason=NO_TOKENS, takes=False),
    Stream("ticker_stream", "inverse", "tickers.BTCUSD", {"symbol": "BTCUSD"}, reason=NO_CONTRACTS, takes=False),
    Stream("ticker_stream", "option", "tickers.BTC", {"symbol": "BTC"}, reason=NO_CONTRACTS, takes=False),
)  # fmt: skip
STREAMS = (*SERVED, *QUIET, *REFUSED)


class Inbox:
    """What pybit's threads were told."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.frames: dict[tuple[str, str], dict[str, Any]] = {}
        self.answers: dict[tuple[str, str], dict[str, Any]] = {}

    def put(self, into: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str], told: dict[str, Any]) -> None:
        with self._news:
            into[key] = told
            self._news.notify_all()

    def wait(self, found: Callable[[], bool], because: str) -> None:
        with self._news:
            assert self._news.wait_for(found, WAIT_S), because


class Listener(WebSocket):
    """pybit's own, which writes the answers to its subscriptions down; it would break at a refusal."""

    def __init__(self, inbox: Inbox, channel: str, **secret: str) -> None:
        self.inbox, self.channel = inbox, channel
        kind = "private" if channel == "categorised" else channel
        super().__init__(testnet=False, channel_type=kind, **secret)

    def _process_subscription_message(self, message: Any) -> None:
        if message["success"]:
            super()._process_subscription_message(message)  # type: ignore[no-untyped-call]
        self.inbox.put(self.inbox.answers, (self.channel, message["req_id"]), message)

    def listen(self, stream: Stream) -> dict[str, Any]:
        """Call the method and wait for the venue's answer."""
        known = set(self.subscriptions)

        def take(message: dict[str, Any]) -> None:
            self.inbox.put(self.inbox.frames, (stream.channel, stream.topic), message)

        named = {"topic": stream.topic} if stream.method == "subscribe" else {}
        getattr(self, stream.method)(callback=take, **named, **stream.arguments)
        request = (set(self.subscriptions) - known).pop()
        self.inbox.wait(lambda: (self.channel, request) in self.inbox.answers, f"{stream.topic} is answered")
        return self.inbox.answers[self.channel, request]


@pytest.fixture
def secret(customer: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A key, with pybit's addresses turned to the venue."""
    url = customer.venue.socket_url
    monkeypatch.setattr(pybit.unified_trading, "PRIVATE_WSS", f"{url}/v5/private")
    monkeypatch.setattr(pybit.unified_trading, "PUBLIC_WSS", f"{url}/v5/public/{{CHANNEL_TYPE}}")
    monkeypatch.setattr(pybit._websocket_trading, "TRADE_WSS", f"{url}/v5/trade")
    return {"api_key": customer.api_key, "api_secret": customer.api_secret}


@pytest.fixture
def listeners(secret: dict[str, str]) -> Iterator[dict[str, Listener]]:
    """A socket for each kind of channel."""
    inbox, opened = Inbox(), {}
    try:
        for channel in dict.fromkeys(stream.channel for stream in STREAMS):
            opened[channel] = Listener(inbox, channel, **(secret if channel in {"private", "categorised"} else {}))
        yield opened
    finally:
        for one in opened.values():
            one.exit()  # type: ignore[no-untyped-call]


def public_methods(owner: type) -> set[str]:
    """Every public method a class has of its own, by reflection."""
    return {name for name, _ in inspect.getmembers(owner, inspect.isfunction)
            if not name.startswith("_") and name in vars(owner)}  # fmt: skip


def rows(streams: tuple[Stream, ...], answers: dict[Stream, str]) -> list[str]:
    found = []
    for stream in streams:
        socket = "private" if stream.channel == "categorised" else stream.channel
        found.append(f"| WebSocket.{stream.method} | {socket} | {stream.topic} | {answers[stream]} | {stream.reason} |")
    return found


def written(answers: dict[Stream, str], trading: list[str]) -> str:
    head = ["| method | socket | topic | answer | reason |", "|---|---|---|---|---|"]
    others = (*QUIET, *REFUSED)
    return "\n".join(
        [
            HEAD,
            "Generated by `test_paper_pybit_sockets.py`, which calls every public method of pybit's `WebSocket` and",
            "`WebSocketTrading`, listed by reflection. Private topics have categorised forms (`order.spot`) too.",
            "",
            f"## Streams served: {len(SERVED)}",
            "",
            *head,
            *rows(SERVED, answers),
            "",
            f"## Streams that tell nothing, or are refused: {len(others)}",
            "",
            "The texts of refusals are chosen here: Bybit's documents do not tell them.",
            "",
            *head,
            *rows(others, answers),
            "",
            f"## Order entry served: {len(trading)}",
            "",
            "| method | operation |",
            "|---|---|",
            *trading,
            "",
        ]
    )


class Desk(WebSocketTrading):
    """pybit's own, asked and waited for."""

    def ask(self, method: str, **fields: Any) -> dict[str, Any]:
        told: list[dict[str, Any]] = []
        done = threading.Event()

        def take(message: dict[str, Any]) -> None:
            told.append(message)
            done.set()

        getattr(self, method)(take, error_callback=take, **fields)
        assert done.wait(WAIT_S), method
        return told[0]


def traded(desk: Desk, customer: Any) -> list[str]:
    """Call every method of order entry; REST shows what each did."""

    def live() -> dict[str, str]:
        shown = customer.get("/v5/order/realtime", "category=spot")["result"]["list"]
        return {row["orderLinkId"]: row["price"] for row in shown}

    legs = [{**STAY, "orderLinkId": name} for name in ("two", "three")]
    steps: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (
        ("place_order", {**STAY, "orderLinkId": "one"}, {"one": "4300"}),
        ("amend_order", {**SPOT, "orderLinkId": "one", "price": "4301"}, {"one": "4301"}),
        ("cancel_order", {**SPOT, "orderLinkId": "one"}, {}),
        ("place_batch_order", {"category": "spot", "request": legs}, {"two": "4300", "three": "4300"}),
        ("amend_batch_order", {"category": "spot", "request": [{**SPOT, "orderLinkId": "two", "price": "4302"}]},
         {"two": "4302", "three": "4300"}),
        ("cancel_batch_order", {"category": "spot", "request": [{**SPOT, "orderLinkId": "two"}]}, {"three": "4300"}),
    )  # fmt: skip
    assert {name for name, _, _ in steps} == public_methods(WebSocketTrading)
    found = []
    for method, fields, expected in steps:
        told = desk.ask(method, **fields)
        assert (told["retCode"], told["retMsg"]) == (0, "OK"), method
        assert live() == expected, method
        found.append(f"| WebSocketTrading.{method} | {told['op']} |")
    refused = desk.ask("place_order", **{**STAY, "qty": "3"})
    assert (refused["retCode"], refused["data"]) == (170131, {})
    return found


def test_every_method_of_pybits_sockets_is_served_or_stands_in_the_table(
    customer: Any, secret: dict[str, str], listeners: dict[str, Listener]
) -> None:
    methods = {stream.method for stream in STREAMS}
    assert methods - {"subscribe"} == public_methods(WebSocket)
    answers = {}
    for stream in STREAMS:
        told = listeners[stream.channel].listen(stream)
        assert told["success"] is stream.takes, told
        answers[stream] = "served" if stream.check else "0, silent" if stream.takes else told["ret_msg"]
    customer.post("/v5/order/create", BUY)
    inbox = listeners["private"].inbox
    wanted = {(stream.channel, stream.topic) for stream in SERVED}
    inbox.wait(lambda: wanted <= set(inbox.frames), f"told of {wanted}")
    assert set(inbox.frames) == wanted
    for stream in SERVED:
        frame = inbox.frames[stream.channel, stream.topic]
        assert stream.check is not None
        assert stream.check(frame), frame
    best = [Decimal(inbox.frames["linear", "orderbook.1.ETHUSDT"]["data"][side][0][0]) for side in ("b", "a")]
    assert best[0] < best[1]
    desk = Desk(testnet=False, **secret)  # type: ignore[no-untyped-call]
    try:
        trading = traded(desk, customer)
    finally:
        desk.exit()  # type: ignore[no-untyped-call]
    table = written(answers, trading)
    before, mark, after = TABLE.read_text().partition(HEAD)
    if os.environ.get("BASKETRY_WRITE_TABLES"):
        TABLE.write_text(before + table)
        mark, after = "", table
    assert mark + after == table
