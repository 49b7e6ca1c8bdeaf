"""Reads a user's rows page by page, each page in a transaction of its own: an export holds no connection for long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from gateway.domain.exported import ExportedFill, ExportedOrder
from gateway.outbound.postgres.tables import position_fills, position_legs, synthetic_positions
from shared.runtime.database import Database
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

PAGE = 500
Noun = TypeVar("Noun", ExportedOrder, ExportedFill)
_WORDS: dict[str, Any] = {
    "environment": VenueEnvironment,
    "side": Side,
    "status": LegStatus,
    "position_status": PositionStatus,
}
_POSITION = synthetic_positions.c
_HEAD = (_POSITION.account_id, _POSITION.environment, _POSITION.index_id, _POSITION.status.label("position_status"))


class PostgresExports:
    """Orders and fills, a page at a time."""

    def __init__(self, database: Database, *, page: int = PAGE) -> None:
        self._database = database
        self._page = page

    def orders(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedOrder]:
        """Legs of all runs by position, run and number."""
        leg = position_legs.c
        query = _of(
            sa.select(position_legs, *_HEAD).join(synthetic_positions, _POSITION.position_id == leg.position_id),
            leg.position_id,
            position_id,
        )
        return self._pages(user_id, ExportedOrder, query, (leg.position_id, leg.run_id, leg.number, leg.leg_id))

    def fills(
        self, user_id: UUID, *, position_id: UUID | None, by_position: bool = False
    ) -> AsyncIterator[ExportedFill]:
        """Matches by time, or by position and time."""
        fill = position_fills.c
        query = _of(
            sa.select(*(column for column in fill if column.name != "account_id"), position_legs.c.base_asset, *_HEAD)
            .join(position_legs, position_legs.c.leg_id == fill.leg_id)
            .join(synthetic_positions, _POSITION.position_id == fill.position_id),
            fill.position_id,
            position_id,
        )
        by_time = (fill.at, fill.exec_id)
        return self._pages(user_id, ExportedFill, query, (fill.position_id, *by_time) if by_position else by_time)

    async def _pages(
        self, user_id: UUID, kind: type[Noun], query: sa.Select[Any], order: tuple[sa.ColumnElement[Any], ...]
    ) -> AsyncIterator[Noun]:
        page = query.order_by(*order).limit(self._page)
        after: tuple[Any, ...] | None = None
        while True:
            where = page if after is None else page.where(sa.tuple_(*order) > sa.tuple_(*after))
            async with self._database.transaction(user_id) as session:
                rows = (await session.execute(where)).mappings().all()
            for row in rows:
                yield _noun(kind, row)
            if len(rows) < self._page:
                return
            after = tuple(rows[-1][column.name] for column in order)


def _of(query: sa.Select[Any], column: sa.ColumnElement[Any], position_id: UUID | None) -> sa.Select[Any]:
    return query if position_id is None else query.where(column == position_id)


def _noun(kind: type[Noun], row: Mapping[Any, Any]) -> Noun:
    facts = {field.name: row[field.name] for field in fields(kind)}
    return kind(**{name: _WORDS[name](value) if name in _WORDS else value for name, value in facts.items()})
