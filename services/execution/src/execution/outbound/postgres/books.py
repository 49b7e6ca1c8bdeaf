"""Opens transactions of execution's books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from execution.application.book_ports import UnstorableError
from execution.outbound.postgres.announcements import Announcer
from execution.outbound.postgres.work import PostgresWork
from shared.runtime.database import Database


class PostgresBooks:
    """The port `Books`."""

    def __init__(self, database: Database, announcer: Announcer) -> None:
        self._database = database
        self._announcer = announcer

    @asynccontextmanager
    async def work(self, user_id: UUID) -> AsyncIterator[PostgresWork]:
        """One unit of work; what was told enters the outbox with it."""
        try:
            async with self._database.transaction(user_id) as session:
                work = PostgresWork(session)
                yield work
                await self._announcer.announce(session, work.told)
        except DBAPIError as error:
            if _refuses_values(error):
                raise UnstorableError(str(error.orig)) from error
            raise


def _refuses_values(error: DBAPIError) -> bool:
    cause = error.orig.__cause__ if error.orig is not None else None
    return isinstance(cause, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError | ValueError)
