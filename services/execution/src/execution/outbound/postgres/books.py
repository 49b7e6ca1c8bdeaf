"""Opens transactions of execution's books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

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
            async with self._database.unit(user_id) as unit:
                work = PostgresWork(unit)
                yield work
                await work.finish(self._announcer)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise UnstorableError(str(error)) from error
