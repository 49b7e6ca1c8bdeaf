"""Public market endpoints: rules, prices, books, candles."""

from __future__ import annotations

import time
from decimal import Decimal
from itertools import islice
from typing import Any

from paper_exchange.application.market import Market
from paper_exchange.domain.book import Side
from paper_exchange.domain.exact import mul
from paper_exchange.domain.listing import MIN_AMOUNT, Listing
from paper_exchange.domain.price_band import price_band
from paper_exchange.domain.price_walk import FINE
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.paging import category, moment, number
from shared.trading.money import plain

MINUTES = {"1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360, "720": 720,
           "D": 1440, "W": 10080, "M": 43200}  # fmt: skip
VOLUME_SHARE = Decimal(2000)
"""The day's turnover shown is the depth times this: the data set derived the depth from the turnover."""


class MarketRoutes:
    """What anybody may ask."""

    def __init__(self, market: Market, *, inner_band: bool = False) -> None:
        self._market = market
        self._inner_band = inner_band
        self._tickers: list[dict[str, str]] = []
        self._tickers_of = -1

    def time(self, _request: Request) -> object:
        """The venue's clock."""
        nanoseconds = time.time_ns()
        return {"timeSecond": str(nanoseconds // 10**9), "timeNano": str(nanoseconds)}

    def instruments(self, request: Request) -> object:
        """The rules of every pair; only spot has any."""
        kind = category(request)
        if kind != "spot":
            return {"category": kind, "list": [], "nextPageCursor": ""}
        wanted = request.params.get("symbol", "")
        status = request.params.get("status", "")
        rows = [
            self._instrument(number_, listing)
            for number_, listing in enumerate(self._market.listings.values(), 1)
            if wanted in {"", listing.symbol} and status in {"", "Trading"}
        ]
        return {"category": "spot", "list": [row for row in rows if wanted or row["status"] == "Trading"]}

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
                "minOrderAmt": plain(MIN_AMOUNT),
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
        kind = category(request)
        if kind != "spot":
            return {"category": kind, "list": []}
        symbol = request.params.get("symbol", "")
        if symbol:
            return {"category": "spot", "list": [self.ticker(self._listing(symbol))]}
        if self._tickers_of != self._market.ticks:
            self._tickers = [self.ticker(listing) for listing in self._market.listings.values()]
            self._tickers_of = self._market.ticks
        return {"category": "spot", "list": self._tickers}

    def _listing(self, symbol: str) -> Listing:
        found = self._market.listings.get(symbol)
        if found is None:
            raise request_error("Not supported symbols")
        return found

    def ticker(self, listing: Listing) -> dict[str, str]:
        """One row: the top of the book as takers left it."""
        market = self._market
        day = market.day(listing.symbol)
        fine = market.walk.mid_fine(listing.symbol)
        turnover = mul(listing.depth, VOLUME_SHARE)
        book = market.book(listing.symbol)
        (bid, bid_size), (ask, ask_size) = _top(listing, book.bids), _top(listing, book.asks)
        return {
            "symbol": listing.symbol,
            "bid1Price": bid,
            "bid1Size": bid_size,
            "ask1Price": ask,
            "ask1Size": ask_size,
            "lastPrice": plain(listing.price_of(fine // FINE)),
            "prevPrice24h": plain(listing.price_of(day.first // FINE)),
            "price24hPcnt": plain((Decimal(fine - day.first) / day.first).quantize(Decimal("0.0001"))),
            "highPrice24h": plain(listing.price_of(day.high // FINE)),
            "lowPrice24h": plain(listing.price_of(day.low // FINE)),
            "turnover24h": plain(turnover),
            "volume24h": plain((turnover / listing.base_price).quantize(Decimal("0.01"))),
            "usdIndexPrice": plain(listing.price_of(fine // FINE)),
        }

    def orderbook(self, request: Request) -> object:
        """The book of a pair, at most 50 levels a side."""
        if category(request) != "spot":
            raise request_error("Not supported symbols")
        listing = self._listing(request.params.get("symbol", ""))
        limit = number(request, "limit", 1, highest=1000)
        return self.book_shape(listing, limit) | {"ts": self._market.ticked_ms, "cts": self._market.ticked_ms}

    def book_shape(self, listing: Listing, limit: int) -> dict[str, Any]:
        """Both sides of a book, best first, without levels that takers emptied."""
        book = self._market.book(listing.symbol)
        return {
            "s": listing.symbol,
            "b": _levels(listing, book.bids, limit),
            "a": _levels(listing, book.asks, limit),
            "u": self._market.ticks + 2,
            "seq": self._market.ticks + 2,
        }

    def kline(self, request: Request) -> object:
        """Candles, newest first; four hours are kept."""
        kind = category(request, "linear")
        if kind != "spot":
            return {"category": kind, "symbol": request.params.get("symbol", ""), "list": []}
        listing = self._listing(request.params.get("symbol", ""))
        minutes = MINUTES.get(request.params.get("interval", ""))
        if minutes is None:
            raise request_error("params error: interval invalid")
        candles = self._market.candles(listing.symbol).between(
            moment(request, "start"),
            moment(request, "end"),
            minutes=minutes,
            limit=number(request, "limit", 200, highest=1000),
        )
        turnover = plain(mul(listing.depth, Decimal(minutes)))
        volume = plain((mul(listing.depth, Decimal(minutes)) / listing.base_price).quantize(Decimal("0.01")))
        rows = [
            [
                str(candle.start_ms),
                *(plain(listing.price_of(fine // FINE)) for fine in candle.prices()),
                volume,
                turnover,
            ]
            for candle in candles
        ]
        return {"category": "spot", "symbol": listing.symbol, "list": rows}

    def price_limit(self, request: Request) -> object:
        """The highest price a buy and the lowest price a sell may carry."""
        category(request, "spot")
        listing = self._listing(request.params.get("symbol", ""))
        band = price_band(listing, self._market.walk.mid(listing.symbol), inner=self._inner_band)
        now = str(self._market.ticked_ms)
        return {"symbol": listing.symbol, "buyLmt": plain(band.high), "sellLmt": plain(band.low), "ts": now}

    def recent_trades(self, request: Request) -> object:
        """No trade tape is kept yet."""
        return {"category": category(request), "list": []}

    def prices(self) -> dict[str, Decimal]:
        """USD per coin, for the value of a wallet."""
        walk = self._market.walk
        known = {listing.base: walk.mid(listing.symbol) for listing in self._market.listings.values()}
        return known | {"USDT": Decimal(1)}


def _top(listing: Listing, side: Side) -> tuple[str, str]:
    """Price and size of the first level that stands; both zero when takers ate everything."""
    level = next(side.standing(), None)
    if level is None:
        return "0", "0"
    return plain(listing.price_of(level.ticks)), plain(listing.quantity_of(level.lots))


def _levels(listing: Listing, side: Side, limit: int) -> list[list[str]]:
    return [
        [plain(listing.price_of(level.ticks)), plain(listing.quantity_of(level.lots))]
        for level in islice(side.standing(), limit)
    ]
