"""The agenda on PostgreSQL: ids only, claimed without knowing whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from reconciler.domain.announcements import Announcement, JobTold
from reconciler.domain.books import Account
from reconciler.domain.slots import derived_id
from reconciler.domain.tracking import ActivePosition
from reconciler.outbound.postgres.desk import add_to
from reconciler.outbound.postgres.tables import active_position, agenda
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox


class PostgresAgenda:
    """Work to be done.

    Args:
        outbox: Of this service.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def come_back(self, account: Account, *, due: datetime) -> None:
        """Note that an account is due, no later than `due`."""
        async with self._database.transaction() as session:
            await _note(session, account, due)

    async def due_jobs(self, now: datetime, *, limit: int) -> int:
        """Turn accounts that are due into jobs; replicas pass over each other's rows."""
        chosen = (
            sa.select(agenda.c.account_id)
            .where(agenda.c.due <= now)
            .order_by(agenda.c.due)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as session:
            taken = sa.delete(agenda).where(agenda.c.account_id.in_(chosen)).returning(agenda)
            rows = (await session.execute(taken)).mappings().all()
            for row in rows:
                account = Account(user_id=row["user_id"], account_id=row["account_id"], environment=row["environment"])
                event_id = derived_id("due", account.account_id, row["due"].isoformat())
                job = JobTold(account=account, reason="execution", slot=row["due"], event_id=event_id)
                await add_to(self._outbox, session, job)
            return len(rows)

    async def post_jobs(self, jobs: Sequence[JobTold]) -> None:
        """Hand out jobs, all or none."""
        async with self._database.transaction() as session:
            for job in jobs:
                await add_to(self._outbox, session, job)

    async def post(self, announcement: Announcement) -> None:
        """Say something that is nobody's in particular."""
        async with self._database.transaction() as session:
            await add_to(self._outbox, session, announcement)

    async def active(self, *, after: ActivePosition | None, limit: int) -> Sequence[ActivePosition]:
        """Positions to be re-valued, by user and id."""
        query = sa.select(active_position).order_by(active_position.c.user_id, active_position.c.position_id)
        if after is not None:
            here = sa.tuple_(active_position.c.user_id, active_position.c.position_id)
            query = query.where(here > sa.tuple_(sa.literal(after.user_id), sa.literal(after.position_id)))
        async with self._database.transaction() as session:
            rows = (await session.execute(query.limit(limit))).mappings().all()
        return [
            ActivePosition(position_id=row["position_id"], user_id=row["user_id"], environment=row["environment"])
            for row in rows
        ]


async def _note(session: AsyncSession, account: Account, due: datetime) -> None:
    row = insert(agenda).values(
        account_id=account.account_id, user_id=account.user_id, environment=account.environment, due=due
    )
    earlier = sa.func.least(agenda.c.due, row.excluded.due)
    await session.execute(row.on_conflict_do_update(index_elements=[agenda.c.account_id], set_={"due": earlier}))
