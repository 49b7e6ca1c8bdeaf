"""An event loop whose time is virtual: when nothing is ready it jumps to the next timer, and nobody waits."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from typing import Any

SMALLEST_S = 1e-6
"""After half a year a float's neighbours are wider apart than the nanosecond by which a loop rounds its timers."""


class NothingWillHappenError(RuntimeError):
    """Every task waits for something that no timer and nobody outside will bring."""


class _JumpingSelector(selectors.DefaultSelector):
    """Passes the time that it should wait for instead of waiting."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingWillHappenError
        self.passed_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for `asyncio.Runner(loop_factory=VirtualLoop)`; no threads and no sockets but its own."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = SMALLEST_S

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.passed_s


class LoopClock:
    """The clock of everybody who lives in a loop; milliseconds, as the venue counts.

    Args:
        start: The moment at which the loop's time began, UTC.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start

    def now(self) -> datetime:
        """The current moment, UTC."""
        return self._start + timedelta(milliseconds=int(self.monotonic() * 1000))

    def monotonic(self) -> float:
        """Seconds since the loop was made."""
        return asyncio.get_running_loop().time()
