"""What the reconciler remembers of a position beside its book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from reconciler.domain.books import PositionBook
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A position as it was last told.

    Attributes:
        version: Of the last event about it; the next one has one more.
        told: Value and P&L of the last event, quote units; None before the first.
        deviating: It left its band and is not back yet.
        priced_at: When the youngest prices that it was valued on were asked for.
        point_slot: Start of the last five minutes that a P&L point was kept for.
    """

    book: PositionBook
    version: int = 0
    told: tuple[Decimal, Decimal] | None = None
    deviating: bool = False
    priced_at: datetime | None = None
    reconciled_at: datetime | None = None
    point_slot: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProgress:
    """How far an account's histories have been compared; None before the first time."""

    read_until_ms: int | None = None
    compared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePosition:
    """A position to be re-valued: ids only."""

    position_id: UUID
    user_id: UUID
    environment: VenueEnvironment
