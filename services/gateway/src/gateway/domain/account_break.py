"""A disagreement between books and venue, as the reconciler said it last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

STOPPING = ("D1", "D2", "D3", "D10", "D11", "D12")
"""While one of these is open nothing is traded by itself: orders or matches that differ, a balance that nothing
explains, a venue that cannot be asked. What others did on the account, or the venue with its list, is no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBreak:
    """One disagreement on one account.

    Attributes:
        break_class: `D1` to `D13`.
        status: `open`, `resolved` or `expected`.
    """

    break_id: UUID
    user_id: UUID
    account_id: UUID
    break_class: str
    status: str
    at: datetime
    version: int
