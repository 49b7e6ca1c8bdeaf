"""The agenda on PostgreSQL: ids only, claimed without knowing whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from reconciler.domain.announcements import Announcement, JobTold
from reconciler.domain.books import Account
from reconciler.domain.slots import derived_id
from reconciler.domain.tracking import ActivePosition
from reconciler.outbound.messages import message_of
from reconciler.outbound.postgres.tables import ID, MOMENT, active_position, agenda
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.runtime.statement import Statement
from shared.trading.status import VenueEnvironment


def _note() -> Statement:
    names = ("account_id", "user_id", "environment", "due")
    row = insert(agenda).values({name: sa.bindparam(name, type_=agenda.c[name].type) for name in names})
    earlier = sa.func.least(agenda.c.due, row.excluded.due)
    noted = row.on_conflict_do_update(index_elements=[agenda.c.account_id], set_={"due": earlier})
    return Statement(noted.returning(agenda.c.due))


def _take() -> Statement:
    """Replicas pass over each other's rows."""
    chosen = (
        sa.select(agenda.c.account_id)
        .where(agenda.c.due <= sa.bindparam("now", type_=MOMENT))
        .order_by(agenda.c.due)
        .limit(sa.bindparam("most", type_=sa.BigInteger))
        .with_for_update(skip_locked=True)
    )
    return Statement(sa.delete(agenda).where(agenda.c.account_id.in_(chosen)).returning(agenda))


_NOTE = _note()
_TAKE = _take()
_ACTIVE = Statement(
    sa.select(active_position)
    .where(
        sa.tuple_(active_position.c.user_id, active_position.c.position_id)
        > sa.tuple_(sa.bindparam("after_user", type_=ID), sa.bindparam("after_position", type_=ID))
    )
    .order_by(active_position.c.user_id, active_position.c.position_id)
    .limit(sa.bindparam("most", type_=sa.BigInteger))
)
_NOBODY = UUID(int=0)


class PostgresAgenda:
    """Work to be done.

    Args:
        outbox: Of this service.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def come_back(self, account: Account, *, due: datetime) -> datetime:
        """Note that an account is due, no later than `due`; when it is."""
        async with self._database.unit() as unit:
            noted: datetime = await _NOTE.value(
                unit,
                account_id=account.account_id,
                user_id=account.user_id,
                environment=account.environment,
                due=due,
            )
            return noted

    async def due_jobs(self, now: datetime, *, limit: int) -> int:
        """Turn accounts that are due into jobs."""
        async with self._database.unit() as unit:
            rows = await _TAKE.rows(unit, now=now, most=limit)
            jobs = [
                JobTold(
                    account=Account(
                        user_id=row["user_id"],
                        account_id=row["account_id"],
                        environment=VenueEnvironment(row["environment"]),
                    ),
                    reason="execution",
                    slot=row["due"],
                    event_id=derived_id("due", row["account_id"], row["due"].isoformat()),
                )
                for row in rows
            ]
            await self._outbox.record(unit, [message_of(job) for job in jobs])
            return len(jobs)

    async def post_jobs(self, jobs: Sequence[JobTold]) -> None:
        """Hand out jobs, all or none."""
        async with self._database.unit() as unit:
            await self._outbox.record(unit, [message_of(job) for job in jobs])

    async def post(self, announcement: Announcement) -> None:
        """Say something that is nobody's in particular."""
        async with self._database.unit() as unit:
            await self._outbox.record(unit, [message_of(announcement)])

    async def active(self, *, after: ActivePosition | None, limit: int) -> Sequence[ActivePosition]:
        """Positions to be re-valued, by user and id."""
        async with self._database.unit() as unit:
            rows = await _ACTIVE.rows(
                unit,
                after_user=after.user_id if after else _NOBODY,
                after_position=after.position_id if after else _NOBODY,
                most=limit,
            )
        return [
            ActivePosition(
                position_id=row["position_id"],
                user_id=row["user_id"],
                environment=VenueEnvironment(row["environment"]),
            )
            for row in rows
        ]
