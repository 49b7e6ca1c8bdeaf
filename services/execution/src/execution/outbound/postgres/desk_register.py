"""Leases of desks; times are the database's, so that replicas agree on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from execution.application.ports import Account, DeskLease, DeskNeed
from execution.outbound.postgres.tables import desk
from shared.runtime.database import Database

_NOW = sa.func.clock_timestamp()


class PostgresDeskRegister:
    """The port `DeskRegister` over table `desk`, which holds ids only.

    Args:
        lease: How long a desk is kept without renewal.
    """

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._database = database
        self._lease = lease

    async def claim(self, holder: str, *, limit: int, serving: Collection[UUID] = ()) -> Sequence[DeskLease]:
        """Take accounts that need a desk and have none; a late renewal of our own desk is not a reason to open two."""
        free = (
            sa.select(desk.c.account_id)
            .where(sa.or_(desk.c.work, desk.c.watch_until > _NOW), desk.c.leased_until < _NOW)
            .where(desk.c.account_id.not_in(serving))
            .order_by(desk.c.work.desc(), desk.c.leased_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        taken = (
            sa.update(desk)
            .where(desk.c.account_id.in_(free.scalar_subquery()))
            .values(holder=holder, fence=desk.c.fence + 1, leased_until=_NOW + self._lease)
            .returning(desk.c.account_id, desk.c.user_id, desk.c.environment, desk.c.fence)
        )
        async with self._database.transaction() as session:
            rows = (await session.execute(taken)).all()
        return [
            DeskLease(
                account=Account(user_id=row.user_id, account_id=row.account_id, environment=row.environment),
                fence=row.fence,
            )
            for row in rows
        ]

    async def renew(self, lease: DeskLease, holder: str) -> DeskNeed:
        """Keep a desk, and learn whether it is still needed."""
        watched = desk.c.watch_until > _NOW
        kept = (
            sa.update(desk)
            .where(*_mine(lease, holder))
            .values(leased_until=_NOW + self._lease)
            .returning(desk.c.work, watched.label("watched"))
        )
        async with self._database.transaction() as session:
            row = (await session.execute(kept)).first()
        if row is None:
            return DeskNeed.LOST
        if row.work:
            return DeskNeed.WORK
        return DeskNeed.WATCH if row.watched else DeskNeed.NONE

    async def release(self, lease: DeskLease, holder: str) -> None:
        """Give a desk back."""
        given = sa.update(desk).where(*_mine(lease, holder)).values(holder=None, leased_until=_NOW)
        async with self._database.transaction() as session:
            await session.execute(given)

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts that ever had a position, by id."""
        query = sa.select(desk.c.user_id, desk.c.account_id, desk.c.environment).where(desk.c.traded)
        if after is not None:
            query = query.where(desk.c.account_id > after)
        async with self._database.transaction() as session:
            rows = (await session.execute(query.order_by(desk.c.account_id).limit(limit))).all()
        return [Account(user_id=row.user_id, account_id=row.account_id, environment=row.environment) for row in rows]


def _mine(lease: DeskLease, holder: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        desk.c.account_id == lease.account.account_id,
        desk.c.holder == holder,
        desk.c.fence == lease.fence,
    )
