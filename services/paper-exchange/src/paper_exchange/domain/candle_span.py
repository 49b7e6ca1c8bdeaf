"""From when to when a candle lasts: whole steps since the epoch, but weeks from Monday and months from their first, UTC."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEEK_MINUTES = 10_080
MONTH_MINUTES = 43_200
"""What a month is called as a length; each lasts as long as the calendar says."""
FIRST_MONDAY_MS = 4 * DAY_MS
"""1970-01-05: the epoch was a Thursday."""


def candle_start(at_ms: int, *, minutes: int) -> int:
    """When the candle began that holds a moment, epoch milliseconds.

    Args:
        at_ms: The moment, epoch milliseconds.
        minutes: Length of a candle; 10,080 for a week, 43,200 for a month.
    """
    if minutes == MONTH_MINUTES:
        day = datetime.fromtimestamp(at_ms // 1000, UTC)
        return _first_of(day.year, day.month)
    offset = FIRST_MONDAY_MS if minutes == WEEK_MINUTES else 0
    return at_ms - (at_ms - offset) % (minutes * MINUTE_MS)


def candle_end(start_ms: int, *, minutes: int) -> int:
    """When the next candle begins, epoch milliseconds."""
    if minutes == MONTH_MINUTES:
        day = datetime.fromtimestamp(start_ms // 1000, UTC)
        return _first_of(day.year + day.month // 12, day.month % 12 + 1)
    return start_ms + minutes * MINUTE_MS


def _first_of(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
