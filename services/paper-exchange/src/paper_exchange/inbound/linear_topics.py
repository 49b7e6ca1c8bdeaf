"""What the public socket of category linear tells; nothing is liquidated here, so of that nothing."""

from __future__ import annotations

from typing import Any

import orjson

from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.domain.contract import Contract
from paper_exchange.inbound.linear_routes import LinearRoutes
from paper_exchange.inbound.linear_shapes import candle_row, price_limits
from paper_exchange.inbound.market_routes import MINUTES
from paper_exchange.inbound.tick_direction import TickDirections
from paper_exchange.inbound.topics import CandleStarts, candle_frame
from shared.trading.money import plain

DEPTHS = frozenset({"1", "50", "200", "500", "1000"})
QUIET = frozenset({"liquidation", "allLiquidation"})
POOLS = frozenset({"USDT", "USDC"})


class LinearTopics:
    """Perpetuals; see `Topics`."""

    path = "/v5/public/linear"
    most_args = 0

    def __init__(self, market: LinearMarket, routes: LinearRoutes) -> None:
        self._market = market
        self._routes = routes
        self._candles = CandleStarts()
        self._directions = TickDirections(market)
        self._tickers: dict[str, dict[str, str]] = {}

    @property
    def now_ms(self) -> int:
        """See `Topics`."""
        return self._market.now_ms

    def knows(self, topic: str) -> bool:
        """See `Topics`."""
        name, *rest = topic.split(".")
        if name == "insurance" and len(rest) == 1:
            return rest[0] in POOLS
        if not rest or rest[-1] not in self._market.contracts:
            return False
        if name in {"tickers", "publicTrade", "priceLimit"} | QUIET:
            return len(rest) == 1
        if name == "orderbook":
            return len(rest) == 2 and rest[0] in DEPTHS
        return name == "kline" and len(rest) == 2 and rest[0] in MINUTES

    def book(self, topic: str) -> dict[str, Any]:
        """See `Topics`."""
        _, depth, symbol = topic.split(".")
        return self._routes.book_shape(self._market.contracts[symbol], int(depth))

    def first(self, topic: str) -> list[bytes]:
        """See `Topics`; a ticker whole, since a new listener knows nothing."""
        name, *rest = topic.split(".")
        if name == "tickers":
            row = self._row(self._market.contracts[rest[0]])
            self._tickers.setdefault(topic, row)
            return [self._ticker(topic, "snapshot", row)]
        return [] if name == "publicTrade" else self.told(topic)

    def told(self, topic: str) -> list[bytes]:
        """See `Topics`."""
        name, *rest = topic.split(".")
        contract = self._market.contracts.get(rest[-1])
        if contract is None:
            return []
        if name == "tickers":
            return self._changes(topic, self._row(contract))
        if name == "kline":
            return self._klines(topic, MINUTES[rest[0]], contract)
        if name == "priceLimit":
            limits = price_limits(self._market, contract)
            return [orjson.dumps({"topic": topic, "data": limits, "ts": self.now_ms})]
        return [self._trade(topic, contract)] if name == "publicTrade" else []

    def _row(self, contract: Contract) -> dict[str, str]:
        """As REST tells it, and where the price came from, which the socket alone tells."""
        return {**self._routes.ticker(contract), "tickDirection": self._directions.of(contract)}

    def _changes(self, topic: str, row: dict[str, str]) -> list[bytes]:
        """The fields that changed since the topic was told last."""
        known = self._tickers.get(topic, {})
        self._tickers[topic] = row
        changed = {name: value for name, value in row.items() if known.get(name) != value}
        return [self._ticker(topic, "delta", {"symbol": row["symbol"], **changed})] if changed else []

    def _ticker(self, topic: str, kind: str, row: dict[str, str]) -> bytes:
        return orjson.dumps({"topic": topic, "type": kind, "data": row, "cs": self._market.ticks, "ts": self.now_ms})

    def _klines(self, topic: str, minutes: int, contract: Contract) -> list[bytes]:
        since = self.now_ms - 2 * minutes * 60_000
        rows = self._market.candles(contract, since, None, minutes=minutes, limit=2, index=False)
        return [
            candle_frame(topic, candle, candle_row(self._market, contract, candle, minutes),
                         minutes=minutes, confirm=over, now_ms=self.now_ms)
            for candle, over in self._candles.turn(topic, rows)
        ]  # fmt: skip

    def _trade(self, topic: str, contract: Contract) -> bytes:
        """The market's own trade of this tick."""
        direction = self._directions.of(contract)
        price, now = self._market.price(contract, self._market.mark_fine(contract)), self.now_ms
        row = {"T": now, "s": contract.symbol, "S": "Buy" if direction.endswith("PlusTick") else "Sell", "v": plain(contract.min_quantity),
               "p": plain(price), "L": direction,
               "i": f"{contract.symbol}-{now}-{self._market.ticks}", "BT": False, "RPI": False,
               "seq": self._market.ticks}  # fmt: skip
        return orjson.dumps({"topic": topic, "type": "snapshot", "ts": now, "data": [row]})
