"""The reconciler's ports `Desk` and `Agenda` in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from uuid import UUID

from kit.memory_house import House, Transaction
from kit.memory_reconciler_work import MemoryWork
from reconciler.application.ports import Work
from reconciler.domain.announcements import Announcement, JobTold
from reconciler.domain.books import Account
from reconciler.domain.slots import derived_id
from reconciler.domain.tracking import ActivePosition

Announce = Callable[[Transaction, Sequence[Announcement]], Awaitable[None]]


async def to_nobody(_: Transaction, __: Sequence[Announcement]) -> None:
    """Announces nothing."""


class MemoryDesk:
    """The port `Desk`.

    Args:
        announce: Puts what was told into the outbox of the same transaction.
    """

    def __init__(self, house: House, announce: Announce = to_nobody) -> None:
        self.house = house
        self._announce = announce

    def work(self, user_id: UUID) -> AbstractAsyncContextManager[Work]:
        """One unit of work: commits at the end, rolls back on any error."""
        return self._open(user_id)

    @asynccontextmanager
    async def _open(self, user_id: UUID) -> AsyncIterator[Work]:
        with self.house.transaction(user_id) as transaction:
            work = MemoryWork(transaction)
            yield work
            await self._announce(transaction, work.told)
            transaction.commit()


class MemoryAgenda:
    """The port `Agenda`."""

    def __init__(self, house: House, announce: Announce = to_nobody) -> None:
        self._house = house
        self._announce = announce

    async def come_back(self, account: Account, *, due: datetime) -> datetime:
        """Note that an account is due, no later than `due`; when it is."""
        with self._house.transaction() as transaction:
            agenda = transaction.everybodys("agenda")
            known: tuple[datetime, Account] | None = agenda.get(account.account_id)
            earliest = due if known is None else min(due, known[0])
            agenda.put(account.account_id, (earliest, account if known is None else known[1]))
            transaction.commit()
        return earliest

    async def due_jobs(self, now: datetime, *, limit: int) -> int:
        """Turn accounts that are due into jobs; the number of them."""
        with self._house.transaction() as transaction:
            agenda = transaction.everybodys("agenda")
            waiting: list[tuple[datetime, Account]] = sorted(agenda, key=lambda row: (row[0], row[1].account_id))
            taken = [row for row in waiting if row[0] <= now][:limit]
            jobs = [
                JobTold(
                    account=account,
                    reason="execution",
                    slot=due,
                    event_id=derived_id("due", account.account_id, due.isoformat()),
                )
                for due, account in taken
            ]
            for _, account in taken:
                agenda.put(account.account_id, None)
            await self._announce(transaction, jobs)
            transaction.commit()
        return len(taken)

    async def post_jobs(self, jobs: Sequence[JobTold]) -> None:
        """Hand out jobs, all or none."""
        await self._post(jobs)

    async def post(self, announcement: Announcement) -> None:
        """Say something that is nobody's in particular."""
        await self._post([announcement])

    async def _post(self, announcements: Sequence[Announcement]) -> None:
        with self._house.transaction() as transaction:
            await self._announce(transaction, announcements)
            transaction.commit()

    async def active(self, *, after: ActivePosition | None, limit: int) -> Sequence[ActivePosition]:
        """Positions to be re-valued, by user and id."""
        with self._house.transaction() as transaction:
            found: list[ActivePosition] = list(transaction.everybodys("active_positions"))
        found.sort(key=lambda row: (row.user_id, row.position_id))
        begin = (after.user_id, after.position_id) if after else None
        return [row for row in found if begin is None or (row.user_id, row.position_id) > begin][:limit]
