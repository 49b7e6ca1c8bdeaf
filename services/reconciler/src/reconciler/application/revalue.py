"""Between comparisons: values active positions on quotes, page by page, without asking the venue or execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import UUID

from reconciler.application.appraise import appraise, marks_of
from reconciler.application.ports import Agenda, Desk, Market
from reconciler.domain.books import VALUED
from reconciler.domain.deviation import Band
from reconciler.domain.tracking import ActivePosition
from reconciler.domain.valuation import Mark, Source
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment

PAGE = 200
Marks = Mapping[VenueEnvironment, Mapping[str, Mark]]


class Revalue:
    """One pass over all active positions; memory holds one page at a time."""

    def __init__(self, *, agenda: Agenda, desk: Desk, market: Market, clock: Clock, band: Band) -> None:
        self._agenda = agenda
        self._desk = desk
        self._market = market
        self._clock = clock
        self._band = band

    async def run_once(self) -> int:
        """Value every active position; the number of those that were told."""
        told = 0
        after: ActivePosition | None = None
        while page := await self._agenda.active(after=after, limit=PAGE):
            marks = await self._marks({entry.environment for entry in page})
            for user_id, positions in groupby(page, key=lambda entry: entry.user_id):
                told += await self._user(user_id, list(positions), marks)
            after = page[-1]
        return told

    async def _user(self, user_id: UUID, positions: Sequence[ActivePosition], marks: Marks) -> int:
        told = 0
        ids = [entry.position_id for entry in positions]
        async with self._desk.work(user_id) as work:
            for tracked in await work.tracked(position_ids=ids, skip_busy=True):
                if tracked.book.status not in VALUED:
                    continue
                known = marks[tracked.book.account.environment]
                now = self._clock.now()
                told += await appraise(work, tracked, known, now=now, source=Source.REVALUATION, band=self._band)
        return told

    async def _marks(self, environments: set[VenueEnvironment]) -> Marks:
        """All quotes of an environment are asked once per page: cheaper than once per position."""
        return {
            environment: marks_of(await self._market.quotes(environment, ()), self._clock.now())
            for environment in environments
        }
