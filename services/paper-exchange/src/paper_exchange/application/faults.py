"""Misbehaviour on order: what a test asks the venue to do wrong, for which path and account, how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "latency",
    "clock_skew",
    "lost_request",
    "lost_reply",
    "late_landing",
    "reset",
    "reset_mid_reply",
    "half_open",
    "error_500",
    "malformed_json",
    "strange_values",
    "duplicate_rows",
    "shuffled_rows",
    "crossed_book",
    "ret_code",
    "leg_ret_code",
    "rate_limit",
    "ip_ban",
    "link_ids_forgotten",
    "visibility_lag",
    "wiped_live_view",
    "match_delay",
    "rejected_later",
    "stream_latency",
    "silent_stream",
    "half_open_stream",
    "lost_frames",
    "duplicated_frames",
    "reordered_frames",
]
Outcome = Literal["executed", "not"]
ADDING = frozenset({"latency", "clock_skew", "link_ids_forgotten"})
"""These come on top of another fault."""
LASTING = frozenset(
    {"visibility_lag", "wiped_live_view", "match_delay", "rejected_later", "stream_latency", "silent_stream", "half_open_stream",
     "lost_frames", "duplicated_frames", "reordered_frames"}
)  # fmt: skip
"""These concern no single call."""
FRAME_KINDS: tuple[Kind, ...] = ("lost_frames", "duplicated_frames", "reordered_frames")
SHUTTING: tuple[Kind, ...] = ("error_500", "ip_ban")
PRIVATE_STREAM = "/v5/private"
PUBLIC_STREAM = "/v5/public"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One order to misbehave.

    Attributes:
        kind: What goes wrong.
        path: An endpoint, or a prefix that ends in `*`; `*` means every private endpoint.
        uid: Only this account, or everybody.
        latency_ms: Round trip added to a call (half before, half after the work), or the length of a delay or lag.
        jitter_ms: Up to so much more, at random.
        count: How many more times; None means until removed.
        ret_code: The code answered by kind ret_code.
        ret_msg: Its sentence.
        outcome: Whether the call was carried out behind the answer.
        hold_ms: How long a lost call hangs before the connection is cut.
        status: Of an HTML error: 500, 502, 503.
        variant: Which form of its kind: see `fault_kinds`.
        skew_ms: By how much the venue's clock is ahead (or, below zero, behind) for a call.
        for_ms: Heals by itself after so long, by the venue's clock; 0: never.
    """

    fault_id: int = 0
    kind: Kind
    path: str = "*"
    uid: str = ""
    latency_ms: int = 0
    jitter_ms: int = 0
    count: int | None = None
    ret_code: int = 10016
    ret_msg: str = "System error. Please try again later."
    outcome: Outcome = "not"
    hold_ms: int = 6_000
    status: int = 500
    variant: str = ""
    skew_ms: int = 0
    for_ms: int = 0
    until_ms: int = 0
    hits: int = 0

    def concerns(self, path: str, uid: str) -> bool:
        """Whether it applies to a call."""
        if self.uid and self.uid != uid:
            return False
        return self.path in {"*", path} or (self.path.endswith("*") and path.startswith(self.path[:-1]))


@dataclass(slots=True)
class Treatment:
    """What happens to one call: the delay in seconds (half on each way) and at most one fault beside it.

    Attributes:
        skew_ms: The venue's clock is so much ahead.
        forgets_links: The venue does not remember link ids that were used.
    """

    delay_s: float = 0.0
    fault: Fault | None = None
    skew_ms: int = 0
    forgets_links: bool = False


def _no_time() -> int:
    return 0


