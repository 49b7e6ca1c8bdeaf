"""The public stream: books, tickers, candles and trades of spot pairs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson

from paper_exchange.application.market import Market
from paper_exchange.domain.order import Execution
from paper_exchange.domain.price_walk import FINE
from paper_exchange.inbound.market_routes import MINUTES, MarketRoutes
from paper_exchange.inbound.socket import Socket
from shared.trading.money import plain

DEPTHS = frozenset({"1", "50", "200", "1000"})
MAX_ARGS = 10
WITHOUT_QUOTE = ("bid1Price", "bid1Size", "ask1Price", "ask1Size")


class PublicStreams:
    """Who listens to which topic; every tick is told to the listeners, as snapshots."""

    def __init__(self, market: Market, routes: MarketRoutes) -> None:
        self._market = market
        self._routes = routes
        self._listeners: dict[str, set[Socket]] = defaultdict(set)

    async def serve(self, socket: Socket) -> None:
        """Read operations until the client leaves."""
        try:
            while (operation := await socket.operation()) is not None:
                kind = operation.get("op")
                if kind == "ping":
                    socket.push_json({"success": True, "ret_msg": "pong", "conn_id": socket.conn_id,
                                      "req_id": operation.get("req_id", ""), "op": "ping"})  # fmt: skip
                elif kind in {"subscribe", "unsubscribe"}:
                    self._subscribe(socket, operation)
                else:
                    socket.acknowledge(operation, success=False, text="error:unknown op")
        finally:
            for topic in socket.topics:
                self._listeners[topic].discard(socket)

    def _subscribe(self, socket: Socket, operation: dict[str, Any]) -> None:
        topics = [str(topic) for topic in operation.get("args") or []]
        wrong = [topic for topic in topics if not self._known(topic)]
        if wrong or not 1 <= len(topics) <= MAX_ARGS:
            text = f"Invalid topic: {wrong[0]}" if wrong else f"args size must be 1 to {MAX_ARGS}"
            socket.acknowledge(operation, success=False, text=text)
            return
        leaves = operation["op"] == "unsubscribe"
        twice = [topic for topic in topics if topic in socket.topics]
        if twice and not leaves:
            socket.acknowledge(operation, success=False, text=f"error:already subscribed,topic:{twice[0]}")
            return
        socket.acknowledge(operation)
        for topic in topics:
            self._follow(socket, topic, leaves=leaves)

    def _follow(self, socket: Socket, topic: str, *, leaves: bool) -> None:
        if leaves:
            socket.topics.discard(topic)
            self._listeners[topic].discard(socket)
            return
        socket.topics.add(topic)
        self._listeners[topic].add(socket)
        frame = self._frame(topic)
        if frame is not None:
            socket.push(frame)

    def _known(self, topic: str) -> bool:
        name, *rest = topic.split(".")
        if not rest or rest[-1] not in self._market.listings:
            return False
        if name in {"tickers", "publicTrade"}:
            return len(rest) == 1
        if name == "orderbook":
            return len(rest) == 2 and rest[0] in DEPTHS
        return name == "kline" and len(rest) == 2 and rest[0] in MINUTES

    def tick(self) -> None:
        """Tell everybody the new prices."""
        for topic, sockets in self._listeners.items():
            if sockets and (frame := self._frame(topic)) is not None:
                for socket in sockets:
                    socket.push(frame)

    def traded(self, execution: Execution) -> None:
        """Tell a trade on the public tape; the side is the taker's."""
        topic = f"publicTrade.{execution.symbol}"
        sockets = self._listeners.get(topic)
        if not sockets:
            return
        side = execution.side if not execution.is_maker else ("Sell" if execution.side == "Buy" else "Buy")
        trade = {"T": execution.at_ms, "s": execution.symbol, "S": side, "v": plain(execution.quantity),
                 "p": plain(execution.price), "i": execution.exec_id, "BT": False, "RPI": False,
                 "seq": execution.seq}  # fmt: skip
        frame = orjson.dumps({"topic": topic, "type": "snapshot", "ts": execution.at_ms, "data": [trade]})
        for socket in sockets:
            socket.push(frame)

    def _frame(self, topic: str) -> bytes | None:
        name, *rest = topic.split(".")
        listing = self._market.listings[rest[-1]]
        now = self._market.ticked_ms
        if name == "orderbook":
            book = self._routes.book_shape(listing, int(rest[0]))
            return orjson.dumps({"topic": topic, "type": "snapshot", "ts": now, "data": book, "cts": now})
        if name == "tickers":
            row = {key: value for key, value in self._routes.ticker(listing).items() if key not in WITHOUT_QUOTE}
            return orjson.dumps({"topic": topic, "ts": now, "type": "snapshot", "cs": self._market.ticks, "data": row})
        if name == "kline":
            return self._candle(topic, rest[0], rest[1])
        return None

    def _candle(self, topic: str, interval: str, symbol: str) -> bytes | None:
        found = self._market.candles(symbol).between(None, None, minutes=MINUTES[interval], limit=1)
        if not found:
            return None
        candle, listing, now = found[0], self._market.listings[symbol], self._market.ticked_ms
        opened, high, low, close = (plain(listing.price_of(fine // FINE)) for fine in candle.prices())
        length = MINUTES[interval] * 60_000
        data = {"start": candle.start_ms, "end": candle.start_ms + length - 1, "interval": interval, "open": opened,
                "close": close, "high": high, "low": low, "volume": "0", "turnover": "0", "confirm": False,
                "timestamp": now}  # fmt: skip
        return orjson.dumps({"topic": topic, "data": [data], "ts": now, "type": "snapshot"})
