"""Execution trades on an account: it is to be compared soon, and while it trades nobody is asked about it."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from reconciler.application.ports import Agenda, Desk
from reconciler.application.refresh_books import RunNote
from reconciler.domain.books import Account
from shared.trading.clock import Clock

REMEMBERED = 10_000


class FollowTrading:
    """Makes accounts due, once for all that happens before the comparison.

    A basket of twenty legs is a burst of events; one line on the agenda answers them all.

    Args:
        debounce: From the first event to the comparison.
    """

    def __init__(self, *, desk: Desk, agenda: Agenda, clock: Clock, debounce: timedelta) -> None:
        self._desk = desk
        self._agenda = agenda
        self._clock = clock
        self._debounce = debounce
        self._due: OrderedDict[UUID, datetime] = OrderedDict()

    async def account(self, account: Account) -> None:
        """Something changed on an account."""
        if self._is_due(account.account_id):
            return
        self._due[account.account_id] = await self._agenda.come_back(account, due=self._clock.now() + self._debounce)
        self._due.move_to_end(account.account_id)
        while len(self._due) > REMEMBERED:
            self._due.popitem(last=False)

    async def started(self, account: Account, position_id: UUID, run: RunNote) -> None:
        """A run began: its kind says whether its money crosses the position's border."""
        async with self._desk.work(account.user_id) as work:
            await work.note_run(position_id, run.kind, run.legs)
        await self.account(account)

    async def fills(self, user_id: UUID, account_id: UUID, position_id: UUID) -> None:
        """Matches were booked; a position that is not known yet has made its account due by its own event."""
        if self._is_due(account_id):
            return
        async with self._desk.work(user_id) as work:
            found = await work.tracked(position_ids=[position_id])
        for tracked in found:
            await self.account(tracked.book.account)

    def _is_due(self, account_id: UUID) -> bool:
        """Whether the line still stands: whatever is committed by now is seen by the comparison.

        A quarter of the time is kept for replicas whose clocks run ahead and take the line earlier.
        """
        due = self._due.get(account_id)
        return due is not None and self._clock.now() < due - self._debounce / 4
