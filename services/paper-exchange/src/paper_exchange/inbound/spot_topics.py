"""What the public socket of category spot tells: books, tickers, candles, trades, price limits."""

from __future__ import annotations

from typing import Any

import orjson

from paper_exchange.application.market import Market
from paper_exchange.application.tape import Print, Tape
from paper_exchange.inbound.market_routes import MINUTES, MarketRoutes
from paper_exchange.inbound.topics import CandleStarts, candle_frame
from shared.trading.money import plain

DEPTHS = frozenset({"1", "50", "200", "1000"})
WITHOUT_QUOTE = ("bid1Price", "bid1Size", "ask1Price", "ask1Size")


class SpotTopics:
    """Spot pairs; see `Topics`."""

    path = "/v5/public/spot"
    most_args = 10

    def __init__(self, market: Market, routes: MarketRoutes, tape: Tape) -> None:
        self._market = market
        self._routes = routes
        self._tape = tape
        self._candles = CandleStarts()

    @property
    def now_ms(self) -> int:
        """See `Topics`."""
        return self._market.ticked_ms

    def knows(self, topic: str) -> bool:
        """See `Topics`."""
        name, *rest = topic.split(".")
        if not rest or rest[-1] not in self._market.listings or rest[-1] in self._market.delisted:
            return False
        if name in {"tickers", "publicTrade", "priceLimit"}:
            return len(rest) == 1
        if name == "orderbook":
            return len(rest) == 2 and rest[0] in DEPTHS
        return name == "kline" and len(rest) == 2 and rest[0] in MINUTES

    def book(self, topic: str) -> dict[str, Any]:
        """See `Topics`."""
        _, depth, symbol = topic.split(".")
        return self._routes.book_shape(self._market.listings[symbol], int(depth))

    def first(self, topic: str) -> list[bytes]:
        """See `Topics`."""
        return [] if topic.startswith("publicTrade.") else self.told(topic)

    def told(self, topic: str) -> list[bytes]:
        """See `Topics`."""
        name, *rest = topic.split(".")
        if name == "tickers":
            return [self._ticker(topic, rest[0])]
        if name == "kline":
            return self._klines(topic, rest[0], rest[1])
        if name == "priceLimit":
            return [self._price_limit(topic, rest[0])]
        return [trade_frame(self._trade_with_itself(rest[0]))] if name == "publicTrade" else []

    def _ticker(self, topic: str, symbol: str) -> bytes:
        told = self._routes.ticker(self._market.listings[symbol])
        row = {key: value for key, value in told.items() if key not in WITHOUT_QUOTE}
        return orjson.dumps(
            {"topic": topic, "ts": self.now_ms, "type": "snapshot", "cs": self._market.seq, "data": row}
        )

    def _klines(self, topic: str, interval: str, symbol: str) -> list[bytes]:
        listing, minutes = self._market.listings[symbol], MINUTES[interval]
        since = self.now_ms - 2 * minutes * 60_000
        rows = self._market.candles(symbol).between(since, None, minutes=minutes, limit=2)
        return [
            candle_frame(topic, candle, self._routes.candle_row(listing, candle, minutes),
                         minutes=minutes, confirm=over, now_ms=self.now_ms)
            for candle, over in self._candles.turn(topic, rows)
        ]  # fmt: skip

    def _price_limit(self, topic: str, symbol: str) -> bytes:
        limits = self._routes.limits(self._market.listings[symbol])
        return orjson.dumps({"topic": topic, "data": limits, "ts": self.now_ms})

    def _trade_with_itself(self, symbol: str) -> Print:
        """The market's own trade of this tick, at the touch that the price went to."""
        market = self._market
        candle, listing = market.candles(symbol).running(), market.listings[symbol]
        bid, ask = market.best(symbol)
        rises = candle is None or candle.close >= candle.open
        trade = Print(exec_id=f"{market.ticked_ms}{market.seq:09d}", symbol=symbol,
                      price=listing.price_of(ask if rises else bid), quantity=listing.min_quantity,
                      side="Buy" if rises else "Sell", at_ms=market.ticked_ms, seq=market.seq)  # fmt: skip
        self._tape.add(trade)
        return trade


def trade_frame(trade: Print) -> bytes:
    """A public trade as the stream shows it."""
    row = {"T": trade.at_ms, "s": trade.symbol, "S": trade.side, "v": plain(trade.quantity),
           "p": plain(trade.price), "i": trade.exec_id, "BT": False, "RPI": False, "seq": trade.seq}  # fmt: skip
    topic = f"publicTrade.{trade.symbol}"
    return orjson.dumps({"topic": topic, "type": "snapshot", "ts": trade.at_ms, "data": [row]})
