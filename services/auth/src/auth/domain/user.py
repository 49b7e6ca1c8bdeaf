"""A user of the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.trading.identifiers import UserId


class Role(StrEnum):
    """What a user may do."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signed up.

    Attributes:
        email: Normalised.
        epoch: Goes up when all access tokens of the user are to be refused.
    """

    user_id: UserId
    email: str
    role: Role
    created_at: datetime
    risk_accepted_at: datetime | None
    epoch: int = 1
