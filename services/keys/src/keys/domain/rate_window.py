"""The venue's limit per account and endpoint: a rolling second that replicas share (Bybit v5, rate limits)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keys.domain.lane import Lane

WINDOW_MS = 1_000
GUARD_MS = 50
"""Calls signed a second apart may arrive closer together than that."""
URGENT_MS = 2_000
"""How long the share of a higher lane is kept free after it last asked."""
_POLL_PERCENT = 70
_RESERVED_PERCENT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    """What one bucket gave in the last second.

    Attributes:
        taken: (moment in ms, units), oldest first.
        asked: When each lane last asked, ms; granted or not.
    """

    taken: tuple[tuple[int, int], ...] = ()
    asked: Mapping[Lane, int] = field(default_factory=dict)

    def ask(self, *, units: int, limit: int, lane: Lane, now_ms: int) -> tuple[RateWindow, int]:
        """Take `units`, or learn how long to wait.

        A lower lane leaves a share to the higher ones: polling always, buying while something more urgent has asked
        within two seconds.

        Args:
            units: What the call costs.
            limit: Units that the venue allows in a rolling second.
            lane: Who asks.
            now_ms: The moment by the clock that all replicas share.

        Returns:
            The window afterwards, and the wait in ms: 0 when granted.
        """
        asked = {**self.asked, lane: now_ms}
        recent = tuple(one for one in self.taken if one[0] > now_ms - WINDOW_MS - GUARD_MS)
        wait = _wait(recent, units, self._share(limit, lane, now_ms), now_ms)
        if wait:
            return RateWindow(taken=recent, asked=asked), wait
        return RateWindow(taken=(*recent, (now_ms, units)), asked=asked), 0

    def _share(self, limit: int, lane: Lane, now_ms: int) -> int:
        if lane is Lane.POLL:
            return max(1, limit * _POLL_PERCENT // 100)
        urgent = any(at > now_ms - URGENT_MS for other, at in self.asked.items() if other.rank < lane.rank)
        return max(1, limit - limit * _RESERVED_PERCENT // 100) if urgent else limit


def _wait(recent: tuple[tuple[int, int], ...], units: int, share: int, now_ms: int) -> int:
    """Milliseconds until enough has left the window; a call that could never fit goes when the window is empty."""
    used = sum(given for _, given in recent)
    wait = 0
    for at, given in recent:
        if used + units <= share:
            break
        used -= given
        wait = max(1, at + WINDOW_MS + GUARD_MS - now_ms)
    return wait
