"""A transaction on asyncpg itself, for the paths on which every millisecond counts (ADR 11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

_END_S = 5.0
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # What the driver says when the server's farewell came while nothing was asked.
    asyncpg.InternalClientError,
)
_BROKEN = (*_AWAY, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_PASSING = ("25006", "40", "53", "55P03", "57014")
"""SQLSTATEs of a server that cannot do it now: read-only, conflict, out of resources, lock or statement time-out."""
IDLE_S = 300.0
"""A connection that is not kept is closed after so long without work."""
_REPLANNED = asyncpg.InvalidCachedStatementError
"""A migration changed what a prepared statement answers: the driver has forgotten it, and the next try prepares it anew."""
COMMAND_S = 25.0
"""Beyond the server's own statement_timeout: a server that has gone silent is given up."""


class ServerGone(Exception):
    """PostgreSQL is away or cannot serve now, as opposed to refusing a statement; the cause says how it showed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One transaction; `connection` is asyncpg's and knows the user."""

    connection: Any


class _Bare(asyncpg.Connection):
    """Every setting of ours ends with its transaction: nothing has to be reset when a connection goes back."""

    def get_reset_query(self) -> str:
        return ""


class UnitPool:
    """Connections of one role, opened when they are first needed.

    Args:
        dsn: `postgresql://role:password@host:port/database`.
        size: Connections at most; who finds none waits `patience_s` at most.
        settings: Server settings of every connection.
        command_s: A statement without an answer for so long is given up, and its connection with it.
        kept: All are opened with the first and stay open. Each new one costs its process 15 ms and more (SCRAM), and a
            burst that finds too few of them opens the rest just then.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int,
        settings: dict[str, str],
        patience_s: float = 5.0,
        command_s: float = COMMAND_S,
        kept: bool = False,
    ) -> None:
        self._dsn = dsn
        self._size = size
        self._settings = settings
        self._patience_s = patience_s
        self._command_s = command_s
        self._kept = kept
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def unit(self, user_id: UUID | None) -> AsyncIterator[Unit]:
        """One transaction; commits at the end, rolls back on any error.

        Raises:
            ServerGone: it cannot be reached, was lost, cannot serve now, or all connections stay busy.
            asyncpg.PostgresError: it refuses a statement.
        """
        pool, connection = await self._begun(user_id)
        try:
            yield Unit(connection)
            await connection.execute("commit")
        except (*_BROKEN, TimeoutError) as error:
            gone = not_now(error) or _lost(connection)
            await asyncio.shield(_end(connection))
            if gone:
                raise ServerGone from error
            raise
        except BaseException:
            await asyncio.shield(_end(connection))
            raise
        finally:
            await asyncio.shield(_give_back(pool, connection))

    async def open(self) -> None:
        """Open what is kept before anybody waits for it.

        Raises:
            ServerGone: it cannot be reached; the first unit will try again.
        """
        try:
            await self._opened()
        except (*_AWAY, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise ServerGone from error

    async def close(self) -> None:
        """Give all connections back; one that is still used is cut."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(_END_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    async def _opened(self) -> asyncpg.Pool[Any]:
        if self._pool is not None:
            return self._pool
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=self._size if self._kept else 0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=0.0 if self._kept else IDLE_S,
                    connection_class=_Bare,
                    timeout=self._patience_s,
                    command_timeout=self._command_s,
                    server_settings=self._settings,
                )
        return self._pool

    async def _begun(self, user_id: UUID | None) -> tuple[asyncpg.Pool[Any], Any]:
        """A connection whose transaction knows its user: a leftover can never speak for somebody.

        The first statement finds out whether a pooled connection still lives; another is safe here, and after a
        restart of the server all that are pooled are dead.
        """
        try:
            pool = await self._opened()
            for _ in range(self._size + 1):
                if connection := await self._begin(pool, user_id):
                    return pool, connection
        except (*_AWAY, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise ServerGone from error
        raise ServerGone

    async def _begin(self, pool: asyncpg.Pool[Any], user_id: UUID | None) -> Any:
        """None when the connection turned out to be dead."""
        connection: Any = await pool.acquire(timeout=self._patience_s)
        try:
            await connection.execute(f"begin; select set_config('app.user_id', '{user_id or ''}', true)")
        except BaseException as error:
            dead = isinstance(error, _BROKEN) and (isinstance(error, _AWAY) or _lost(connection))
            _cut(connection)
            await asyncio.shield(_give_back(pool, connection))
            if dead:
                return None
            raise
        return connection


def _lost(connection: Any) -> bool:
    """A connection that dies while it is lent is taken from its borrower by asyncpg's pool: it answers nothing more."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def _cut(connection: Any) -> None:
    if not _lost(connection):
        connection.terminate()


async def _end(connection: Any) -> None:
    """Roll back; a connection that cannot is cut, and its transaction with it."""
    try:
        if not _lost(connection) and connection.is_in_transaction():
            async with asyncio.timeout(_END_S):
                await connection.execute("rollback")
    except (*_BROKEN, TimeoutError):
        _cut(connection)


async def _give_back(pool: asyncpg.Pool[Any], connection: Any) -> None:
    """Its own trouble never takes the place of what happened before: asyncpg cuts what it cannot take back."""
    try:
        await pool.release(connection, timeout=_END_S)
    except (*_BROKEN, TimeoutError):
        _cut(connection)


def not_now(error: BaseException) -> bool:
    """Whether an error says that PostgreSQL is away or cannot serve at this moment, as opposed to refusing."""
    if isinstance(error, (*_AWAY, _REPLANNED, OSError, TimeoutError)):
        return True
    state = getattr(error, "sqlstate", None) if isinstance(error, asyncpg.PostgresError) else None
    return state is not None and str(state).startswith(_PASSING)
