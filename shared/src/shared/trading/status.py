"""Statuses: once for API, screens, events and tables."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Which way an order trades, in the venue's own spelling."""

    BUY = "Buy"
    SELL = "Sell"


class PositionStatus(StrEnum):
    """Where a position stands; changed only by execution's events."""

    PENDING = "PENDING"
    EXECUTING = "EXECUTING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    REBALANCING = "REBALANCING"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


OVER_POSITIONS = frozenset({PositionStatus.CLOSED, PositionStatus.FAILED})
"""Statuses of positions that hold nothing and do nothing; only a late fill brings one back."""


class LegStatus(StrEnum):
    """Where one instrument's part of a basket order stands."""

    PLANNED = "PLANNED"
    SKIPPED = "SKIPPED"
    SUBMITTED = "SUBMITTED"
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"


SETTLED_LEGS = frozenset(
    {LegStatus.SKIPPED, LegStatus.FILLED, LegStatus.CANCELLED, LegStatus.REJECTED, LegStatus.NEEDS_ATTENTION}
)
"""Leg statuses on which a position may settle; UNKNOWN keeps it EXECUTING."""


class AttemptState(StrEnum):
    """One order sent for a leg."""

    INTENT = "INTENT"
    ACKED = "ACKED"
    UNKNOWN = "UNKNOWN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"


TERMINAL_ATTEMPTS = frozenset({AttemptState.FILLED, AttemptState.CANCELLED, AttemptState.REJECTED})


class VenueEnvironment(StrEnum):
    """Which venue a key belongs to."""

    MAINNET = "mainnet"
    TESTNET = "testnet"
    DEMO = "demo"
    PAPER = "paper"


class BreakClass(StrEnum):
    """Kinds of disagreement between our books and the venue's."""

    D1 = "D1"
    D2 = "D2"
    D3 = "D3"
    D4 = "D4"
    D5 = "D5"
    D6 = "D6"
    D7 = "D7"
    D8 = "D8"
    D9 = "D9"
    D10 = "D10"
    D11 = "D11"
    D12 = "D12"
    D13 = "D13"
