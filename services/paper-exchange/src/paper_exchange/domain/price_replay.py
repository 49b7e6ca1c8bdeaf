"""The replay feed: recorded candles walked through again, open to close, through low and high."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from paper_exchange.domain.candles import Candle
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import PriceBoard


def along(candle: Candle, passed_ms: int, *, length_ms: int) -> int:
    """Where the price stands inside a candle.

    A candle that rose went down first: open, low, high, close, three tenths of the time each, and stays at its close
    for the last tenth, so that whoever looks every few seconds sees it; one that fell, the mirror image.

    Args:
        candle: In fine units.
        passed_ms: How long ago it opened; its close when that is its length or more.
        length_ms: Of the candle.
    """
    rose = candle.close >= candle.open
    points = (candle.open, *((candle.low, candle.high) if rose else (candle.high, candle.low)), candle.close)
    leg, within = divmod(passed_ms * 10, length_ms * 3)
    if leg >= 3:
        return candle.close
    return points[leg] + (points[leg + 1] - points[leg]) * within // (length_ms * 3)


class PriceReplay(PriceBoard):
    """Mid prices out of recorded candles; pairs without a record stand still at their base price.

    Args:
        listings: What is listed.
        candles: Per symbol, oldest first, in fine units.
        length_ms: Of one candle.
        start_ms: The venue's time at which the oldest candle opens.
        loop: Begin again after the last candle; otherwise its close stays.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        candles: Mapping[str, Sequence[Candle]],
        *,
        length_ms: int,
        start_ms: int,
        loop: bool = False,
    ) -> None:
        super().__init__(listings)
        self._candles = {symbol: rows for symbol, rows in candles.items() if rows}
        self._starts = {symbol: [candle.start_ms for candle in rows] for symbol, rows in self._candles.items()}
        self._length_ms = length_ms
        self._start_ms = start_ms
        self._loop = loop
        self._first_ms = min(starts[0] for starts in self._starts.values())
        self._span_ms = max(starts[-1] for starts in self._starts.values()) + length_ms - self._first_ms
        for symbol in self._candles:
            self.set_fine(symbol, self._candles[symbol][0].open)

    def step(self, seconds: float, *, now_ms: int) -> None:
        """Put every price where the record had it."""
        del seconds
        passed = max(0, now_ms - self._start_ms)
        if self._loop:
            passed %= self._span_ms
        moment = self._first_ms + passed
        for symbol, rows in self._candles.items():
            place = bisect_right(self._starts[symbol], moment) - 1
            if place >= 0:
                passed_ms = moment - rows[place].start_ms
                self.set_fine(symbol, along(rows[place], passed_ms, length_ms=self._length_ms))
