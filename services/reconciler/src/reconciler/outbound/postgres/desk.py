"""Units of work of one user on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from reconciler.application.ports import Work
from reconciler.domain.announcements import Announcement, Break, PnlPoint
from reconciler.domain.books import Account, PositionBook
from reconciler.domain.tracking import AccountProgress, Tracked
from reconciler.outbound.messages import message_of
from reconciler.outbound.postgres import break_rows, position_rows
from reconciler.outbound.postgres.tables import inbox
from shared.runtime.database import Database
from shared.runtime.inbox import first_delivery
from shared.runtime.outbox import Outbox


class PostgresWork:
    """One transaction."""

    def __init__(self, session: AsyncSession, user_id: UUID, outbox: Outbox) -> None:
        self._session = session
        self._user_id = user_id
        self._outbox = outbox

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        """False when the message was handled before."""
        return await first_delivery(self._session, inbox, consumer, message_id)

    async def tracked(self, *, position_ids: Collection[UUID], skip_busy: bool = False) -> list[Tracked]:
        """Positions, locked until the end of the transaction."""
        return await position_rows.load_tracked(self._session, position_ids, skip_busy=skip_busy)

    async def save_book(self, book: PositionBook) -> None:
        """Keep a position's book, unless a newer one is there."""
        await position_rows.save_book(self._session, book)

    async def save_tracking(self, tracked: Tracked) -> None:
        """Keep what was told about a position."""
        await position_rows.save_tracking(self._session, tracked)

    async def keep_point(self, point: PnlPoint, *, replace: bool) -> None:
        """Keep a P&L point."""
        await position_rows.keep_point(self._session, self._user_id, point, replace=replace)

    async def progress(self, account: Account) -> AccountProgress:
        """How far the account was compared."""
        return await break_rows.load_progress(self._session, account)

    async def save_progress(self, account: Account, progress: AccountProgress) -> None:
        """Keep how far the account was compared."""
        await break_rows.save_progress(self._session, account, progress)

    async def breaks(self, account: Account) -> list[Break]:
        """The account's breaks."""
        return await break_rows.load_breaks(self._session, account)

    async def save_breaks(self, entries: Iterable[Break]) -> None:
        """Keep new and changed breaks."""
        await break_rows.save_breaks(self._session, entries)

    async def tell(self, announcement: Announcement) -> None:
        """Say it, when the transaction commits."""
        await add_to(self._outbox, self._session, announcement)


class PostgresDesk:
    """Opens units of work.

    Args:
        outbox: Of this service.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def work(self, user_id: UUID) -> AbstractAsyncContextManager[Work]:
        """One unit of work of one user."""
        return self._open(user_id)

    @asynccontextmanager
    async def _open(self, user_id: UUID) -> AsyncIterator[Work]:
        async with self._database.transaction(user_id) as session:
            yield PostgresWork(session, user_id, self._outbox)


async def add_to(outbox: Outbox, session: AsyncSession, announcement: Announcement) -> None:
    """Put an announcement into the outbox."""
    message = message_of(announcement)
    await outbox.add(
        session,
        message.data,
        user_id=message.user_id,
        entity_id=message.entity_id,
        aggregate_id=message.aggregate_id,
        aggregate_version=message.version,
        event_id=message.event_id,
    )
