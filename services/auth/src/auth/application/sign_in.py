"""Sign in with a password, and what every sign-in gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from auth.application.ports import AccessTokens, Accounts, Credentials, Passwords, RandomBytes, Sessions
from auth.domain.email_address import normalised
from auth.domain.errors import CredentialsInvalid, EmailInvalid, LoginDelayed
from auth.domain.login_delay import one_more
from auth.domain.password_rules import LONGEST, canonical
from auth.domain.refresh_token import SECRET_BYTES, RefreshToken
from auth.domain.session import Session
from auth.domain.user import User
from shared.trading.clock import Clock, Ids


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tokens:
    """What a client gets: both texts are secrets."""

    access: str
    access_lifetime_s: int
    refresh: str
    refresh_expires_at: datetime
    user: User


class SignIn:
    """The use case."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        sessions: Sessions,
        tokens: AccessTokens,
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: RandomBytes,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._sessions = sessions
        self._tokens = tokens
        self._clock = clock
        self._ids = ids
        self._random_bytes = random_bytes

    async def __call__(self, *, email: str, password: str) -> Tokens:
        """Check the password and begin a session.

        Raises:
            CredentialsInvalid: Unknown address or wrong password, told alike after the same time.
            LoginDelayed: Too many wrong passwords in a row for this address.
            Busy: Too many people at once.
        """
        try:
            address = normalised(email)
        except EmailInvalid:
            raise CredentialsInvalid from None
        known = await self._accounts.credentials(address)
        self._require_patience(known)
        user, upgraded = await self._check(address, password, known)
        now = self._clock.now()
        session = Session.begin(self._ids.uuid(), user.user_id, now)
        first = RefreshToken(user.user_id, self._random_bytes(SECRET_BYTES))
        await self._sessions.begin(session, first, email=address, upgraded_hash=upgraded)
        return Tokens(
            access=self._tokens.issue(user, session, now),
            access_lifetime_s=self._tokens.lifetime_s,
            refresh=first.text,
            refresh_expires_at=session.expires_at,
            user=user,
        )

    def _require_patience(self, known: Credentials) -> None:
        wait_s = known.failures.wait(self._clock.now()).total_seconds() if known.failures else 0.0
        if wait_s > 0:
            raise LoginDelayed(f"Please wait {max(1, round(wait_s))} s before the next attempt.", retry_after_s=wait_s)

    async def _check(self, email: str, password: str, known: Credentials) -> tuple[User, str | None]:
        # An endless password would keep a thread busy; it cannot be right, so its beginning takes the same time.
        given = canonical(password[: LONGEST + 1])
        verified = await self._passwords.verify(given, known.password_hash)
        if known.user is None or not verified.matches:
            await self._accounts.note_failure(email, one_more(known.failures, self._clock.now()))
            raise CredentialsInvalid
        return known.user, verified.upgraded_hash
