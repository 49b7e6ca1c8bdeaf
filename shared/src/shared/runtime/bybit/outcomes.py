"""What a call came to: exactly one of these, each with the signed time that bounds when the venue may still act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from shared.trading.errors import PlatformError

Reply_co = TypeVar("Reply_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What every call that may have left us carries.

    Attributes:
        timestamp_ms: The signed time; null for public calls. The venue may accept the call until
            `timestamp_ms + recv_window_ms`, seen by its own clock (the time barrier).
    """

    timestamp_ms: int | None = None
    recv_window_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Signed, Generic[Reply_co]):
    """The venue took the call and its reply was understood in full."""

    reply: Reply_co


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Signed):
    """Certainly nothing was done; `blind` when the key itself does not work any more."""

    code: int
    message: str
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited(Signed):
    """Certainly nothing was done; the same call may be sent again at `reset_ms` (epoch milliseconds)."""

    code: int
    message: str
    reset_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Signed):
    """An order with this client id exists: query it and adopt it."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOpen(Signed):
    """There was no open order to cancel."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Signed):
    """It may have been done, or the answer is unreadable; for a query: no answer, which is not "not found".

    Attributes:
        reason: `read_timeout`, `connection`, `http_502`, `unparsable`, `code_10016`, `deadline`, …
        code: The venue's code, when one was read.
        http_status: Set when it was not 200; 403 means that the address is banned for a while.
    """

    reason: str
    code: int | None = None
    message: str = ""
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Not a byte left us: no signature (refused, or none within the bound), or given up while waiting for a thread."""

    error: PlatformError


Outcome: TypeAlias = Accepted[Reply_co] | Refused | RateLimited | Duplicate | NotOpen | Unknown | NotSent
Failure: TypeAlias = Refused | RateLimited | Duplicate | NotOpen | Unknown | NotSent
