"""Reads a user's rows page by page, each page in a transaction of its own: an export holds no connection for long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from gateway.domain.exported import ExportedFill, ExportedOrder, ExportedRelease
from gateway.outbound.postgres.tables import (
    position_fills,
    position_legs,
    position_releases,
    synthetic_positions,
)
from shared.runtime.database import Database
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

PAGE = 500
Row = Mapping[Any, Any]
Noun = TypeVar("Noun", ExportedOrder, ExportedFill, ExportedRelease, ExportedFill | ExportedRelease)
_WORDS: dict[str, Any] = {
    "environment": VenueEnvironment,
    "side": Side,
    "status": LegStatus,
    "position_status": PositionStatus,
}
_POSITION = synthetic_positions.c
_HEAD = (_POSITION.account_id, _POSITION.environment, _POSITION.index_id, _POSITION.status.label("position_status"))
_FILL = position_fills.c
_MATCH = (
    *(column for column in _FILL if column.name not in {"account_id", "entry"}),
    position_legs.c.base_asset,
    *_HEAD,
)


class PostgresExports:
    """Orders, fills and all that changed holdings, a page at a time."""

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
        return self._pages(
            user_id, partial(_noun, ExportedOrder), query, (leg.position_id, leg.run_id, leg.number, leg.leg_id)
        )

    def fills(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedFill]:
        """Matches by time."""
        query = _of(_matches(sa.select(*_MATCH)), _FILL.position_id, position_id)
        return self._pages(user_id, partial(_noun, ExportedFill), query, (_FILL.at, _FILL.exec_id))

    def changes(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedFill | ExportedRelease]:
        """Matches and releases by position, coin and number of the change.

        Those told before changes were numbered come first, by time: they were booked first.
        """
        found = _all_changes(position_id)
        row = found.c
        order = (row.position_id, row.base_asset, row.entry, row.at, row.exec_id)
        return self._pages(user_id, _change, sa.select(found), order)

    async def _pages(
        self,
        user_id: UUID,
        made: Callable[[Row], Noun],
        query: sa.Select[Any],
        order: tuple[sa.ColumnElement[Any], ...],
    ) -> AsyncIterator[Noun]:
        page = query.order_by(*order).limit(self._page)
        after: tuple[Any, ...] | None = None
        while True:
            where = page if after is None else page.where(sa.tuple_(*order) > sa.tuple_(*after))
            async with self._database.transaction(user_id) as session:
                rows = (await session.execute(where)).mappings().all()
            for row in rows:
                yield made(row)
            if len(rows) < self._page:
                return
            after = tuple(rows[-1][column.name] for column in order)


def _matches(query: sa.Select[Any]) -> sa.Select[Any]:
    """Matches with the coin of their leg and the head of their position."""
    return query.join_from(position_fills, position_legs, position_legs.c.leg_id == _FILL.leg_id).join(
        synthetic_positions, _POSITION.position_id == _FILL.position_id
    )


def _all_changes(position_id: UUID | None) -> sa.Subquery:
    """Both kinds under the names of a match; `why` tells a release."""
    numbered = sa.func.coalesce(_FILL.entry, 0).label("entry")
    matches = _matches(sa.select(*_MATCH, numbered, sa.cast(sa.null(), sa.Text).label("why")))
    theirs = {column.name: column for column in (*position_releases.c, *_HEAD)} | {
        "base_asset": position_releases.c.asset,
        "exec_id": sa.literal(""),
    }
    blank = [theirs.get(column.name, sa.cast(sa.null(), column.type)).label(column.name) for column in _MATCH]
    releases = sa.select(*blank, position_releases.c.entry, position_releases.c.why).join_from(
        position_releases, synthetic_positions, _POSITION.position_id == position_releases.c.position_id
    )
    return sa.union_all(
        _of(matches, _FILL.position_id, position_id), _of(releases, position_releases.c.position_id, position_id)
    ).subquery()


def _change(row: Row) -> ExportedFill | ExportedRelease:
    return _noun(ExportedFill, row) if row["why"] is None else _noun(ExportedRelease, row)


def _of(query: sa.Select[Any], column: sa.ColumnElement[Any], position_id: UUID | None) -> sa.Select[Any]:
    return query if position_id is None else query.where(column == position_id)


def _noun(kind: type[Noun], row: Row) -> Noun:
    facts = {field.name: row[field.name] for field in fields(kind)}
    return kind(**{name: _WORDS[name](value) if name in _WORDS else value for name, value in facts.items()})
