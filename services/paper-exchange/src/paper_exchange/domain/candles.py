"""Candles out of the prices, in fine units: minutes for a day, hours for a month.

All pairs are kept side by side, one row of numbers for each minute, since a minute turns for all of them at once.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paper_exchange.domain.candle_span import MINUTE_MS, candle_start

HOUR_MS = 3_600_000
KEPT_MINUTES = 1_440
KEPT_HOURS = 744


@dataclass(slots=True)
class Candle:
    """Open, high, low, close in fine units; `start_ms` is a whole minute."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int

    def prices(self) -> tuple[int, int, int, int]:
        """Open, high, low, close."""
        return self.open, self.high, self.low, self.close

    def take_in(self, later: Candle) -> None:
        """Become one with a later candle."""
        self.close = later.close
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)


@dataclass(slots=True)
class _Row:
    """One candle of every pair, a number for each."""

    start_ms: int
    open: Sequence[int]
    high: Sequence[int]
    low: Sequence[int]
    close: Sequence[int]

    def candle(self, place: int) -> Candle:
        return Candle(self.start_ms, self.open[place], self.high[place], self.low[place], self.close[place])

    def packed(self) -> _Row:
        return _Row(
            self.start_ms, array("q", self.open), array("q", self.high), array("q", self.low), array("q", self.close)
        )


def _merged(rows: Sequence[_Row], start_ms: int) -> _Row:
    """Rows that follow each other as one."""
    return _Row(
        start_ms,
        rows[0].open,
        list(map(max, *(row.high for row in rows))) if len(rows) > 1 else rows[0].high,
        list(map(min, *(row.low for row in rows))) if len(rows) > 1 else rows[0].low,
        rows[-1].close,
    )


class CandleBook:
    """The candles of all pairs.

    Args:
        symbols: In the order in which `note` gets their prices.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self._places = {symbol: place for place, symbol in enumerate(symbols)}
        self._running: _Row | None = None
        self._minutes: deque[_Row] = deque(maxlen=KEPT_MINUTES)
        self._hours: deque[_Row] = deque(maxlen=KEPT_HOURS)

    def note(self, prices: Iterable[int], *, now_ms: int) -> bool:
        """Add a price of every pair; time only goes on. True when a minute has begun with it."""
        fresh = list(prices)
        row = self._running
        if row is None or now_ms - row.start_ms >= MINUTE_MS:
            self._turn(fresh, now_ms - now_ms % MINUTE_MS)
            return True
        row.high = list(map(max, row.high, fresh))
        row.low = list(map(min, row.low, fresh))
        row.close = fresh
        return False

    def _turn(self, fresh: list[int], start: int) -> None:
        """Close the minute, and the hour when it was its last."""
        last = self._running
        opened: Sequence[int] = fresh
        if last is not None:
            self._minutes.append(last.packed())
            hour_start = last.start_ms - last.start_ms % HOUR_MS
            if start - hour_start >= HOUR_MS:
                self._hours.append(_merged(self._closed_since(hour_start), hour_start).packed())
            if start - last.start_ms == MINUTE_MS:
                opened = last.close
        self._running = _Row(start, opened, list(map(max, opened, fresh)), list(map(min, opened, fresh)), fresh)

    def _closed_since(self, start_ms: int) -> list[_Row]:
        rows: list[_Row] = []
        for row in reversed(self._minutes):
            if row.start_ms < start_ms:
                break
            rows.append(row)
        return rows[::-1]

    def of(self, symbol: str) -> Candles:
        """The candles of one listed pair."""
        return Candles(self, self._places[symbol])

    def minutes(self) -> Iterator[_Row]:
        """All minutes, the running one last."""
        yield from self._minutes
        if self._running is not None:
            yield self._running

    def hours(self) -> Iterator[_Row]:
        """All closed hours, then the minutes of the hour that runs."""
        yield from self._hours
        if self._running is not None:
            yield from self._closed_since(self._running.start_ms - self._running.start_ms % HOUR_MS)
            yield self._running

    @property
    def running(self) -> _Row | None:
        """The minute that runs; None before the first price."""
        return self._running

    @property
    def closed(self) -> _Row | None:
        """The newest minute that is over."""
        return self._minutes[-1] if self._minutes else None


@dataclass(frozen=True, slots=True)
class Candles:
    """The candles of one pair."""

    book: CandleBook
    place: int

    def between(self, start_ms: int | None, end_ms: int | None, *, minutes: int, limit: int) -> list[Candle]:
        """Candles of `minutes` length (`candle_span`), newest first; hours and longer reach back a month, shorter ones a day.

        Args:
            start_ms: Only candles that start at or after.
            end_ms: Only candles that start at or before.
            minutes: Length of one candle.
            limit: At most so many.
        """
        merged: dict[int, Candle] = {}
        for row in self.book.minutes() if minutes < 60 else self.book.hours():
            start = candle_start(row.start_ms, minutes=minutes)
            if (start_ms is not None and start < start_ms) or (end_ms is not None and start > end_ms):
                continue
            known, candle = merged.get(start), row.candle(self.place)
            if known is None:
                candle.start_ms = start
                merged[start] = candle
            else:
                known.take_in(candle)
        return list(merged.values())[::-1][:limit]

    def running(self) -> Candle | None:
        """The minute that runs."""
        row = self.book.running
        return row.candle(self.place) if row else None

    def closed(self) -> Candle | None:
        """The newest minute that is over."""
        row = self.book.closed
        return row.candle(self.place) if row else None

    def since(self, start_ms: int) -> Candle | None:
        """Everything from a moment on as one candle, to the hour; None before the first price."""
        whole: Candle | None = None
        for row in self.book.hours():
            if row.start_ms < start_ms:
                continue
            if whole is None:
                whole = row.candle(self.place)
            else:
                whole.take_in(row.candle(self.place))
        return whole
