"""Misbehaviour on order: what a test asks the venue to do wrong, for which path and account, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "latency",
    "lost_request",
    "lost_reply",
    "reset",
    "error_500",
    "ret_code",
    "leg_ret_code",
    "rate_limit",
    "ip_ban",
    "visibility_lag",
    "match_delay",
    "stream_latency",
    "silent_stream",
]
Outcome = Literal["executed", "not"]
STREAM_KINDS = frozenset({"stream_latency", "silent_stream"})
CALL_KINDS = frozenset(
    {"latency", "lost_request", "lost_reply", "reset", "error_500", "ret_code", "leg_ret_code", "rate_limit", "ip_ban"}
)


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
    hits: int = 0

    def concerns(self, path: str, uid: str) -> bool:
        """Whether it applies to a call."""
        if self.uid and self.uid != uid:
            return False
        return self.path in {"*", path} or (self.path.endswith("*") and path.startswith(self.path[:-1]))


@dataclass(slots=True)
class Treatment:
    """What happens to one call: the delay in seconds (half on each way) and at most one fault beside it."""

    delay_s: float = 0.0
    fault: Fault | None = None


@dataclass(slots=True)
class Faults:
    """All faults in force.

    Args:
        rng: For the jitter.
        latency_ms: Round trip of every private call when nothing else is said.
        stream_latency_ms: One way of every private frame when nothing else is said.
        match_delay_ms: From acknowledgement to matching.
    """

    rng: random.Random
    latency_ms: int = 0
    stream_latency_ms: int = 0
    match_delay_ms: int = 0
    _faults: dict[int, Fault] = field(default_factory=dict)
    _last_id: int = 0

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._last_id += 1
        fault.fault_id = self._last_id
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
        """Those in force, oldest first."""
        return list(self._faults.values())

    def treat(self, path: str, uid: str) -> Treatment:
        """What happens to a call; counts it."""
        delay_ms = self.latency_ms
        if not self._faults:
            return Treatment(delay_ms / 1000)
        struck: Fault | None = None
        for fault in self.all():
            if fault.kind not in CALL_KINDS or not fault.concerns(path, uid):
                continue
            if fault.kind == "latency":
                delay_ms += self._length_ms(fault)
            elif struck is None:
                struck = fault
            else:
                continue
            self._count(fault)
        return Treatment(delay_ms / 1000, struck)

    def visibility_lag_ms(self, path: str, uid: str) -> int:
        """How old an order or execution must be to be seen by a query."""
        return max((fault.latency_ms for fault in self._of("visibility_lag", path, uid)), default=0)

    def match_delay_s(self, uid: str) -> float:
        """From acknowledgement to matching."""
        extra = sum(self._length_ms(fault) for fault in self._of("match_delay", "*", uid))
        return (self.match_delay_ms + extra) / 1000

    def stream_delay_s(self, uid: str) -> float:
        """One way of a private frame."""
        extra = sum(self._length_ms(fault) for fault in self._of("stream_latency", "*", uid))
        return (self.stream_latency_ms + extra) / 1000

    def stream_silent(self, uid: str) -> bool:
        """Whether frames vanish without an error."""
        return any(True for _ in self._of("silent_stream", "*", uid))

    def _of(self, kind: Kind, path: str, uid: str) -> list[Fault]:
        if not self._faults:
            return []
        return [fault for fault in self._faults.values() if fault.kind == kind and fault.concerns(path, uid)]

    def _length_ms(self, fault: Fault) -> int:
        return fault.latency_ms + (self.rng.randint(0, fault.jitter_ms) if fault.jitter_ms else 0)

    def _count(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.count is None:
            return
        fault.count -= 1
        if fault.count <= 0:
            self._faults.pop(fault.fault_id, None)
