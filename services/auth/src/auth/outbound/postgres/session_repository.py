"""Sessions and hashed refresh tokens in PostgreSQL, behind row-level security."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from auth.domain.refresh_token import RefreshToken
from auth.domain.session import Presented, Session
from auth.domain.user import User
from auth.outbound.postgres.account_repository import email_hasher, user_of
from auth.outbound.postgres.tables import login_lookup, refresh_tokens, sessions, users
from shared.runtime.database import Database
from shared.trading.identifiers import UserId


class PostgresSessionUnit:
    """One presented token, its session locked until the transaction ends."""

    def __init__(
        self, session: AsyncSession, token: RefreshToken, user: User | None, presented: Presented | None
    ) -> None:
        self.user = user
        self.presented = presented
        self._session = session
        self._token = token

    async def rotate(self, successor: RefreshToken, now: datetime) -> None:
        """Mark the token used and store its successor."""
        mine = sa.and_(refresh_tokens.c.user_id == self._token.user_id, refresh_tokens.c.token_hash == self._token.hash)
        await self._session.execute(
            sa.update(refresh_tokens).where(mine).values(used_at=now, successor_hash=successor.hash)
        )
        await _store(self._session, self._of(), successor, now)

    async def revoke(self, reason: str, now: datetime) -> None:
        """End the session with all its tokens."""
        session = self._of()
        mine = sa.and_(sessions.c.user_id == session.user_id, sessions.c.session_id == session.session_id)
        await self._session.execute(sa.update(sessions).where(mine).values(revoked_at=now, revoked_why=reason))

    def _of(self) -> Session:
        if self.presented is None:
            raise LookupError("there is no such token")
        return self.presented.session


class PostgresSessions:
    """Begins sessions and opens units of work around presented tokens.

    Args:
        lookup_key: As the accounts' one: a successful sign-in clears the failed attempts.
    """

    def __init__(self, database: Database, *, lookup_key: bytes) -> None:
        self._database = database
        self._hash = email_hasher(lookup_key)

    async def begin(self, session: Session, token: RefreshToken, *, email: str, upgraded_hash: str | None) -> None:
        """Store a session with its first token; sessions of the user that have ended by age go at the same time."""
        async with self._database.transaction(session.user_id) as unit:
            aged = sa.and_(sessions.c.user_id == session.user_id, sessions.c.expires_at < session.created_at)
            await unit.execute(sa.delete(sessions).where(aged))
            await unit.execute(
                sa.insert(sessions).values(
                    user_id=session.user_id,
                    session_id=session.session_id,
                    created_at=session.created_at,
                    expires_at=session.expires_at,
                )
            )
            await _store(unit, session, token, session.created_at)
            entry = login_lookup.c.email_hash == self._hash(email)
            failed = sa.and_(entry, login_lookup.c.failures > 0)
            await unit.execute(sa.update(login_lookup).where(failed).values(failures=0, failed_at=None))
            if upgraded_hash is not None:
                mine = users.c.user_id == session.user_id
                await unit.execute(sa.update(users).where(mine).values(password_hash=upgraded_hash))

    @asynccontextmanager
    async def unit(self, token: RefreshToken) -> AsyncIterator[PostgresSessionUnit]:
        """A unit of work around a presented token: two requests with tokens of one session take turns."""
        async with self._database.transaction(token.user_id) as session:
            presented = await _presented(session, token)
            user = await _user(session, token.user_id) if presented is not None else None
            yield PostgresSessionUnit(session, token, user, presented)


async def _store(unit: AsyncSession, session: Session, token: RefreshToken, now: datetime) -> None:
    await unit.execute(
        sa.insert(refresh_tokens).values(
            user_id=session.user_id, token_hash=token.hash, session_id=session.session_id, issued_at=now
        )
    )


async def _presented(session: AsyncSession, token: RefreshToken) -> Presented | None:
    successor = refresh_tokens.alias("successor")
    mine = sa.and_(refresh_tokens.c.user_id == token.user_id, refresh_tokens.c.token_hash == token.hash)
    family = (await session.execute(sa.select(refresh_tokens.c.session_id).where(mine))).scalar_one_or_none()
    if family is None:
        return None
    # The session is locked first and the token read afterwards: the second of two sees what the first has done.
    of = sa.and_(sessions.c.user_id == token.user_id, sessions.c.session_id == family)
    head = (await session.execute(sa.select(sessions).where(of).with_for_update())).mappings().one()
    follows = sa.and_(
        successor.c.user_id == refresh_tokens.c.user_id, successor.c.token_hash == refresh_tokens.c.successor_hash
    )
    row = (
        await session.execute(
            sa.select(refresh_tokens.c.used_at, successor.c.used_at.label("successor_used_at"))
            .select_from(refresh_tokens.outerjoin(successor, follows))
            .where(mine)
        )
    ).one()
    return Presented(
        session=Session(
            session_id=head["session_id"],
            user_id=UserId(head["user_id"]),
            created_at=head["created_at"],
            expires_at=head["expires_at"],
            revoked_at=head["revoked_at"],
        ),
        used_at=row.used_at,
        successor_used=row.successor_used_at is not None,
    )


async def _user(session: AsyncSession, user_id: UserId) -> User | None:
    row = (await session.execute(sa.select(users).where(users.c.user_id == user_id))).mappings().one_or_none()
    return user_of(row) if row is not None else None
