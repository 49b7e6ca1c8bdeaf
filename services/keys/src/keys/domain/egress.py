"""The venue's limit per address: 600 requests in 5 seconds over all accounts, breach is a ban of ten minutes.

We spend 70 % of it, in slots of one second, so that any five seconds hold at most six slots: 504 requests.
Replicas lease blocks of a slot; what is left of a block dies with its slot.
"""

from __future__ import annotations

from keys.domain.lane import Lane

PER_SLOT = 84
"""600 / 5 × 70 %."""
BLOCK = 12
SLOT_MS = 1_000
_PERCENT = {Lane.CANCEL_QUERY: 100, Lane.UNWIND: 90, Lane.BUY: 80, Lane.POLL: 50}


def share_of(lane: Lane, *, per_slot: int = PER_SLOT) -> int:
    """How far a slot may be filled for a lane: the rest is kept for the higher ones."""
    return per_slot * _PERCENT[lane] // 100


class EgressSlot:
    """What this replica holds of the current second. One owner; not shared between threads.

    Tokens remember the lane that they were leased for: a lower lane must not spend what a higher one set aside.
    """

    def __init__(self) -> None:
        self._slot = -1
        self._tokens: dict[Lane, int] = {}

    def take(self, lane: Lane, now_ms: int) -> bool:
        """Spend a token leased for this lane or a lower one."""
        held = self._fitting(lane, now_ms)
        if held is None:
            return False
        self._tokens[held] -= 1
        return True

    def holds(self, lane: Lane, now_ms: int) -> bool:
        """Whether a token for this lane is there."""
        return self._fitting(lane, now_ms) is not None

    def put(self, lane: Lane, count: int, now_ms: int, *, slot: int) -> None:
        """Add a leased block; a block of a slot that is over is worth nothing."""
        self._turn(now_ms)
        if slot == self._slot:
            self._tokens[lane] = self._tokens.get(lane, 0) + count

    def _fitting(self, lane: Lane, now_ms: int) -> Lane | None:
        self._turn(now_ms)
        fitting = (held for held, count in self._tokens.items() if held.rank >= lane.rank and count > 0)
        return max(fitting, key=lambda held: held.rank, default=None)

    def _turn(self, now_ms: int) -> None:
        slot = now_ms // SLOT_MS
        if slot != self._slot:
            self._slot, self._tokens = slot, {}


def until_next_slot_ms(now_ms: int) -> int:
    """How long to wait when a slot is spent."""
    return SLOT_MS - now_ms % SLOT_MS
