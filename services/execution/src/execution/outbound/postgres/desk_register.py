"""Leases of desks; times are the database's, so that replicas agree on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL

from execution.application.ports import Account, DeskLease, DeskNeed
from execution.outbound.postgres.tables import desk
from shared.runtime.database import Database
from shared.runtime.statement import Statement
from shared.trading.status import VenueEnvironment

_NOW = sa.func.clock_timestamp()


_IS_MINE = (
    desk.c.account_id == sa.bindparam("account", type_=desk.c.account_id.type),
    desk.c.holder == sa.bindparam("mine", type_=desk.c.holder.type),
    desk.c.fence == sa.bindparam("number", type_=desk.c.fence.type),
)
_UNTIL = _NOW + sa.bindparam("lease", type_=INTERVAL())


def _claim() -> Statement:
    serving = sa.bindparam("serving", type_=ARRAY(desk.c.account_id.type))
    free = (
        sa.select(desk.c.account_id)
        .where(sa.or_(desk.c.work, desk.c.watch_until > _NOW), desk.c.leased_until < _NOW)
        .where(desk.c.account_id != sa.func.all(serving))
        .order_by(desk.c.work.desc(), desk.c.leased_until)
        .limit(sa.bindparam("most", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
    )
    taken = sa.update(desk).where(desk.c.account_id.in_(free.scalar_subquery()))
    taken = taken.values(
        holder=sa.bindparam("mine", type_=desk.c.holder.type), fence=desk.c.fence + 1, leased_until=_UNTIL
    )
    return Statement(taken.returning(desk.c.account_id, desk.c.user_id, desk.c.environment, desk.c.fence))


def _renew() -> Statement:
    watched = desk.c.watch_until > _NOW
    return Statement(
        sa.update(desk).where(*_IS_MINE).values(leased_until=_UNTIL).returning(desk.c.work, watched.label("watched"))
    )


_CLAIM = _claim()
_RENEW = _renew()
_RELEASE = Statement(sa.update(desk).where(*_IS_MINE).values(holder=None, leased_until=_NOW))


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
        async with self._database.unit() as unit:
            rows = await _CLAIM.rows(unit, mine=holder, lease=self._lease, most=limit, serving=serving)
        return [DeskLease(account=_account(row), fence=row["fence"]) for row in rows]

    async def renew(self, lease: DeskLease, holder: str) -> DeskNeed:
        """Keep a desk, and learn whether it is still needed."""
        async with self._database.unit() as unit:
            rows = await _RENEW.rows(unit, lease=self._lease, **_mine(lease, holder))
        if not rows:
            return DeskNeed.LOST
        if rows[0]["work"]:
            return DeskNeed.WORK
        return DeskNeed.WATCH if rows[0]["watched"] else DeskNeed.NONE

    async def release(self, lease: DeskLease, holder: str) -> None:
        """Give a desk back."""
        async with self._database.unit() as unit:
            await _RELEASE.run(unit, **_mine(lease, holder))

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts that ever had a position, by id."""
        query = sa.select(desk.c.user_id, desk.c.account_id, desk.c.environment).where(desk.c.traded)
        if after is not None:
            query = query.where(desk.c.account_id > after)
        async with self._database.transaction() as session:
            rows = (await session.execute(query.order_by(desk.c.account_id).limit(limit))).all()
        return [Account(user_id=row.user_id, account_id=row.account_id, environment=row.environment) for row in rows]


def _account(row: Mapping[str, Any]) -> Account:
    environment = VenueEnvironment(row["environment"])
    return Account(user_id=row["user_id"], account_id=row["account_id"], environment=environment)


def _mine(lease: DeskLease, holder: str) -> dict[str, Any]:
    return {"account": lease.account.account_id, "mine": holder, "number": lease.fence}
