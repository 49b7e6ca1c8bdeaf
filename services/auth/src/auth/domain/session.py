"""A session: one sign-in and the chain of refresh tokens that came out of it (RFC 9700, ASVS 10.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from shared.trading.identifiers import UserId

ABSOLUTE_LIFE = timedelta(days=30)
GRACE = timedelta(seconds=10)
"""A client whose reply was lost may ask again with the old token for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in; revoking it ends every token of its family."""

    session_id: UUID
    user_id: UserId
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def begin(cls, session_id: UUID, user_id: UserId, now: datetime) -> Session:
        """A new one."""
        return cls(session_id=session_id, user_id=user_id, created_at=now, expires_at=now + ABSOLUTE_LIFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A stored refresh token that a client has shown us.

    Attributes:
        used_at: When it was traded for its successor; None while it is the newest.
        successor_used: Whether the successor has been traded on already.
    """

    session: Session
    used_at: datetime | None
    successor_used: bool


class Judgement(Enum):
    """What happens to a presented token."""

    ROTATE = auto()
    REPEAT = auto()
    EXPIRED = auto()
    REVOKED = auto()
    REUSED = auto()


def judge(presented: Presented, now: datetime) -> Judgement:
    """Each token works once; the same answer may be repeated for a moment; anything else ends the session."""
    if presented.session.revoked_at is not None:
        return Judgement.REVOKED
    if now >= presented.session.expires_at:
        return Judgement.EXPIRED
    if presented.used_at is None:
        return Judgement.ROTATE
    if now - presented.used_at <= GRACE and not presented.successor_used:
        return Judgement.REPEAT
    return Judgement.REUSED
