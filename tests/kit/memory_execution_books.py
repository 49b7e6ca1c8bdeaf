"""Execution's ports `Books` and `DeskRegister` in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from execution.application.book_ports import UnstorableError
from execution.application.ports import Account, DeskLease, DeskNeed
from execution.application.told import Told
from execution.domain.position import Run
from kit.memory_execution_work import DeskRow, MemoryWork
from kit.memory_house import BrokenRuleError, House, Transaction
from shared.trading.clock import Clock

Announce = Callable[[Transaction, Sequence[tuple[Told, Run | None]]], Awaitable[None]]


async def to_nobody(_: Transaction, __: Sequence[tuple[Told, Run | None]]) -> None:
    """Announces nothing."""


class MemoryBooks:
    """The port `Books`.

    Args:
        announce: Puts what was told into the outbox of the same transaction.
    """

    def __init__(self, house: House, announce: Announce = to_nobody) -> None:
        self.house = house
        self._announce = announce

    @asynccontextmanager
    async def work(self, user_id: UUID) -> AsyncIterator[MemoryWork]:
        """One unit of work: commits at the end, rolls back on any error."""
        with self.house.transaction(user_id) as transaction:
            try:
                work = MemoryWork(transaction)
                yield work
                await self._announce(transaction, work.told)
                transaction.commit()
            except BrokenRuleError as error:
                raise UnstorableError(str(error)) from error


class MemoryDeskRegister:
    """The port `DeskRegister`: leases by the clock that is given."""

    def __init__(self, house: House, clock: Clock, *, lease: timedelta) -> None:
        self._house = house
        self._clock = clock
        self._lease = lease

    async def claim(self, holder: str, *, limit: int, serving: Collection[UUID] = ()) -> Sequence[DeskLease]:
        """Take accounts that need a desk and have none."""
        now = self._clock.now()
        with self._house.transaction() as transaction:
            desks = transaction.everybodys("desks")
            free = [
                desk
                for desk in desks
                if (desk.work or desk.watch_until > now)
                and desk.leased_until < now
                and desk.account.account_id not in serving
            ]
            free.sort(key=lambda desk: (not desk.work, desk.leased_until))
            taken = [
                replace(desk, holder=holder, fence=desk.fence + 1, leased_until=now + self._lease)
                for desk in free[:limit]
            ]
            for desk in taken:
                desks.put(desk.account.account_id, desk)
            transaction.commit()
        return [DeskLease(account=desk.account, fence=desk.fence) for desk in taken]

    async def renew(self, lease: DeskLease, holder: str) -> DeskNeed:
        """Keep a desk, and learn whether it is still needed."""
        now = self._clock.now()
        desk = self._change(lease, holder, leased_until=now + self._lease)
        if desk is None:
            return DeskNeed.LOST
        if desk.work:
            return DeskNeed.WORK
        return DeskNeed.WATCH if desk.watch_until > now else DeskNeed.NONE

    async def release(self, lease: DeskLease, holder: str) -> None:
        """Give a desk back."""
        self._change(lease, holder, holder=None, leased_until=self._clock.now())

    def _change(self, lease: DeskLease, mine: str, **changes: Any) -> DeskRow | None:
        with self._house.transaction() as transaction:
            desks = transaction.everybodys("desks")
            desk: DeskRow | None = desks.get(lease.account.account_id)
            if desk is None or desk.holder != mine or desk.fence != lease.fence:
                return None
            changed = replace(desk, **changes)
            desks.put(lease.account.account_id, changed)
            transaction.commit()
            return changed

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts that ever had a position, by id."""
        with self._house.transaction() as transaction:
            found = [desk.account for desk in transaction.everybodys("desks") if desk.traded]
        found.sort(key=lambda account: account.account_id)
        return [account for account in found if after is None or account.account_id > after][:limit]
