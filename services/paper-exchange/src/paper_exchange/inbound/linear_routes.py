"""Public market endpoints of category linear: rules, prices, books, candles, funding. Nothing of it is traded here."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.contract import Contract
from paper_exchange.domain.exact import mul
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.book_shapes import book_rows, top
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.linear_shapes import candle_row, price_limits, price_row
from paper_exchange.inbound.paging import cut_page, minutes_of, moment, number
from shared.trading.money import ONE, floor_to_lot, plain

FUNDING_CAP = Decimal("0.00375")
OPEN_INTEREST_DAYS = Decimal(4)
"""Open interest shown is so many times the depth: nobody holds a position here."""
VOLUME_SHARE = Decimal(2000)
STEPS = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}


class LinearRoutes:
    """What anybody may ask about perpetuals."""

    def __init__(self, market: LinearMarket) -> None:
        self._market = market
        self._rows: list[dict[str, str]] = []
        self._rows_of = -1

    def instruments(self, request: Request) -> object:
        """The rules of every contract, 500 a page."""
        params = request.params
        rows = [
            self._instrument(place, contract)
            for place, contract in enumerate(self._market.contracts.values(), 1)
            if params.get("symbol", "") in {"", contract.symbol}
            and params.get("baseCoin", "") in {"", contract.base}
            and params.get("status", "") in {"", "Trading"}
            and not params.get("symbolType")
        ]
        page, cursor = cut_page(rows, request, default=500, highest=1000, mark=lambda row: f"last={row['symbol']}")
        return {"category": "linear", "list": page, "nextPageCursor": cursor}

    def _instrument(self, symbol_id: int, contract: Contract) -> dict[str, Any]:
        scale = -contract.tick_size.normalize().as_tuple().exponent  # type: ignore[operator]
        most = plain(contract.max_quantity)
        return {
            "symbol": contract.symbol,
            "symbolId": symbol_id,
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "baseCoin": contract.base,
            "quoteCoin": contract.quote,
            "launchTime": str(contract.launch_ms),
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(max(0, scale)),
            "leverageFilter": {
                "minLeverage": "1",
                "maxLeverage": f"{contract.max_leverage:.2f}",
                "leverageStep": "0.01",
            },
            "priceFilter": {
                "minPrice": plain(contract.tick_size),
                "maxPrice": plain(mul(contract.tick_size, Decimal(19_999_998))),
                "tickSize": plain(contract.tick_size),
            },
            "lotSizeFilter": {
                "maxOrderQty": most,
                "minOrderQty": plain(contract.min_quantity),
                "qtyStep": plain(contract.lot_size),
                "postOnlyMaxOrderQty": most,
                "maxMktOrderQty": plain(contract.max_market_quantity),
                "minNotionalValue": "5",
            },
            "unifiedMarginTrade": True,
            "fundingInterval": contract.funding_minutes,
            "settleCoin": contract.quote,
            "copyTrading": "none",
            "upperFundingRate": plain(FUNDING_CAP),
            "lowerFundingRate": plain(-FUNDING_CAP),
            "isPreListing": False,
            "preListingInfo": None,
            "riskParameters": {
                "priceLimitRatioX": plain(contract.ratio_x),
                "priceLimitRatioY": plain(contract.ratio_y),
            },
            "displayName": "",
            "symbolType": "",
        }

    def tickers(self, request: Request) -> object:
        """Prices of one contract or all."""
        symbol, base = request.params.get("symbol", ""), request.params.get("baseCoin", "")
        if symbol:
            return {"category": "linear", "list": [self.ticker(self._market.contract(symbol))]}
        if self._rows_of != self._market.ticks:
            self._rows = [self.ticker(contract) for contract in self._market.contracts.values()]
            self._rows_of = self._market.ticks
        bases = (contract.base for contract in self._market.contracts.values())
        return {"category": "linear", "list": [
            row for row, name in zip(self._rows, bases, strict=True) if base in {"", name}
        ]}  # fmt: skip

    def ticker(self, contract: Contract) -> dict[str, str]:
        """One row of the tickers."""
        market = self._market
        mark, index = market.mark_fine(contract), market.index_fine(contract)
        first, high, low = market.day(contract)
        price = market.price(contract, mark)
        book = market.book(contract)
        (bid, bid_size), (ask, ask_size) = top(book.listing, book.bids), top(book.listing, book.asks)
        funding_ms, rate = market.next_funding(contract)
        turnover = mul(market.depth(contract), VOLUME_SHARE)
        interest = self._open_interest(contract)
        return {
            "symbol": contract.symbol,
            "lastPrice": plain(price),
            "indexPrice": plain(market.price(contract, index)),
            "markPrice": plain(price),
            "prevPrice24h": plain(market.price(contract, first)),
            "price24hPcnt": plain((Decimal(mark - first) / first).quantize(Decimal("0.000001"))),
            "highPrice24h": plain(market.price(contract, max(high, mark))),
            "lowPrice24h": plain(market.price(contract, min(low, mark))),
            "prevPrice1h": plain(market.price(contract, market.hour_ago_fine(contract))),
            "openInterest": plain(interest),
            "openInterestValue": plain(mul(interest, price).quantize(Decimal("0.01"))),
            "singleOpenInterest": plain(interest),
            "singleOpenInterestValue": plain(mul(interest, price).quantize(Decimal("0.01"))),
            "turnover24h": plain(turnover),
            "volume24h": plain(floor_to_lot(turnover / price, lot_size=contract.lot_size)),
            "fundingRate": plain(rate),
            "nextFundingTime": str(funding_ms),
            "predictedDeliveryPrice": "",
            "basisRate": "",
            "basisRateYear": "",
            "basis": "",
            "deliveryFeeRate": "",
            "deliveryTime": "0",
            "bid1Price": bid,
            "bid1Size": bid_size,
            "ask1Price": ask,
            "ask1Size": ask_size,
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
            "fundingIntervalHour": str(contract.funding_minutes // 60),
            "fundingCap": plain(FUNDING_CAP),
        }

    def _open_interest(self, contract: Contract) -> Decimal:
        held = mul(self._market.depth(contract), OPEN_INTEREST_DAYS)
        price = self._market.price(contract, self._market.index_fine(contract))
        return floor_to_lot(held / price, lot_size=contract.lot_size)

    def orderbook(self, request: Request) -> object:
        """The book of a contract, at most 50 levels a side."""
        contract = self._contract(request)
        shape = self.book_shape(contract, number(request, "limit", 25, highest=1000))
        return {**shape, "ts": self._market.now_ms, "cts": self._market.now_ms}

    def book_shape(self, contract: Contract, limit: int) -> dict[str, Any]:
        """Both sides of a book, best first."""
        book, ticks = self._market.book(contract), self._market.ticks + 2
        bids, asks = (book_rows(book.listing, side, limit) for side in (book.bids, book.asks))
        return {"s": contract.symbol, "b": bids, "a": asks, "u": ticks, "seq": ticks}

    def kline(self, request: Request) -> object:
        """Candles with volume and turnover."""
        contract, minutes = self._contract(request), minutes_of(request)
        found = self._found(request, contract, index=False)
        rows = [candle_row(self._market, contract, candle, minutes) for candle in found]
        return {"category": "linear", "symbol": contract.symbol, "list": rows}

    def mark_kline(self, request: Request) -> object:
        """Candles of the mark price: five figures each."""
        contract = self._contract(request)
        return {"category": "linear", "symbol": contract.symbol,
                "list": self._candles(request, contract, index=False)}  # fmt: skip

    def index_kline(self, request: Request) -> object:
        """Candles of the index price: five figures each."""
        contract = self._contract(request)
        return {"category": "linear", "symbol": contract.symbol, "list": self._candles(request, contract, index=True)}

    def premium_kline(self, request: Request) -> object:
        """Candles of (mark − index) / index, with six decimals."""
        contract = self._contract(request)
        marks = self._candles(request, contract, index=False)
        indexes = self._candles(request, contract, index=True)
        rows = [
            [mark[0], *(_premium(Decimal(at), Decimal(of)) for at, of in zip(mark[1:], index[1:], strict=True))]
            for mark, index in zip(marks, indexes, strict=True)
        ]
        return {"category": "linear", "symbol": contract.symbol, "list": rows}

    def _candles(self, request: Request, contract: Contract, *, index: bool) -> list[list[str]]:
        found = self._found(request, contract, index=index)
        return [price_row(self._market, contract, candle) for candle in found]

    def _found(self, request: Request, contract: Contract, *, index: bool) -> list[Candle]:
        return self._market.candles(
            contract,
            moment(request, "start"),
            moment(request, "end"),
            minutes=minutes_of(request),
            limit=number(request, "limit", 200, highest=1000),
            index=index,
        )

    def funding_history(self, request: Request) -> object:
        """Past funding rates, newest first; a start without an end is an error at the venue."""
        contract = self._contract(request)
        start, end = moment(request, "startTime"), moment(request, "endTime")
        if start is not None and end is None:
            raise request_error("params error: endTime is required with startTime")
        limit = number(request, "limit", 200, highest=200)
        rows = [
            {"symbol": contract.symbol, "fundingRate": plain(rate), "fundingRateTimestamp": str(at_ms)}
            for at_ms, rate in self._market.funding_history(contract, start, end, limit=limit)
        ]
        return {"category": "linear", "list": rows}

    def open_interest(self, request: Request) -> object:
        """What is held open, the same at every moment asked for."""
        contract = self._contract(request)
        minutes = STEPS.get(request.params.get("intervalTime", ""))
        if minutes is None:
            raise request_error("params error: intervalTime invalid")
        length, limit = minutes * 60_000, number(request, "limit", 50, highest=200)
        last = moment(request, "endTime") or self._market.now_ms
        first = moment(request, "startTime") or 0
        moments = range(last - last % length, max(first, 1) - 1, -length)[:limit]
        held = plain(self._open_interest(contract))
        rows = [{"openInterest": held, "singleOpenInterest": held, "timestamp": str(at_ms)} for at_ms in moments]
        return {"category": "linear", "symbol": contract.symbol, "list": rows, "nextPageCursor": ""}

    def price_limit(self, request: Request) -> object:
        """The prices at which orders would be moved to the band: the mark price and the inner ratio."""
        contract = self._contract(request)
        return {**price_limits(self._market, contract), "ts": str(self._market.now_ms)}

    def risk_limit(self, request: Request) -> object:
        """One tier a contract: the venue's first."""
        symbol = request.params.get("symbol", "")
        chosen = [self._market.contract(symbol)] if symbol else list(self._market.contracts.values())
        rows = [self._risk_tier(contract) for contract in chosen]
        page, cursor = cut_page(rows, request, default=15, highest=500, mark=lambda row: row["symbol"])
        return {"category": "linear", "list": page, "nextPageCursor": cursor}

    def _risk_tier(self, contract: Contract) -> dict[str, Any]:
        most = mul(contract.max_quantity, self._market.price(contract, self._market.index_fine(contract)))
        initial = ONE / contract.max_leverage
        return {
            "id": zlib.crc32(contract.symbol.encode()) % 100_000,
            "symbol": contract.symbol,
            "riskLimitValue": plain(most.quantize(ONE)),
            "maintenanceMargin": plain((initial / 2).quantize(Decimal("0.0001"))),
            "initialMargin": plain(initial.quantize(Decimal("0.0001"))),
            "isLowestRisk": 1,
            "maxLeverage": f"{contract.max_leverage:.2f}",
            "mmDeduction": "",
        }

    def recent_trades(self, request: Request) -> object:
        """Nothing is traded here: the closes of the last minutes stand for trades."""
        contract = self._contract(request)
        limit = min(60, number(request, "limit", 500, highest=1000))
        candles = self._market.candles(contract, None, None, minutes=1, limit=limit, index=False)
        rows = [
            {
                "execId": f"{contract.symbol}-{candle.start_ms}",
                "symbol": contract.symbol,
                "price": plain(self._market.price(contract, candle.close)),
                "size": plain(contract.min_quantity),
                "side": "Buy" if candle.close >= candle.open else "Sell",
                "time": str(candle.start_ms),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(candle.start_ms),
            }
            for candle in candles
        ]
        return {"category": "linear", "list": rows}

    def _contract(self, request: Request) -> Contract:
        return self._market.contract(request.params.get("symbol", ""))


def _premium(mark: Decimal, index: Decimal) -> str:
    return plain(((mark - index) / index).quantize(Decimal("0.000001")))
