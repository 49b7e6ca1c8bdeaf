"""The public stream: books, tickers, candles and trades of spot pairs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from paper_exchange.application.faults import Faults
from paper_exchange.application.market import Market
from paper_exchange.application.tape import Print, Tape
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.order import Execution
from paper_exchange.inbound.book_stream import BookTopic
from paper_exchange.inbound.market_routes import MINUTES, MarketRoutes
from paper_exchange.inbound.socket import Socket
from paper_exchange.inbound.spoilt_replies import cross
from shared.trading.money import plain

DEPTHS = frozenset({"1", "50", "200", "1000"})
MAX_ARGS = 10
MAX_CHARACTERS = 21_000
WITHOUT_QUOTE = ("bid1Price", "bid1Size", "ask1Price", "ask1Size")
COALESCE_S = 0.02
"""What takers eat within so long is told at once (the venue: every 20 ms)."""


class PublicStreams:
    """Who listens to which topic; nothing is worked out that nobody listens to."""

    def __init__(self, market: Market, routes: MarketRoutes, faults: Faults, tape: Tape) -> None:
        self._market = market
        self._routes = routes
        self._faults = faults
        self._tape = tape
        self._listeners: dict[str, set[Socket]] = defaultdict(set)
        self._sockets: set[Socket] = set()
        self._books: dict[str, BookTopic] = {}
        self._candle_starts: dict[str, int] = {}
        self._eaten: set[str] = set()

    async def serve(self, socket: Socket) -> None:
        """Read operations until the client leaves."""
        self._sockets.add(socket)
        self.strike()
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
            self._sockets.discard(socket)
            for topic in socket.topics:
                self._leave(socket, topic)

    def _subscribe(self, socket: Socket, operation: dict[str, Any]) -> None:
        topics = [str(topic) for topic in operation.get("args") or []]
        leaves = operation["op"] == "unsubscribe"
        wrong = self._objection(socket, topics, leaves=leaves)
        socket.acknowledge(operation, success=not wrong, text=wrong)
        if wrong:
            return
        for topic in topics:
            if leaves:
                socket.topics.discard(topic)
                self._leave(socket, topic)
            else:
                self._join(socket, topic)

    def _objection(self, socket: Socket, topics: list[str], *, leaves: bool) -> str:
        if not 1 <= len(topics) <= MAX_ARGS:
            return f"args size >{MAX_ARGS}" if topics else "Params Error"
        unknown = [topic for topic in topics if not self._known(topic)]
        if unknown:
            return f"Invalid topic: {unknown[0]}"
        if leaves:
            return ""
        twice = [topic for place, topic in enumerate(topics) if topic in socket.topics or topic in topics[:place]]
        if twice:
            return f"error:already subscribed,topic:{twice[0]}"
        too_long = sum(len(topic) for topic in (*socket.topics, *topics)) > MAX_CHARACTERS
        return f"args length >{MAX_CHARACTERS}" if too_long else ""

    def _join(self, socket: Socket, topic: str) -> None:
        socket.topics.add(topic)
        self._listeners[topic].add(socket)
        if topic.startswith("orderbook."):
            book, now = self._book_of(topic), self._market.ticked_ms
            known = self._books.setdefault(topic, BookTopic(topic))
            if len(self._listeners[topic]) == 1:
                known.change(book, now_ms=now)  # nobody listened in between: what was told last is old
            self._push([socket], known.snapshot(book, now_ms=now))
        else:
            for frame in self._frames(topic):
                self._push([socket], frame)

    def _leave(self, socket: Socket, topic: str) -> None:
        sockets = self._listeners.get(topic)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._listeners[topic]

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
        for topic, sockets in list(self._listeners.items()):
            if topic.startswith("publicTrade."):
                self._trade_with_itself(topic.removeprefix("publicTrade."))
            else:
                for frame in self._frames(topic):
                    self._push(sockets, frame)

    def traded(self, execution: Execution) -> None:
        """Tell a customer's trade on the public tape, and soon what is left of the book."""
        self._market.seq += 1
        if not self._listeners:
            return
        side = execution.side if not execution.is_maker else ("Sell" if execution.side == "Buy" else "Buy")
        self._tell_trade(
            Print(exec_id=execution.exec_id, symbol=execution.symbol, price=execution.price,
                  quantity=execution.quantity, side=side, at_ms=execution.at_ms, seq=execution.seq)
        )  # fmt: skip
        if not self._eaten:
            asyncio.get_running_loop().call_later(COALESCE_S, self._tell_eaten)
        self._eaten.add(execution.symbol)

    def _tell_eaten(self) -> None:
        eaten, self._eaten = self._eaten, set()
        for topic, sockets in list(self._listeners.items()):
            if topic.startswith("orderbook.") and topic.rsplit(".", 1)[1] in eaten:
                for frame in self._frames(topic):
                    self._push(sockets, frame)

    def _trade_with_itself(self, symbol: str) -> None:
        """The market's own trade of this tick, at the touch that the price went to."""
        market = self._market
        candle, listing = market.candles(symbol).running(), market.listings[symbol]
        bid, ask = market.best(symbol)
        rises = candle is None or candle.close >= candle.open
        trade = Print(exec_id=f"{market.ticked_ms}{market.seq:09d}", symbol=symbol,
                      price=listing.price_of(ask if rises else bid), quantity=listing.min_quantity,
                      side="Buy" if rises else "Sell", at_ms=market.ticked_ms, seq=market.seq)  # fmt: skip
        self._tape.add(trade)
        self._tell_trade(trade)

    def _tell_trade(self, trade: Print) -> None:
        topic = f"publicTrade.{trade.symbol}"
        sockets = self._listeners.get(topic)
        if not sockets:
            return
        row = {"T": trade.at_ms, "s": trade.symbol, "S": trade.side, "v": plain(trade.quantity),
               "p": plain(trade.price), "i": trade.exec_id, "BT": False, "RPI": False, "seq": trade.seq}  # fmt: skip
        self._push(sockets, orjson.dumps({"topic": topic, "type": "snapshot", "ts": trade.at_ms, "data": [row]}))

    def _push(self, sockets: Iterable[Socket], frame: bytes) -> None:
        if self._faults.public_stream("silent_stream"):
            return
        for socket in sockets:
            socket.push(frame)

    def _book_of(self, topic: str) -> dict[str, Any]:
        _, depth, symbol = topic.split(".")
        book = self._routes.book_shape(self._market.listings[symbol], int(depth))
        if self._faults.public_stream("crossed_book"):
            cross(book)
        return book

    def _frames(self, topic: str) -> list[bytes]:
        """What a topic has to tell now."""
        name, *rest = topic.split(".")
        if name == "orderbook":
            known = self._books.get(topic)
            frame = known.change(self._book_of(topic), now_ms=self._market.ticked_ms) if known else None
            return [frame] if frame is not None else []
        if name == "tickers":
            return [self._ticker(topic, rest[0])]
        return self._candles(topic, rest[0], rest[1]) if name == "kline" else []

    def _ticker(self, topic: str, symbol: str) -> bytes:
        told = self._routes.ticker(self._market.listings[symbol])
        row = {key: value for key, value in told.items() if key not in WITHOUT_QUOTE}
        now, seq = self._market.ticked_ms, self._market.seq
        return orjson.dumps({"topic": topic, "ts": now, "type": "snapshot", "cs": seq, "data": row})

    def _candles(self, topic: str, interval: str, symbol: str) -> list[bytes]:
        """The candle that runs, and before it the one that has just closed."""
        candles, minutes = self._market.candles(symbol), MINUTES[interval]
        since = self._market.ticked_ms - 2 * minutes * 60_000
        rows = candles.between(since, None, minutes=minutes, limit=2)
        known = self._candle_starts.get(topic)
        if rows:
            self._candle_starts[topic] = rows[0].start_ms
        closed = [row for row in rows[1:] if known == row.start_ms]
        return [self._candle(topic, interval, symbol, row, confirm=row in closed) for row in (*closed, *rows[:1])]

    def _candle(self, topic: str, interval: str, symbol: str, candle: Candle, *, confirm: bool) -> bytes:
        row = self._routes.candle_row(self._market.listings[symbol], candle, MINUTES[interval])
        names = ("start", "open", "high", "low", "close", "volume", "turnover")
        told = dict(zip(names, row, strict=True))
        length, now = MINUTES[interval] * 60_000, self._market.ticked_ms
        data = {"start": candle.start_ms, "end": candle.start_ms + length - 1, "interval": interval,
                "open": told["open"], "close": told["close"], "high": told["high"], "low": told["low"],
                "volume": told["volume"], "turnover": told["turnover"], "confirm": confirm,
                "timestamp": now}  # fmt: skip
        return orjson.dumps({"topic": topic, "data": [data], "ts": now, "type": "snapshot"})

    def strike(self) -> None:
        """Let a half-open fault take hold of the connections that are there, or let go of them."""
        half_open = self._faults.public_stream("half_open_stream")
        for socket in list(self._sockets):
            if half_open and not socket.dead:
                socket.go_dead()
            elif socket.dead and not half_open:
                socket.abort()

    def cut(self) -> int:
        """Reset every connection; how many."""
        for socket in list(self._sockets):
            socket.abort()
        return len(self._sockets)
