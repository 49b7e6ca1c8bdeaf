"""The five-minute tick, and the jobs that come of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.application.ports import Agenda, BookKeeper
from reconciler.domain.announcements import JobTold, TickTold
from reconciler.domain.slots import derived_id, slot_of
from shared.trading.clock import Clock

PAGE = 200


class Announce:
    """Says when it is time, and for whom.

    Args:
        slot_s: Length of a slot: 300 is `*/5`.
    """

    def __init__(self, *, agenda: Agenda, keeper: BookKeeper, clock: Clock, slot_s: float = 300.0) -> None:
        self._agenda = agenda
        self._keeper = keeper
        self._clock = clock
        self._slot_s = slot_s

    def slot(self) -> datetime:
        """The current slot."""
        return slot_of(self._clock.now(), length_s=self._slot_s)

    async def tick(self) -> datetime:
        """Tell the current slot; two tickers tell the same message. Returns the slot."""
        slot = self.slot()
        await self._agenda.post(TickTold(slot=slot, event_id=derived_id("tick", slot.isoformat())))
        return slot

    def until_next_s(self) -> float:
        """Seconds until the next slot begins."""
        now = self._clock.now()
        return self._slot_s - (now - slot_of(now, length_s=self._slot_s)).total_seconds()

    async def hand_out(self, slot: datetime) -> int:
        """One job per account with something to compare, page by page; the number of jobs."""
        count = 0
        after: UUID | None = None
        while page := await self._keeper.accounts(after=after, limit=PAGE):
            await self._agenda.post_jobs(
                [
                    JobTold(
                        account=account,
                        reason="tick",
                        slot=slot,
                        event_id=derived_id("job", slot.isoformat(), account.account_id),
                    )
                    for account in page
                ]
            )
            count += len(page)
            after = page[-1].account_id
        return count
