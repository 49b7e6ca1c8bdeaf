"""PostgreSQL: one unit of work is one transaction, in which row-level security knows the user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from shared.runtime.unit import COMMAND_S, ServerGone, Unit, UnitPool, not_now
from shared.trading.errors import Unavailable

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints: `MetaData(schema=…, naming_convention=NAMING)`."""

USER_SETTING = "app.user_id"
_SET_USER = text(f"select set_config('{USER_SETTING}', :user_id, true)")
_CONNECT_S = 5
_SERVER_SETTINGS = {"timezone": "UTC", "statement_timeout": "20000", "lock_timeout": "10000"}
_UNIT_SETTINGS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
"""Units run few statements again and again, without optional parts (`statement.py`): planning one that writes five tables
anew for each call costs the server as much as running it."""
_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


class DatabaseUnavailable(Unavailable):
    """The service's own database does not answer: consumers stop fetching instead of giving messages back."""

    code = "database_unavailable"
    title = "Our database does not answer; nothing was changed"


class Database:
    """The pool of one service.

    Args:
        dsn: `postgresql://role:password@host:port/database`.
        pool_size: Connections kept; half as many more may be opened for a moment.
        ready: Connections for units that `open` opens and that are kept, and no others: for a service whose callers
            count milliseconds. By default units open up to `pool_size` as they need them.
    """

    def __init__(self, dsn: str, *, pool_size: int = 10, ready: int = 0) -> None:
        url = make_url(dsn).set(drivername="postgresql+asyncpg")
        settings = {**_SERVER_SETTINGS, "application_name": url.username or "basketry"}
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=max(1, pool_size // 2),
            pool_timeout=5,
            hide_parameters=True,
            connect_args={
                "timeout": _CONNECT_S,
                "command_timeout": COMMAND_S,
                "server_settings": settings,
            },
        )
        self._units = UnitPool(
            dsn,
            size=ready or pool_size,
            settings={**settings, **_UNIT_SETTINGS},
            patience_s=_CONNECT_S,
            kept=bool(ready),
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(
        self, user_id: UUID | None = None, *, one_moment: bool = False
    ) -> AsyncIterator[AsyncSession]:
        """One unit of work: commits at the end, rolls back on any error.

        Args:
            user_id: Whose rows it may see and write; None sees no user's rows at all.
            one_moment: Every statement sees the rows as they were at the first (REPEATABLE READ): for reads of several
                tables that must fit together. Else a position may be told with legs of the run that came after it.

        Raises:
            DatabaseUnavailable: the connection was refused or lost; after a loss at the very end the outcome may be
                either, so a retry must be idempotent.
        """
        try:
            session = await self._begin(user_id, one_moment=one_moment)
        except Exception as error:
            if is_lost_connection(error) or isinstance(error, (PoolTimeout, OSError, TimeoutError)):
                raise _unavailable(error) from error
            raise
        try:
            yield session
            await session.commit()
        except Exception as error:
            await _abandon(session)
            if is_lost_connection(error) or _not_now(error):
                raise _unavailable(error) from error
            raise
        finally:
            # Also when cancelled: the rest of a transaction must not stay on a pooled connection.
            await asyncio.shield(session.close())

    @asynccontextmanager
    async def unit(self, user_id: UUID | None = None) -> AsyncIterator[Unit]:
        """The same promise as `transaction`, on asyncpg itself and several times cheaper: see `statement.py`.

        Raises:
            DatabaseUnavailable: as for `transaction`.
        """
        try:
            async with self._units.unit(user_id) as unit:
                yield unit
        except ServerGone as gone:
            raise _unavailable(gone.__cause__ or gone) from gone

    async def open(self) -> None:
        """Open what is kept ready; without a database nothing happens, and the first unit tries again."""
        with suppress(ServerGone):
            await self._units.open()

    async def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            DatabaseUnavailable: it gave none.
        """
        async with self.transaction() as session:
            await session.execute(text("select 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._units.close()
        await self._engine.dispose()

    async def _begin(self, user_id: UUID | None, *, one_moment: bool) -> AsyncSession:
        """The first statement finds out whether a pooled connection is still alive: once more is safe here."""
        try:
            return await self._open(user_id, one_moment=one_moment)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return await self._open(user_id, one_moment=one_moment)

    async def _open(self, user_id: UUID | None, *, one_moment: bool) -> AsyncSession:
        session = self._sessions()
        try:
            if one_moment:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            # Set in every transaction, empty where there is no user: a leftover can never speak for somebody.
            await session.execute(_SET_USER, {"user_id": str(user_id) if user_id else ""})
        except BaseException:
            await asyncio.shield(session.close())
            raise
        return session


async def _abandon(session: AsyncSession) -> None:
    try:
        await session.rollback()
    except (DBAPIError, OSError, *_GONE):
        # The connection is gone, and with it the transaction; the first error is the one to tell.
        await session.invalidate()


def _unavailable(error: BaseException) -> DatabaseUnavailable:
    return DatabaseUnavailable(context={"cause": type(error).__name__})


def _not_now(error: Exception) -> bool:
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else None
    return cause is not None and not_now(cause)


def is_lost_connection(error: BaseException) -> bool:
    """Whether an error says that PostgreSQL is away, as opposed to refusing a statement."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return bool(error.connection_invalidated) or isinstance(cause, _GONE)
    return isinstance(error, _GONE)
