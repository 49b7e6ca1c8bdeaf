"""The venue's own clock: the machine's, or one that stands still until somebody moves it."""

from __future__ import annotations

from datetime import datetime

from shared.trading.clock import Clock, from_epoch_ms


class VirtualClock:
    """A clock in the test's hand.

    Args:
        start_ms: The first moment, epoch milliseconds.
    """

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms

    def now(self) -> datetime:
        """The moment it was moved to, UTC."""
        return from_epoch_ms(self.now_ms)

    def monotonic(self) -> float:
        """Seconds; they move together with `now`."""
        return self.now_ms / 1000

    def advance(self, milliseconds: int) -> None:
        """Let time pass; it never goes back."""
        self.now_ms += max(0, milliseconds)


def virtual(clock: Clock) -> VirtualClock | None:
    """The clock, if it can be moved."""
    return clock if isinstance(clock, VirtualClock) else None
