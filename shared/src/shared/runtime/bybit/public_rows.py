"""Rows of the venue's public answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from shared.runtime.bybit.fields import Figure, FigureOrNone, FigureOrZero, Milliseconds, Text, VenueRow
from shared.trading.depth import BookLevel, Depth
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote


class LotSizeFilter(VenueRow):
    """Rules of quantity; spot's step is `base_precision`."""

    base_precision: Figure
    min_order_qty: FigureOrZero = Decimal(0)
    min_order_amt: FigureOrZero = Decimal(0)
    max_limit_order_qty: FigureOrNone = None
    max_order_qty: FigureOrNone = None


class PriceFilter(VenueRow):
    """Rules of price."""

    tick_size: Figure


class RiskParameters(VenueRow):
    """How far from the index an order's price may be, fractions; records of 2024 have other fields."""

    inner: FigureOrNone = Field(default=None, alias="priceLimitRatioX")
    outer: FigureOrNone = Field(default=None, alias="priceLimitRatioY")

    @property
    def ratio(self) -> Decimal | None:
        """The narrower of those that are told; a ratio of zero is none."""
        return min((one for one in (self.inner, self.outer) if one), default=None)


class InstrumentRow(VenueRow):
    """A spot pair with its rules."""

    symbol: Text
    base_coin: Text
    quote_coin: Text
    status: Text
    lot_size_filter: LotSizeFilter
    price_filter: PriceFilter
    risk_parameters: RiskParameters = RiskParameters()

    def to_domain(self) -> Instrument:
        """The instrument; the limit size falls back to the older field of 2024's records."""
        lots = self.lot_size_filter
        largest = lots.max_limit_order_qty if lots.max_limit_order_qty is not None else lots.max_order_qty
        return Instrument(
            symbol=self.symbol,
            base=self.base_coin,
            quote=self.quote_coin,
            lot_size=lots.base_precision,
            tick_size=self.price_filter.tick_size,
            min_quantity=lots.min_order_qty,
            min_notional=lots.min_order_amt,
            max_limit_quantity=largest if largest is not None else Decimal(0),
            trading=self.status == "Trading",
            price_limit_ratio=self.risk_parameters.ratio,
        )


class TickerRow(VenueRow):
    """Top of the book and last trade of a spot pair; an empty side reads as zero."""

    symbol: Text
    bid: FigureOrZero = Field(alias="bid1Price")
    ask: FigureOrZero = Field(alias="ask1Price")
    last: FigureOrZero = Field(alias="lastPrice")

    def to_domain(self, at: datetime) -> Quote:
        """The quote, received at `at`."""
        return Quote(symbol=self.symbol, bid=self.bid, ask=self.ask, last=self.last, at=at)


class OrderBookRow(VenueRow):
    """Both sides of a book, best first, as pairs of price and quantity."""

    symbol: Text = Field(alias="s")
    bids: tuple[tuple[Figure, Figure], ...] = Field(alias="b")
    asks: tuple[tuple[Figure, Figure], ...] = Field(alias="a")

    def to_domain(self, at: datetime, *, levels: int = 0) -> Depth:
        """The book, received at `at`, of which so many levels a side were asked for."""
        return Depth(symbol=self.symbol, bids=_levels(self.bids), asks=_levels(self.asks), at=at, levels=levels)


def _levels(rows: tuple[tuple[Decimal, Decimal], ...]) -> tuple[BookLevel, ...]:
    return tuple(BookLevel(price=price, quantity=quantity) for price, quantity in rows)


class PriceLimitRow(VenueRow):
    """Prices beyond which the venue refuses orders now; an unset side reads as null."""

    symbol: Text
    highest_buy: FigureOrNone = Field(alias="buyLmt")
    lowest_sell: FigureOrNone = Field(alias="sellLmt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One candle; the newest may still be open."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal


class CandleRow(VenueRow):
    """The venue's array [start, open, high, low, close, volume, turnover]."""

    values: tuple[Milliseconds, Figure, Figure, Figure, Figure, Figure, Figure]

    @classmethod
    def wrap(cls, row: Any) -> dict[str, Any]:
        """The array as a mapping, for validation."""
        return {"values": row}

    def to_domain(self) -> Candle:
        """The candle."""
        start, first, high, low, close, volume, turnover = self.values
        return Candle(start_ms=start, open=first, high=high, low=low, close=close, volume=volume, turnover=turnover)
