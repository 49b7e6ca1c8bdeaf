"""Users in PostgreSQL, behind row-level security; addresses are found by their keyed hash."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.application.ports import Credentials
from auth.domain.errors import EmailTaken
from auth.domain.login_delay import Failures
from auth.domain.user import Role, User
from auth.outbound.postgres.tables import login_lookup, users
from shared.contracts.account import UserRegistered
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.identifiers import UserId

STRANGERS_KEPT = timedelta(days=1)


class PostgresAccounts:
    """Users and failed attempts.

    Args:
        lookup_key: Keys the hash of addresses: a stolen table tells nobody's address.
    """

    def __init__(self, database: Database, outbox: Outbox, *, lookup_key: bytes) -> None:
        self._database = database
        self._outbox = outbox
        self._hash = email_hasher(lookup_key)

    async def add(self, user: User, password_hash: str) -> None:
        """Store a new user and tell the platform, in one transaction.

        Raises:
            EmailTaken: The address has an account.
        """
        async with self._database.transaction(user.user_id) as session:
            await self._claim(session, user)
            await session.execute(sa.insert(users).values(**_row(user), password_hash=password_hash))
            await self._outbox.add(
                session,
                UserRegistered(user_id=user.user_id, role=user.role.value),
                user_id=user.user_id,
                entity_id=user.user_id,
                aggregate_id=user.user_id,
                aggregate_version=1,
            )

    async def _claim(self, session: AsyncSession, user: User) -> None:
        mine = insert(login_lookup).values(email_hash=self._hash(user.email), user_id=user.user_id)
        claimed = mine.on_conflict_do_update(
            index_elements=[login_lookup.c.email_hash],
            set_={"user_id": mine.excluded.user_id},
            where=login_lookup.c.user_id.is_(None),
        )
        row = (await session.execute(claimed.returning(login_lookup.c.user_id))).first()
        if row is None:
            raise EmailTaken("Sign in with this address, or use another one.", context={"pointer": "#/email"})

    async def credentials(self, email: str) -> Credentials:
        """What is known about an address."""
        found = sa.select(login_lookup).where(login_lookup.c.email_hash == self._hash(email))
        async with self._database.transaction() as session:
            entry = (await session.execute(found)).mappings().one_or_none()
        if entry is None:
            return Credentials(user=None, password_hash=None, failures=None)
        failures = Failures(count=entry["failures"], last_at=entry["failed_at"]) if entry["failed_at"] else None
        row = await self._row(UserId(entry["user_id"])) if entry["user_id"] else None
        if row is None:
            return Credentials(user=None, password_hash=None, failures=failures)
        return Credentials(user=user_of(row), password_hash=row["password_hash"], failures=failures)

    async def note_failure(self, email: str, failures: Failures) -> None:
        """Remember a wrong password; attempts at the same moment are counted one by one."""
        count = failures.count
        first = insert(login_lookup).values(email_hash=self._hash(email), failures=1, failed_at=failures.last_at)
        grown = sa.literal(1) if count == 1 else login_lookup.c.failures + 1
        statement = first.on_conflict_do_update(
            index_elements=[login_lookup.c.email_hash], set_={"failures": grown, "failed_at": failures.last_at}
        )
        async with self._database.transaction() as session:
            await session.execute(statement)

    async def user(self, user_id: UserId) -> User | None:
        """A user by id."""
        row = await self._row(user_id)
        return user_of(row) if row is not None else None

    async def set_role(self, user_id: UserId, role: Role) -> None:
        """Change what a user may do."""
        async with self._database.transaction(user_id) as session:
            await session.execute(sa.update(users).where(users.c.user_id == user_id).values(role=role.value))

    async def forget_strangers(self, now: datetime) -> int:
        """Drop yesterday's attempts on addresses that nobody registered; answers how many."""
        old = sa.and_(login_lookup.c.user_id.is_(None), login_lookup.c.failed_at < now - STRANGERS_KEPT)
        gone = sa.delete(login_lookup).where(old).returning(login_lookup.c.email_hash)
        async with self._database.transaction() as session:
            return len((await session.execute(gone)).all())

    async def _row(self, user_id: UserId) -> sa.RowMapping | None:
        async with self._database.transaction(user_id) as session:
            found = await session.execute(sa.select(users).where(users.c.user_id == user_id))
            return found.mappings().one_or_none()


def email_hasher(lookup_key: bytes) -> Callable[[str], bytes]:
    """The keyed hash of normalised addresses."""

    def hashed(email: str) -> bytes:
        return hmac.digest(lookup_key, email.encode(), "sha256")

    return hashed


def user_of(row: sa.RowMapping) -> User:
    """The user of a table row."""
    return User(
        user_id=UserId(row["user_id"]),
        email=row["email"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        risk_accepted_at=row["risk_accepted_at"],
        epoch=row["epoch"],
    )


def _row(user: User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "role": user.role.value,
        "created_at": user.created_at,
        "risk_accepted_at": user.risk_accepted_at,
        "epoch": user.epoch,
    }
