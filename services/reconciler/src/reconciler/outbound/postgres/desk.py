"""Units of work of one user on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

from reconciler.application.ports import Work
from reconciler.domain.announcements import Announcement, Break, PnlPoint
from reconciler.domain.books import Account, PositionBook
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import AccountProgress, Tracked
from reconciler.outbound.messages import message_of
from reconciler.outbound.postgres import break_rows, flow_rows, position_rows
from reconciler.outbound.postgres.tables import inbox
from shared.runtime.database import Database
from shared.runtime.inbox import first_delivery_in, first_delivery_statement
from shared.runtime.outbox import Outbox
from shared.runtime.unit import Unit

_FIRST_DELIVERY = first_delivery_statement(inbox)


class PostgresWork:
    """One transaction; what is told leaves at its end, all in one statement, and so does what is remembered of it."""

    def __init__(self, unit: Unit, user_id: UUID) -> None:
        self._unit = unit
        self._user_id = user_id
        self._tracked: list[Tracked] = []
        self._told: list[Announcement] = []

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        """False when the message was handled before."""
        return await first_delivery_in(self._unit, _FIRST_DELIVERY, consumer, message_id)

    async def tracked(self, *, position_ids: Collection[UUID], skip_busy: bool = False) -> list[Tracked]:
        """Positions, locked until the end of the transaction."""
        await self._save_tracking()
        return await position_rows.load_tracked(self._unit, position_ids, skip_busy=skip_busy)

    async def save_book(self, book: PositionBook) -> None:
        """Keep a position's book, unless a newer one is there."""
        await position_rows.save_book(self._unit, book)

    async def save_tracking(self, tracked: Tracked) -> None:
        """Keep what was told about a position."""
        self._tracked.append(tracked)

    async def keep_point(self, point: PnlPoint, *, replace: bool) -> None:
        """Keep a P&L point."""
        await position_rows.keep_point(self._unit, self._user_id, point, replace=replace)

    async def note_run(self, position_id: UUID, kind: str, legs: Sequence[LegResult]) -> None:
        """Keep what kind of run a position's newest one is, and what its legs came to."""
        await flow_rows.note_run(self._unit, self._user_id, position_id, kind, legs)

    async def add_flow(self, flow: Flow, moved: Sequence[Moved]) -> None:
        """Keep what crossed a position's border."""
        await flow_rows.add_flow(self._unit, self._user_id, flow, moved)

    async def held_still(self, position_id: UUID) -> Sequence[HeldStill]:
        """The basket that is never rebalanced."""
        return await flow_rows.held_still_of(self._unit, position_id)

    async def save_held_still(self, position_id: UUID, held: Sequence[HeldStill]) -> None:
        """Keep that basket."""
        await flow_rows.save_held_still(self._unit, self._user_id, position_id, held)

    async def progress(self, account: Account) -> AccountProgress:
        """How far the account was compared."""
        return await break_rows.load_progress(self._unit, account)

    async def save_progress(self, account: Account, progress: AccountProgress) -> None:
        """Keep how far the account was compared."""
        await break_rows.save_progress(self._unit, account, progress)

    async def breaks(self, account: Account) -> list[Break]:
        """The account's breaks."""
        return await break_rows.load_breaks(self._unit, account)

    async def save_breaks(self, entries: Iterable[Break]) -> None:
        """Keep new and changed breaks."""
        await break_rows.save_breaks(self._unit, entries)

    async def tell(self, announcement: Announcement) -> None:
        """Say it, when the transaction commits."""
        self._told.append(announcement)

    async def finish(self, outbox: Outbox) -> None:
        """Write what was put off to the end."""
        await self._save_tracking()
        await outbox.record(self._unit, [message_of(told) for told in self._told])

    async def _save_tracking(self) -> None:
        tracked, self._tracked = self._tracked, []
        await position_rows.save_tracking(self._unit, tracked)


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
        async with self._database.unit(user_id) as unit:
            work = PostgresWork(unit, user_id)
            yield work
            await work.finish(self._outbox)