@dataclass(slots=True)
class Faults:
    """All faults in force.

    Args:
        rng: For the jitter.
        latency_ms: Round trip of every private call when nothing else is said.
        stream_latency_ms: One way of every private frame when nothing else is said.
        match_delay_ms: From acknowledgement to matching.
        now_ms: The venue's clock, for faults that heal by themselves.
    """

    rng: random.Random
    latency_ms: int = 0
    stream_latency_ms: int = 0
    match_delay_ms: int = 0
    now_ms: Callable[[], int] = _no_time
    _faults: dict[int, Fault] = field(default_factory=dict)
    _last_id: int = 0

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._last_id += 1
        fault.fault_id = self._last_id
        fault.until_ms = self.now_ms() + fault.for_ms if fault.for_ms else 0
        self._faults[fault.fault_id] = fault
        return fault

    def remove(self, fault_id: int | None = None) -> int:
        """Heal one fault, or all; how many were healed."""
        if fault_id is None:
            healed = len(self._faults)
            self._faults.clear()
            return healed
        return 1 if self._faults.pop(fault_id, None) else 0

    def all(self) -> list[Fault]:
        """Those in force, oldest first; what has lasted long enough is healed."""
        now = self.now_ms()
        for fault in [fault for fault in self._faults.values() if fault.until_ms and fault.until_ms <= now]:
            del self._faults[fault.fault_id]
        return list(self._faults.values())

    def treat(self, path: str, uid: str, *, public: bool = False) -> Treatment:
        """What happens to a call; counts it. A public path is only struck by faults that name it."""
        treatment = Treatment(0.0 if public else self.latency_ms / 1000)
        if not self._faults:
            return treatment
        for fault in self.all():
            if fault.kind in LASTING or not self._strikes(fault, path, uid, public=public):
                continue
            if fault.kind in ADDING:
                self._add_to(treatment, fault)
            elif treatment.fault is None:
                treatment.fault = fault
            else:
                continue
            self._count(fault)
        return treatment

    @staticmethod
    def _strikes(fault: Fault, path: str, uid: str, *, public: bool) -> bool:
        if public and fault.path == "*" and not (fault.kind == "clock_skew" and path.endswith("/time")):
            return False
        return fault.concerns(path, uid)

    def _add_to(self, treatment: Treatment, fault: Fault) -> None:
        if fault.kind == "latency":
            treatment.delay_s += self._length_ms(fault) / 1000
        elif fault.kind == "clock_skew":
            treatment.skew_ms += fault.skew_ms
        else:
            treatment.forgets_links = True

    def visibility_lag_ms(self, path: str, uid: str) -> int:
        """How old an order or execution must be to be seen by a query."""
        return max((fault.latency_ms for fault in self._of("visibility_lag", path, uid)), default=0)

    def live_view_wiped(self, uid: str) -> bool:
        """Whether the live view has forgotten every order that ended."""
        return bool(self._of("wiped_live_view", "/v5/order/realtime", uid))

    def touch_matching(self) -> bool:
        """Whether some account's orders may be matched later than at once, or rejected."""
        return bool(self.match_delay_ms or self._faults)

    def match_delay_s(self, uid: str) -> float:
        """From acknowledgement to matching."""
        extra = sum(self._length_ms(fault) for fault in self._of("match_delay", "*", uid))
        return (self.match_delay_ms + extra) / 1000

    def rejection(self, uid: str) -> str:
        """Why an order that was acknowledged is rejected after all, empty when it is not; counts it."""
        for fault in self._of("rejected_later", "*", uid):
            self._count(fault)
            return fault.variant or "EC_Others"
        return ""

    def shut(self, path: str, uid: str = "") -> Fault | None:
        """The outage or ban that lets no connection of a socket stand.

        Args:
            path: The socket.
            uid: Whose connection it is; nothing while nobody has signed in.
        """
        for kind in SHUTTING:
            for fault in self._of(kind, path, uid):
                if fault.count is None and fault.outcome == "not" and self._names(fault, path):
                    return fault
        return None

    @staticmethod
    def _names(fault: Fault, path: str) -> bool:
        """Public sockets are struck by faults that name them alone."""
        return fault.path != "*" or not path.startswith(PUBLIC_STREAM)

    def stream_delay_s(self, uid: str) -> float:
        """One way of a private frame."""
        extra = sum(self._length_ms(fault) for fault in self._of("stream_latency", PRIVATE_STREAM, uid))
        return (self.stream_latency_ms + extra) / 1000

    def stream_silent(self, uid: str) -> bool:
        """Whether private frames vanish without an error."""
        return bool(self._of("silent_stream", PRIVATE_STREAM, uid))

    def stream_half_open(self, uid: str) -> bool:
        """Whether private connections are dead without being closed."""
        return bool(self._of("half_open_stream", PRIVATE_STREAM, uid))

    def public_stream(self, kind: Kind, path: str) -> bool:
        """Whether a public socket is struck: only by faults that name it."""
        return any(fault.path.startswith(PUBLIC_STREAM) for fault in self._of(kind, path, ""))

    def frame_fate(self, uid: str) -> Kind | None:
        """What becomes of one private frame; counts it."""
        for kind in FRAME_KINDS:
            for fault in self._of(kind, PRIVATE_STREAM, uid):
                self._count(fault)
                return kind
        return None

    def _of_kind(self, kind: Kind) -> list[Fault]:
        return [fault for fault in self.all() if fault.kind == kind] if self._faults else []

    def _of(self, kind: Kind, path: str, uid: str) -> list[Fault]:
        return [fault for fault in self._of_kind(kind) if fault.concerns(path, uid)]

    def _length_ms(self, fault: Fault) -> int:
        return fault.latency_ms + (self.rng.randint(0, fault.jitter_ms) if fault.jitter_ms else 0)

    def _count(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.count is None:
            return
        fault.count -= 1
        if fault.count <= 0:
            self._faults.pop(fault.fault_id, None)
