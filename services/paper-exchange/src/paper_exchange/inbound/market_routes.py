"""Public market endpoints of category spot: rules, prices, books, candles, trades."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from paper_exchange.application.market import CoinPrices, Market
from paper_exchange.application.tape import Print, Tape
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.exact import mul
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_band import price_band
from paper_exchange.domain.price_walk import FINE
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.book_shapes import book_rows, level_text
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.paging import INTERVALS, minutes_of, moment, number
from shared.trading.clock import Clock, epoch_ms
from shared.trading.money import plain

MINUTES = INTERVALS
MAX_TRADES = 60
VOLUME_SHARE = Decimal(2000)
"""The day's turnover shown is the depth times this: the data set derived the depth from the turnover."""


class MarketRoutes:
    """What anybody may ask."""

    def __init__(self, market: Market, clock: Clock, tape: Tape, *, inner_band: bool = False) -> None:
        self._market = market
        self._clock = clock
        self._tape = tape
        self._inner_band = inner_band
        self._prices = CoinPrices(market)
        self._tickers: list[dict[str, str]] = []
        self._tickers_of = -1
        self._days: dict[str, tuple[tuple[object, ...], dict[str, str]]] = {}
        self._turnovers: dict[str, tuple[Listing, dict[str, str]]] = {}

    def time(self, _request: Request) -> object:
        """The venue's clock."""
        milliseconds = epoch_ms(self._clock.now())
        return {"timeSecond": str(milliseconds // 1000), "timeNano": str(milliseconds * 1_000_000)}

    def instruments(self, request: Request) -> object:
        """The rules of every pair; spot has no pages."""
        return {"category": "spot", "list": self.instrument_rows(request)}

    def instrument_rows(self, request: Request) -> list[dict[str, Any]]:
        """The rules of the pairs asked for; halted ones only by name or by their status."""
        params = request.params
        rows = [
            self._instrument(number_, listing)
            for number_, listing in enumerate(self._market.listings.values(), 1)
            if params.get("symbol", "") in {"", listing.symbol}
            and listing.symbol not in self._market.delisted
            and params.get("baseCoin", "") in {"", listing.base}
            and params.get("symbolType", "") in {"", listing.symbol_type}
        ]
        wanted = params.get("status", "") or ("" if params.get("symbol") else "Trading")
        return [row for row in rows if wanted in {"", row["status"]}]

    def _instrument(self, symbol_id: int, listing: Listing) -> dict[str, Any]:
        return {
            "symbolId": symbol_id,
            "symbol": listing.symbol,
            "baseCoin": listing.base,
            "quoteCoin": listing.quote,
            "innovation": "0",
            "symbolType": listing.symbol_type,
            "xstockMultiplier": "",
            "status": "Closed" if listing.symbol in self._market.halted else "Trading",
            "marginTrading": "none",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": plain(listing.lot_size),
                "quotePrecision": plain(listing.quote_precision),
                "minOrderQty": plain(listing.min_quantity),
                "maxOrderQty": plain(listing.max_limit_quantity),
                "minOrderAmt": plain(listing.min_amount),
                "maxOrderAmt": plain(listing.max_amount),
                "maxLimitOrderQty": plain(listing.max_limit_quantity),
                "maxMarketOrderQty": plain(listing.max_market_quantity),
                "postOnlyMaxLimitOrderSize": plain(listing.max_limit_quantity),
            },
            "priceFilter": {"tickSize": plain(listing.tick_size)},
            "riskParameters": {
                "priceLimitRatioX": plain(listing.ratio_x),
                "priceLimitRatioY": plain(listing.ratio_y),
            },
        }

    def tickers(self, request: Request) -> object:
        """Best prices and the day's figures of one pair or all."""
        symbol = request.params.get("symbol", "")
        if symbol:
            return {"category": "spot", "list": [self.ticker(self._listing(symbol))]}
        if self._tickers_of != self._market.ticks:
            self._tickers = [self.ticker(row) for row in self._market.on_list()]
            self._tickers_of = self._market.ticks
        return {"category": "spot", "list": self._tickers}

    def _listing(self, symbol: str) -> Listing:
        found = self._market.listings.get(symbol)
        if found is None or symbol in self._market.delisted:
            raise request_error("Not supported symbols")
        return found

    def ticker(self, listing: Listing) -> dict[str, str]:
        """One row: the top of the book as takers left it."""
        market = self._market
        fine = market.walk.mid_fine(listing.symbol)
        bid, ask = market.top(listing.symbol)
        bid_price, bid_size = level_text(listing, bid)
        ask_price, ask_size = level_text(listing, ask)
        last = plain(listing.price_of(fine // FINE))
        first = market.day(listing.symbol).first
        return {
            "symbol": listing.symbol,
            "bid1Price": bid_price,
            "bid1Size": bid_size,
            "ask1Price": ask_price,
            "ask1Size": ask_size,
            "lastPrice": last,
            "price24hPcnt": plain((Decimal(fine - first) / first).quantize(Decimal("0.0001"))),
            **self._day(listing),
            **self._turnover(listing),
            "usdIndexPrice": last,
        }

    def _day(self, listing: Listing) -> dict[str, str]:
        """The day's prices, written anew when one of them has moved."""
        day = self._market.day(listing.symbol)
        key = (listing.tick_size, day.first, day.high, day.low)
        known = self._days.get(listing.symbol)
        if known is None or known[0] != key:
            known = self._days[listing.symbol] = (
                key,
                {
                    "prevPrice24h": plain(listing.price_of(day.first // FINE)),
                    "highPrice24h": plain(listing.price_of(day.high // FINE)),
                    "lowPrice24h": plain(listing.price_of(day.low // FINE)),
                },
            )
        return known[1]

    def _turnover(self, listing: Listing) -> dict[str, str]:
        """What the rules of a pair say of its day: the same until those change."""
        known = self._turnovers.get(listing.symbol)
        if known is None or known[0] is not listing:
            turnover = mul(listing.depth, VOLUME_SHARE)
            volume = (turnover / listing.base_price).quantize(Decimal("0.01"))
            told = {"turnover24h": plain(turnover), "volume24h": plain(volume)}
            known = self._turnovers[listing.symbol] = (listing, told)
        return known[1]

    def orderbook(self, request: Request) -> object:
        """The book of a pair, at most 50 levels a side."""
        listing = self._listing(request.params.get("symbol", ""))
        limit = number(request, "limit", 1, highest=1000)
        return self.book_shape(listing, limit) | {"ts": self._market.ticked_ms, "cts": self._market.ticked_ms}

    def book_shape(self, listing: Listing, limit: int) -> dict[str, Any]:
        """Both sides of a book, best first, without levels that takers emptied."""
        book = self._market.book(listing.symbol)
        return {
            "s": listing.symbol,
            "b": book_rows(listing, book.bids, limit),
            "a": book_rows(listing, book.asks, limit),
            "u": self._market.seq,
            "seq": self._market.seq,
        }

    def rpi_orderbook(self, request: Request) -> object:
        """The book with a third column: retail price improvement orders, of which there are none."""
        listing = self._listing(request.params.get("symbol", ""))
        shape = self.book_shape(listing, number(request, "limit", 1, highest=50))
        sides = {side: [[*row, "0"] for row in shape[side]] for side in ("b", "a")}
        return {**shape, **sides, "ts": self._market.ticked_ms, "cts": self._market.ticked_ms}

    def kline(self, request: Request) -> object:
        """Candles, newest first."""
        listing = self._listing(request.params.get("symbol", ""))
        minutes = minutes_of(request)
        candles = self._market.candles(listing.symbol).between(
            moment(request, "start"),
            moment(request, "end"),
            minutes=minutes,
            limit=number(request, "limit", 200, highest=1000),
        )
        rows = [self.candle_row(listing, candle, minutes) for candle in candles]
        return {"category": "spot", "symbol": listing.symbol, "list": rows}

    @staticmethod
    def candle_row(listing: Listing, candle: Candle, minutes: int) -> list[str]:
        """Start, open, high, low, close, volume, turnover."""
        turnover = mul(listing.depth, Decimal(minutes))
        return [
            str(candle.start_ms),
            *(plain(listing.price_of(fine // FINE)) for fine in candle.prices()),
            plain((turnover / listing.base_price).quantize(Decimal("0.01"))),
            plain(turnover),
        ]

    def price_limit(self, request: Request) -> object:
        """The highest price a buy and the lowest price a sell may carry."""
        listing = self._listing(request.params.get("symbol", ""))
        return {**self.limits(listing), "ts": str(self._market.ticked_ms)}

    def limits(self, listing: Listing) -> dict[str, str]:
        """The band of a pair as text."""
        band = price_band(listing, self._market.walk.mid(listing.symbol), inner=self._inner_band)
        return {"symbol": listing.symbol, "buyLmt": plain(band.high), "sellLmt": plain(band.low)}

    def recent_trades(self, request: Request) -> object:
        """The customers' trades, newest first, then the closes of the last minutes: the market trades with itself."""
        listing = self._listing(request.params.get("symbol", ""))
        limit = number(request, "limit", MAX_TRADES, highest=MAX_TRADES)
        candles = self._market.candles(listing.symbol).between(None, None, minutes=1, limit=limit)
        quiet = (
            Print(
                exec_id=str(candle.start_ms * 1_000_000 + listing_id),
                symbol=listing.symbol,
                price=listing.price_of(candle.close // FINE),
                quantity=listing.min_quantity,
                side="Buy" if candle.close >= candle.open else "Sell",
                at_ms=candle.start_ms,
                seq=candle.start_ms,
            )
            for listing_id, candle in enumerate(candles)
        )
        trades = islice(chain(self._tape.of(listing.symbol), quiet), limit)
        return {"category": "spot", "list": [_print_shape(trade) for trade in trades]}

    def prices(self) -> Mapping[str, Decimal]:
        """USD per coin, for the value of a wallet."""
        return self._prices


def _print_shape(trade: Print) -> dict[str, Any]:
    return {
        "execId": trade.exec_id,
        "symbol": trade.symbol,
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "side": trade.side,
        "time": str(trade.at_ms),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.seq),
    }
