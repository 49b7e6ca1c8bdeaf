"""Leases: work has one holder at a time; a fencing number tells a late holder that it has lost it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from shared.runtime.database import Database
from shared.trading.clock import Clock


def lease_table(metadata: sa.MetaData) -> sa.Table:
    """The leases of a schema, as `create_leases` of the migrations makes them; ids only."""
    return sa.Table(
        "lease",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("until", TIMESTAMP(timezone=True), nullable=False),
    )


class Leases:
    """Takes, renews and gives back leases; each call is a transaction of its own.

    Args:
        clock: Expiry is judged by it; a clock that runs ahead takes over early, which the fence makes harmless.
    """

    def __init__(self, database: Database, table: sa.Table, clock: Clock) -> None:
        self._database = database
        self._table = table
        self._clock = clock

    async def acquire(self, name: str, holder: str, ttl_s: float) -> int | None:
        """Take a lease that is free or expired.

        Args:
            name: What it is about, such as `run:<id>`.
            holder: Who takes it; the same holder may take it again and gets a new fence.
            ttl_s: Seconds until others may take it.

        Returns:
            The fencing number, larger than every earlier one of this lease; None while somebody else holds it.
        """
        table, now = self._table, self._clock.now()
        row = insert(table).values(name=name, holder=holder, fence=1, until=now + timedelta(seconds=ttl_s))
        free = sa.or_(table.c.until <= now, table.c.holder.is_(None), table.c.holder == holder)
        statement = row.on_conflict_do_update(
            index_elements=[table.c.name],
            set_={"holder": row.excluded.holder, "fence": table.c.fence + 1, "until": row.excluded.until},
            where=free,
        ).returning(table.c.fence)
        async with self._database.transaction() as session:
            fence: int | None = (await session.execute(statement)).scalar_one_or_none()
            return fence

    async def renew(self, name: str, holder: str, fence: int, ttl_s: float) -> bool:
        """Keep a lease for `ttl_s` more seconds; False means it is lost: stop at once."""
        return await self._change(name, holder, fence, {"until": self._clock.now() + timedelta(seconds=ttl_s)})

    async def release(self, name: str, holder: str, fence: int) -> None:
        """Give a lease back; nothing happens when it was lost before."""
        await self._change(name, holder, fence, {"holder": None, "until": self._clock.now()})

    async def _change(self, name: str, holder: str, fence: int, values: dict[str, Any]) -> bool:
        table = self._table
        mine = sa.and_(table.c.name == name, table.c.holder == holder, table.c.fence == fence)
        async with self._database.transaction() as session:
            changed = await session.execute(sa.update(table).where(mine).values(**values).returning(table.c.fence))
            return changed.first() is not None
