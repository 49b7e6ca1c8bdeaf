"""Rate limits as Bybit counts them: per account and endpoint, over a rolling second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_MS = 1_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a window granted.

    Attributes:
        granted: Calls allowed of those asked for.
        limit: Calls a second.
        remaining: Calls left now.
        reset_ms: Now, or, when something was refused, the moment a place becomes free (epoch ms).
    """

    granted: int
    limit: int
    remaining: int
    reset_ms: int


class RateWindow:
    """One account's calls to one endpoint."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: deque[int] = deque()

    def take(self, calls: int, *, now_ms: int) -> Allowance:
        """Count calls; those beyond the limit are refused, not queued."""
        while self._calls and self._calls[0] <= now_ms - WINDOW_MS:
            self._calls.popleft()
        granted = min(calls, self._limit - len(self._calls))
        self._calls.extend([now_ms] * granted)
        reset = now_ms if granted == calls or not self._calls else self._calls[0] + WINDOW_MS
        return Allowance(granted, self._limit, self._limit - len(self._calls), reset)
