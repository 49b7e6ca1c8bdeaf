"""Statements that are written with SQLAlchemy, compiled once, and run by asyncpg itself (ADR 11).

SQLAlchemy's asyncio layer costs several milliseconds of CPU per statement on the trade path; the driver alone costs a
fraction of that. What SQLAlchemy is good for stays: tables, types and statements are its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from shared.runtime.unit import Unit

Noun = TypeVar("Noun")
Coder = Callable[[Any], Any]

DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A compiled statement.

    Args:
        clause: With `sa.bindparam` for whatever differs from call to call; lists as one array parameter, never `in_`.
    """

    def __init__(self, clause: sa.Executable) -> None:
        compiled = clause.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        self.text = str(compiled)
        self._names: list[str] = list(compiled.positiontup or ())
        self._coders = {name: encoder(compiled.binds[name].type) for name in self._names}
        self._decoders = _decoders(clause)
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """The driver's positional arguments."""
        return [self._encoded(name, given[name] if name in given else self._fixed[name]) for name in self._names]

    def _encoded(self, name: str, value: Any) -> Any:
        coder = self._coders[name]
        return value if coder is None or value is None else coder(value)

    async def run(self, unit: Unit, **given: Any) -> None:
        """Run it once."""
        await unit.connection.execute(self.text, *self.arguments(given))

    async def run_many(self, unit: Unit, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row, in one round trip."""
        if rows:
            await unit.connection.executemany(self.text, [self.arguments(row) for row in rows])

    async def value(self, unit: Unit, **given: Any) -> Any:
        """First column of the first row, as the driver gives it; None without a row."""
        return await unit.connection.fetchval(self.text, *self.arguments(given))

    async def row(self, unit: Unit, **given: Any) -> Mapping[str, Any] | None:
        """The first row, decoded by the types of the selected columns; None without a row."""
        found = await unit.connection.fetchrow(self.text, *self.arguments(given))
        if found is None:
            return None
        row = dict(found)
        for name, decode in self._decoders.items():
            row[name] = None if row[name] is None else decode(row[name])
        return row

    async def rows(self, unit: Unit, **given: Any) -> list[Mapping[str, Any]]:
        """Every row, as the driver gives it."""
        return list(await unit.connection.fetch(self.text, *self.arguments(given)))

    async def column(self, unit: Unit, **given: Any) -> list[Any]:
        """First column of every row."""
        return [row[0] for row in await unit.connection.fetch(self.text, *self.arguments(given))]


class Finder(Generic[Noun]):
    """Finds nouns whose fields are named like their table's columns.

    Args:
        kind: A dataclass.
        where: Conditions with `sa.bindparam`.
        order: What to sort by.
        source: A join that the conditions or the order need; the table itself by default.
        limit: How many at most, a `sa.bindparam`.
    """

    def __init__(
        self,
        kind: type[Noun],
        table: sa.Table,
        *where: sa.ColumnElement[bool],
        order: Sequence[sa.ColumnElement[Any]] = (),
        source: sa.FromClause | None = None,
        limit: sa.BindParameter[int] | None = None,
    ) -> None:
        columns = [table.c[item.name] for item in fields(kind)]  # type: ignore[arg-type]
        query = sa.select(*columns).where(*where).order_by(*order)
        query = query if limit is None else query.limit(limit)
        self._statement = Statement(query if source is None else query.select_from(source))
        self._kind = kind
        self._fields = [(column.key, decoder(column.type)) for column in columns]

    async def all(self, unit: Unit, **given: Any) -> list[Noun]:
        """Every noun, in order."""
        found = await unit.connection.fetch(self._statement.text, *self._statement.arguments(given))
        return [self._noun(row) for row in found]

    async def first(self, unit: Unit, **given: Any) -> Noun | None:
        """The first noun, if there is one."""
        row = await unit.connection.fetchrow(self._statement.text, *self._statement.arguments(given))
        return None if row is None else self._noun(row)

    def _noun(self, row: Sequence[Any]) -> Noun:
        pairs = zip(self._fields, row, strict=True)
        return self._kind(
            **{name: value if decode is None or value is None else decode(value) for (name, decode), value in pairs}
        )


def _decoders(clause: sa.Executable) -> dict[str, Coder]:
    if not isinstance(clause, sa.Select):
        return {}
    found = ((column.name, decoder(column.type)) for column in clause.selected_columns if hasattr(column, "name"))
    return {name: decode for name, decode in found if decode is not None}


def encoder(kind: sa.types.TypeEngine[Any]) -> Coder | None:
    """From Python to what asyncpg takes for a column type; None where it is the same."""
    if isinstance(kind, sa.types.TypeDecorator):
        return lambda value: kind.process_bind_param(value, DIALECT)
    if isinstance(kind, (JSON, JSONB)):
        return lambda value: json.dumps(value, separators=(",", ":"))
    return list if isinstance(kind, sa.ARRAY) else None


def decoder(kind: sa.types.TypeEngine[Any]) -> Coder | None:
    """From what asyncpg gives to Python; arrays become tuples."""
    if isinstance(kind, sa.types.TypeDecorator):
        return lambda value: kind.process_result_value(value, DIALECT)
    if isinstance(kind, (JSON, JSONB)):
        return json.loads
    return tuple if isinstance(kind, sa.ARRAY) else None
