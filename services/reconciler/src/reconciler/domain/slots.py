"""Slots of time, and identifiers derived from them, so that the same thing said twice is one message."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

NAMESPACE = UUID("5b0e8f3a-6d0c-5b42-9c1e-0f6a7f1d2c33")
"""Ours, drawn once: names of slots and jobs live in it."""


def slot_of(moment: datetime, *, length_s: float) -> datetime:
    """The start of the slot that holds a moment; slots count from 1970, so five minutes is `*/5`."""
    length_ms = max(1, round(length_s * 1000))
    ms = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    return datetime.fromtimestamp((ms - ms % length_ms) / 1000, UTC)


def derived_id(*parts: object) -> UUID:
    """The identifier of something that is told by its parts."""
    return uuid5(NAMESPACE, "|".join(str(part) for part in parts))
