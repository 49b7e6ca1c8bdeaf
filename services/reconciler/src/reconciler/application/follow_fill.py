"""A fill was booked: its account is to be compared soon."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.application.ports import Agenda, Desk


class FollowFill:
    """Finds the account of a fill and makes it due."""

    def __init__(self, *, desk: Desk, agenda: Agenda) -> None:
        self._desk = desk
        self._agenda = agenda

    async def follow(self, user_id: UUID, position_id: UUID, *, due: datetime) -> None:
        """A position that is not known yet is left to its own event, which follows."""
        async with self._desk.work(user_id) as work:
            found = await work.tracked(position_ids=[position_id])
        for tracked in found:
            await self._agenda.come_back(tracked.book.account, due=due)
