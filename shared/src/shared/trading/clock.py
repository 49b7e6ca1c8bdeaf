"""Time, identifiers and randomness come in through these doors, so that tests and simulations can hold them."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current moment, timezone-aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards: for measuring and for deadlines."""
        ...


class Ids(Protocol):
    """Makes identifiers."""

    def uuid(self) -> UUID:
        """A fresh random UUID (version 4)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()


class SystemIds:
    """Identifiers from the operating system's randomness."""

    def uuid(self) -> UUID:
        """A fresh random UUID (version 4)."""
        return uuid4()

    def token(self, size_bytes: int = 32) -> str:
        """A URL-safe random text of `size_bytes` bytes of entropy."""
        return secrets.token_urlsafe(size_bytes)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, exact: the venue's unit of time."""
    delta = moment - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_epoch_ms(milliseconds: int) -> datetime:
    """The UTC moment `milliseconds` after 1970-01-01."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
