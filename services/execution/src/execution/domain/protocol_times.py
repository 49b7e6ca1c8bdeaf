"""Every waiting time of the order protocol in one table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolTimes:
    """How long the protocol waits, and for what.

    `recv_window` travels on the wire and bounds when the venue may still take a request: it is never scaled, so
    that the barrier stays longer than it at every scale. What waits for other services is not scaled either.
    """

    recv_window: timedelta = timedelta(milliseconds=1500)
    clock_margin: timedelta = timedelta(seconds=1)
    """A venue takes timestamps up to this far ahead of its own clock."""
    visibility_margin: timedelta = timedelta(seconds=4)
    """An accepted order may be invisible to queries this long."""
    absence_window: timedelta = timedelta(seconds=60)
    """Clean not-founds must span at least this."""
    give_up_after: timedelta = timedelta(minutes=15)
    """An attempt unknown for this long goes to a person."""
    sign_bound: timedelta = timedelta(seconds=10)
    """A committed send is signed within this; later only after another commit that checks the desk's lease."""
    first_question: timedelta = timedelta(milliseconds=500)
    """An unknown attempt is asked about at once and then after this, doubling."""
    longest_pause: timedelta = timedelta(seconds=15)
    """Between two questions about one attempt, at most."""
    longest_back_off: timedelta = timedelta(seconds=60)
    """Between two questions about one attempt while they get no answer, at most."""
    quiet_stream: timedelta = timedelta(seconds=6)
    """An acknowledged order without news for this long is asked about."""
    ack_patience: timedelta = timedelta(seconds=30)
    """An acknowledged order that no query finds for this long becomes unknown."""
    first_retry: timedelta = timedelta(seconds=1)
    """What stays unfilled is tried again after this, doubling, where the plan says so (COMPLETE)."""
    longest_retry: timedelta = timedelta(seconds=30)
    """Between two attempts of a leg, at most."""
    complete_for: timedelta = timedelta(minutes=5)
    """From the order on, what stays unfilled is tried again this long."""
    price_patience: timedelta = timedelta(seconds=30)
    """A run waits this long for fresh prices before it gives its legs up."""

    def scaled(self, scale: int) -> ProtocolTimes:
        """All waits for evidence, and what bounds COMPLETE, divided by `scale`."""
        return replace(
            self,
            **{item.name: getattr(self, item.name) / scale for item in fields(self) if item.name not in UNSCALED},
        )

    def back_off(self, failures: int) -> timedelta:
        """How long to leave the venue alone after this many questions in a row without an answer."""
        doublings: int = min(failures, 10)
        return min(self.first_question * (1 << doublings), self.longest_back_off)

    def retry_pause(self, attempt: int) -> timedelta:
        """How long to wait after the attempt of this number before the next one."""
        doublings: int = min(attempt, 10)
        return min(self.first_retry * (1 << doublings), self.longest_retry)

    def barrier(self, signed_at: datetime) -> datetime:
        """From here on, an order signed at `signed_at` that cannot be found may be absent."""
        return signed_at + self.recv_window + self.clock_margin + self.visibility_margin


UNSCALED = frozenset({"recv_window", "sign_bound", "price_patience"})
ABSENCES_NEEDED = 3
"""Clean not-founds before an unknown attempt counts as absent."""
EVIDENCE_LASTS = timedelta(days=6)
"""The venue shows ended orders and matches for seven days: not finding an older one proves nothing."""
