"""End a session."""

from __future__ import annotations

from auth.application.ports import Sessions
from auth.domain.errors import TokenInvalid
from auth.domain.refresh_token import read_token
from shared.trading.clock import Clock


class SignOut:
    """The use case."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, text: str) -> None:
        """Revoke the session of a refresh token; one that is unknown or over already needs nothing."""
        try:
            token = read_token(text)
        except TokenInvalid:
            return
        async with self._sessions.unit(token) as unit:
            if unit.presented is not None and unit.presented.session.revoked_at is None:
                await unit.revoke("signed_out", self._clock.now())
