"""Levels in PostgreSQL: of built-in indices among the public facts, of users' own under row-level security."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from market_data.domain.index_version import IndexVersion
from market_data.domain.level import LevelBase, LevelPoint
from market_data.outbound.postgres.own_tables import own
from market_data.outbound.postgres.tables import public
from market_data.outbound.postgres.version_tables import VersionTables
from shared.runtime.database import Database
from shared.trading.money import plain

HOURLY_AFTER = timedelta(days=2)
DAILY_AFTER = timedelta(days=60)
MOST_POINTS = 5000
"""An answer fits into one message; the newest are told."""


class PostgresLevels:
    """The port `LevelStore`.

    Args:
        facts: The database of public facts.
        users: The database of users' data; None where there is none, so no user's indices either.
    """

    def __init__(self, facts: Database, users: Database | None) -> None:
        self._facts = facts
        self._users = users

    async def base(self, version: IndexVersion) -> LevelBase | None:
        """From where the level of that version's index is counted."""
        database, tables = self._place(version)
        query = sa.select(tables.level_base).where(*_mine(tables.level_base, version))
        async with database.transaction(version.user_id) as session:
            row = (await session.execute(query)).mappings().one_or_none()
        return None if row is None else _base(row)

    async def record(self, version: IndexVersion, base: LevelBase, point: LevelPoint, *, thin: bool) -> None:
        """Keep the base and add the point, in one transaction."""
        database, tables = self._place(version)
        key = _key(version)
        kept = {"version": base.version, "level": base.level, "coins": _coins(base)}
        keep = insert(tables.level_base).values(**key, **kept)
        keep = keep.on_conflict_do_update(index_elements=["environment", "index_id"], set_=kept)
        facts = {"at": point.at, "level": point.level, "version": point.version, "pinned": point.pinned}
        add = insert(tables.level_point).values(**key, **facts, stale=list(point.stale)).on_conflict_do_nothing()
        async with database.transaction(version.user_id) as session:
            await session.execute(keep)
            await session.execute(add)
            if thin:
                await _thin(session, tables.level_point, version, point.at)

    async def points(self, version: IndexVersion, since: datetime | None) -> Sequence[LevelPoint]:
        """The newest points from a moment on, oldest first."""
        database, tables = self._place(version)
        table = tables.level_point
        query = sa.select(table).where(*_mine(table, version)).order_by(table.c.at.desc()).limit(MOST_POINTS)
        if since is not None:
            query = query.where(table.c.at >= since)
        async with database.transaction(version.user_id) as session:
            rows = (await session.execute(query)).mappings().all()
        return [_point(row) for row in reversed(rows)]

    def _place(self, version: IndexVersion) -> tuple[Database, VersionTables]:
        if version.user_id is None:
            return self._facts, public
        if self._users is None:
            raise RuntimeError("a user's index without a database of users' data")
        return self._users, own


def _key(version: IndexVersion) -> dict[str, Any]:
    whose = {} if version.user_id is None else {"user_id": version.user_id}
    return {**whose, "environment": version.environment.value, "index_id": version.index_id}


def _mine(table: sa.Table, version: IndexVersion) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.environment == version.environment.value, table.c.index_id == version.index_id)


async def _thin(session: AsyncSession, table: sa.Table, version: IndexVersion, now: datetime) -> None:
    """Keep the first point of each hour, later of each day; where a version began a point always stays."""
    for grain, older in (("hour", now - HOURLY_AFTER), ("day", now - DAILY_AFTER)):
        old = (*_mine(table, version), table.c.at < older)
        first = sa.select(sa.func.min(table.c.at)).where(*old).group_by(sa.func.date_trunc(grain, table.c.at))
        await session.execute(
            sa.delete(table).where(*old, sa.not_(table.c.pinned), table.c.at.not_in(first.scalar_subquery()))
        )


def _coins(base: LevelBase) -> dict[str, list[str]]:
    return {
        symbol: [plain(base.weights[symbol]), plain(base.prices[symbol]), plain(base.last[symbol])]
        for symbol in base.weights
    }


def _base(row: Any) -> LevelBase:
    coins = {symbol: [Decimal(text) for text in texts] for symbol, texts in row["coins"].items()}
    return LevelBase(
        version=row["version"],
        level=row["level"],
        weights={symbol: numbers[0] for symbol, numbers in coins.items()},
        prices={symbol: numbers[1] for symbol, numbers in coins.items()},
        last={symbol: numbers[2] for symbol, numbers in coins.items()},
    )


def _point(row: Any) -> LevelPoint:
    return LevelPoint(
        at=row["at"],
        level=row["level"],
        version=row["version"],
        stale=tuple(row["stale"]),
        pinned=row["pinned"],
    )
