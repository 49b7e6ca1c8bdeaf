"""Trade a refresh token for the next pair."""

from __future__ import annotations

from auth.application.ports import AccessTokens, Sessions, SessionUnit
from auth.application.sign_in import Tokens
from auth.domain.errors import TokenExpired, TokenInvalid, TokenReused
from auth.domain.refresh_token import RefreshToken, read_token
from auth.domain.session import Judgement, Session, judge
from auth.domain.user import User
from shared.trading.clock import Clock


class Refresh:
    """The use case.

    Args:
        server_key: Makes the one successor of each token.
    """

    def __init__(self, sessions: Sessions, tokens: AccessTokens, *, server_key: bytes, clock: Clock) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._server_key = server_key
        self._clock = clock

    async def __call__(self, text: str) -> Tokens:
        """The next pair.

        Raises:
            TokenInvalid: Unknown, or its session was ended.
            TokenExpired: The session is 30 days old.
            TokenReused: It was used before: its whole session is over now.
        """
        token = read_token(text)
        successor = token.successor(self._server_key)
        async with self._sessions.unit(token) as unit:
            judgement = await self._apply(unit, successor)
            user, presented = unit.user, unit.presented
        if judgement is Judgement.REUSED:
            raise TokenReused
        if judgement is Judgement.EXPIRED:
            raise TokenExpired
        if judgement is Judgement.REVOKED or user is None or presented is None:
            raise TokenInvalid
        return self._pair(user, presented.session, successor)

    async def _apply(self, unit: SessionUnit, successor: RefreshToken) -> Judgement:
        """Change what has to change; raising here would undo the revocation."""
        if unit.presented is None or unit.user is None:
            return Judgement.REVOKED
        now = self._clock.now()
        judgement = judge(unit.presented, now)
        if judgement is Judgement.ROTATE:
            await unit.rotate(successor, now)
        elif judgement is Judgement.REUSED:
            await unit.revoke("reused", now)
        return judgement

    def _pair(self, user: User, session: Session, successor: RefreshToken) -> Tokens:
        return Tokens(
            access=self._tokens.issue(user, session, self._clock.now()),
            access_lifetime_s=self._tokens.lifetime_s,
            refresh=successor.text,
            refresh_expires_at=session.expires_at,
            user=user,
        )
