"""The prices that the venue published, and when: kept by the test, so that returns can be worked out beside us."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from shared.trading.quote import Quote


class PriceTape:
    """Every publication of the tickers, by time."""

    def __init__(self) -> None:
        self._times: list[datetime] = []
        self._prices: list[dict[str, Decimal]] = []
        self._traded: dict[str, Decimal] = {}

    def note(self, at: datetime, quotes: Mapping[str, Quote]) -> None:
        """Tickers were published; of a pair that is not among them any more the last trade counts."""
        gone = {symbol: price for symbol, price in self._traded.items() if symbol not in quotes}
        self._times.append(at)
        self._prices.append(gone | {symbol: _price(quote) for symbol, quote in quotes.items()})
        self._traded |= {symbol: quote.last for symbol, quote in quotes.items()}

    def last_before(self, at: datetime) -> Mapping[str, Decimal]:
        """Prices as they stood just before a moment."""
        place = bisect_right(self._times, at)
        while place and self._times[place - 1] >= at:
            place -= 1
        return self._prices[place - 1]

    def at(self, moment: datetime) -> Mapping[str, Decimal]:
        """Prices as they stood at a moment, what was published at it included."""
        return self._prices[bisect_right(self._times, moment) - 1]


def _price(quote: Quote) -> Decimal:
    """The mid of a book with two sides; where one side is empty, the last trade."""
    return (quote.bid + quote.ask) / 2 if quote.bid > 0 and quote.ask > 0 else quote.last
