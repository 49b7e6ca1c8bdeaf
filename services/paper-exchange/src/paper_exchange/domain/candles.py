"""One-minute candles out of the simulated prices, in fine units."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MINUTE_MS = 60_000
KEPT_MINUTES = 240
"""Four hours: enough to check a source's price against the venue's own candle."""


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


class Candles:
    """The last hours of one pair."""

    def __init__(self) -> None:
        self._kept: deque[Candle] = deque(maxlen=KEPT_MINUTES)

    def note(self, fine: int, *, now_ms: int) -> None:
        """Add a price; time only goes on."""
        start = now_ms - now_ms % MINUTE_MS
        last = self._kept[-1] if self._kept else None
        if last is None or start > last.start_ms:
            opened = last.close if last and start - last.start_ms == MINUTE_MS else fine
            self._kept.append(Candle(start, opened, max(opened, fine), min(opened, fine), fine))
            return
        last.close = fine
        last.high = max(last.high, fine)
        last.low = min(last.low, fine)

    def between(self, start_ms: int | None, end_ms: int | None, *, minutes: int, limit: int) -> list[Candle]:
        """Candles of `minutes` length, newest first.

        Args:
            start_ms: Only candles that start at or after.
            end_ms: Only candles that start at or before.
            minutes: Length of one candle.
            limit: At most so many.
        """
        merged: dict[int, Candle] = {}
        length = minutes * MINUTE_MS
        for candle in self._kept:
            start = candle.start_ms - candle.start_ms % length
            known = merged.get(start)
            if known is None:
                merged[start] = Candle(start, candle.open, candle.high, candle.low, candle.close)
            else:
                known.close = candle.close
                known.high = max(known.high, candle.high)
                known.low = min(known.low, candle.low)
        chosen = [
            candle
            for candle in merged.values()
            if (start_ms is None or candle.start_ms >= start_ms) and (end_ms is None or candle.start_ms <= end_ms)
        ]
        return chosen[::-1][:limit]
