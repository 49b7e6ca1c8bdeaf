"""How a consumer reacts to what a handler raised: one table, at the edge only."""

from __future__ import annotations

import random
from dataclasses import dataclass

from shared.contracts.topology import MAX_DELIVER
from shared.trading.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Throttled,
    Unavailable,
)

LONGEST_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class Ack:
    """Handled, or nothing to do: never deliver it again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver it again after a while."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Bury:
    """Copy it to the dead letters, then never deliver it again."""

    family: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Our own database is away: keep the message, fetch no other, try again by ourselves."""


Verdict = Ack | Retry | Bury | Pause


def reaction(error: Exception, *, deliveries: int) -> Verdict:
    """What to do with a message whose handler raised.

    Args:
        error: What was raised.
        deliveries: How often the message has been delivered, this time included.
    """
    if isinstance(error, PlatformError) and error.code == "database_unavailable":
        return Pause()
    if isinstance(error, OutcomeUnknown):
        return Ack()
    if isinstance(error, Invalid | NotFound | Denied | Conflict):
        return Bury(error.family, error.code, error.detail)
    if deliveries >= MAX_DELIVER:
        return _exhausted(error)
    asked = error.retry_after_s if isinstance(error, Throttled | Unavailable) else 0.0
    return Retry(max(asked, delay_s(deliveries)))


def delay_s(deliveries: int) -> float:
    """Seconds before the next delivery: 1, 3, 9, 27, then 60, each ± 20 %.

    Eight deliveries span more than three minutes, so that a neighbour's restart never makes dead letters.
    """
    return min(LONGEST_DELAY_S, 3.0 ** (deliveries - 1)) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load


def _exhausted(error: Exception) -> Bury:
    if isinstance(error, PlatformError):
        return Bury(error.family, error.code, error.detail)
    # The text of a foreign error may hold anything: its type is enough here, the log has the rest.
    return Bury("internal", "internal_error", f"{type(error).__name__} on each of {MAX_DELIVER} deliveries")
