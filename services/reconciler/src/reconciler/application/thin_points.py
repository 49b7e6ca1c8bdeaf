"""Thins P&L points with their age, so that ten years of a position are some thousand rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from reconciler.domain.ages import Ages, ages_at
from shared.trading.clock import Clock

AT_ONCE = 50


class ThinningList(Protocol):
    """Which positions have points to thin, ids only."""

    async def due(self, now: datetime, *, limit: int, again: datetime) -> list[tuple[UUID, UUID]]:
        """User and position of those that are due, oldest first; they are due again at `again`."""
        ...

    async def thin(self, user_id: UUID, position_id: UUID, ages: Ages) -> int:
        """Take what its age no longer needs; the number of points that went."""
        ...

    async def done(self, user_id: UUID, position_id: UUID, *, before: datetime) -> bool:
        """Forget a position whose youngest point is older than `before`: nothing will thin any more."""
        ...


class ThinPoints:
    """One pass over the positions that are due.

    Args:
        every: A position is thinned again after this long.
    """

    def __init__(self, *, shelf: ThinningList, clock: Clock, every: timedelta = timedelta(hours=6)) -> None:
        self._shelf = shelf
        self._clock = clock
        self._every = every

    async def run_once(self) -> int:
        """Thin what is due; the number of positions that were looked at."""
        now = self._clock.now()
        found = await self._shelf.due(now, limit=AT_ONCE, again=now + self._every)
        ages = ages_at(now)
        for user_id, position_id in found:
            await self._shelf.thin(user_id, position_id, ages)
            await self._shelf.done(user_id, position_id, before=ages.hours_since - timedelta(days=1))
        return len(found)
