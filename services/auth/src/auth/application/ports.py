"""What the use cases need from outside."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from auth.domain.login_delay import Failures
from auth.domain.refresh_token import RefreshToken
from auth.domain.session import Presented, Session
from auth.domain.user import Role, User
from shared.trading.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """What is known about an address; without a user when nobody registered it."""

    user: User | None
    password_hash: str | None
    failures: Failures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A checked password.

    Attributes:
        upgraded_hash: Set when the stored hash is of an older kind and has to be replaced.
    """

    matches: bool
    upgraded_hash: str | None = None


class Passwords(Protocol):
    """Hashes passwords, a few at a time."""

    async def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            Busy: Too many wait already.
        """
        ...

    async def verify(self, password: str, stored: str | None) -> Verified:
        """Compare; without a stored hash it takes as long and never matches.

        Raises:
            Busy: Too many wait already.
        """
        ...


class Accounts(Protocol):
    """Users and what is needed to sign in."""

    async def add(self, user: User, password_hash: str) -> None:
        """Store a new user and tell the platform.

        Raises:
            EmailTaken: The address has an account.
        """
        ...

    async def credentials(self, email: str) -> Credentials:
        """What is known about an address."""
        ...

    async def note_failure(self, email: str, failures: Failures) -> None:
        """Remember a wrong password."""
        ...

    async def user(self, user_id: UserId) -> User | None:
        """A user by id."""
        ...

    async def set_role(self, user_id: UserId, role: Role) -> None:
        """Change what a user may do."""
        ...


class SessionUnit(Protocol):
    """One presented refresh token, locked until the unit of work ends."""

    user: User | None
    presented: Presented | None

    async def rotate(self, successor: RefreshToken, now: datetime) -> None:
        """Mark the token used and store its successor."""
        ...

    async def revoke(self, reason: str, now: datetime) -> None:
        """End the session with all its tokens."""
        ...


class Sessions(Protocol):
    """Sessions and their refresh tokens."""

    async def begin(self, session: Session, token: RefreshToken, *, email: str, upgraded_hash: str | None) -> None:
        """Store a session with its first token, forget the failures of the address, replace an old password hash."""
        ...

    def unit(self, token: RefreshToken) -> AbstractAsyncContextManager[SessionUnit]:
        """A unit of work around a presented token: commits at the end, so judge inside and raise outside."""
        ...


class AccessTokens(Protocol):
    """Signs access tokens."""

    lifetime_s: int

    def issue(self, user: User, session: Session, now: datetime) -> str:
        """A token for `lifetime_s` seconds."""
        ...


class RandomBytes(Protocol):
    """Cryptographic randomness."""

    def __call__(self, count: int, /) -> bytes:
        """So many bytes."""
        ...
