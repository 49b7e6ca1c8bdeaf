"""Coins that leave a position for the user's own without a sale of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class ReleaseReason(StrEnum):
    """Why coins left."""

    RESIDUAL = "residual"
    """The venue would not sell so little."""
    SOLD = "sold"
    """The user sold them by hand, and says so."""
    WITHDRAWN = "withdrawn"
    """The user took them off the account, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One coin that left, at average cost: nothing is gained or lost by it.

    Attributes:
        quantity: Base units.
        entry: Number of the change that it made to its coin in its position.
    """

    user_id: UUID
    account_id: UUID
    position_id: UUID
    asset: str
    symbol: str
    quantity: Decimal
    why: ReleaseReason
    at: datetime
    entry: int
