"""Time and identifiers in the test's hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID


class FakeClock:
    """A clock that stands still until the test moves it.

    Args:
        start: The first moment, UTC.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic_s = 1000.0

    def now(self) -> datetime:
        """The moment the test has set."""
        return self._now

    def monotonic(self) -> float:
        """Moves together with `now`, never backwards."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds


class FakeIds:
    """UUIDs that count up, so that a failing test shows the same ones every time; the last 80 bits differ too."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def uuid(self) -> UUID:
        """The next one: 00000000-0000-4000-8000-000000000001 and so on."""
        number = self._next
        self._next += 1
        return UUID(int=(0x4 << 76) | (0x8 << 60) | number)
