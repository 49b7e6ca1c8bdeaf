"""Writes nouns whose fields are named like their table's columns: any number of rows is one statement with one argument.

Rows travel as one JSON document. The driver's `executemany` sends every row by itself, which costs both processes more
than all else they do for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from shared.runtime.statement import DIALECT
from shared.runtime.unit import Unit

Noun = TypeVar("Noun")
Row = dict[str, Any]
Key = tuple[Any, ...]
PLACE = "{}"
"""Stands for the number of the statement's argument."""


class How(Enum):
    """What becomes of a row."""

    ADD = "add"
    SAVE = "save"
    PUT = "put"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One way to write rows of one table.

    Attributes:
        text: The statement, with `PLACE` for the number of its only argument: the rows as JSON.
    """

    table: str
    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are to be written in one way, by the key that tells them apart."""

    shape: Shape
    rows: Mapping[Key, Row]


@dataclass(slots=True)
class Column:
    """A column and how its values are written in JSON."""

    name: str
    coder: Callable[[Any], Any] | None = field(default=None)

    @classmethod
    def of(cls, column: sa.Column[Any]) -> Column:
        """From the table."""
        return cls(column.name, _json_coder(column.type))

    def coded(self, value: Any) -> Any:
        """A value as JSON has it."""
        return value if value is None or self.coder is None else self.coder(value)


class Keeper(Generic[Noun]):
    """Writes nouns of one kind.

    Args:
        kind: A dataclass.
        key: Field by which an update finds its row; None where rows are never updated.
        extra: Columns beyond the noun's fields, given when it is added.
    """

    def __init__(self, kind: type[Noun], table: sa.Table, *, key: str | None = None, extra: Sequence[str] = ()) -> None:
        names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
        self._columns = {name: Column.of(table.c[name]) for name in [*names, *extra]}
        self._fields = [(name, self._columns[name]) for name in names]
        self._identity = [name for name in names if name in {column.key for column in table.primary_key}]
        own = [self._columns[name].name for name in names]
        self._add = Shape(str(table), How.ADD, inserting(table, [column.name for column in self._columns.values()]))
        self._put = Shape(str(table), How.PUT, _putting(table, own))
        self._save = Shape(str(table), How.SAVE, _saving(table, table.c[key].name, own)) if key else None
        self._key = key

    async def add(self, unit: Unit, nouns: Sequence[Noun], **extra: Any) -> None:
        """Insert nouns."""
        for rows in self.adding(nouns, **extra):
            await write(unit, rows)

    async def put(self, unit: Unit, nouns: Sequence[Noun]) -> None:
        """Write nouns by the table's primary key, new or changed."""
        await write(unit, self.putting(nouns))

    async def save(self, unit: Unit, nouns: Sequence[Noun]) -> None:
        """Write nouns' new states by the key."""
        await write(unit, self.saving(nouns))

    def adding(self, nouns: Sequence[Noun], **extra: Any) -> list[Rows]:
        """New rows; the same one twice is for the database to refuse."""
        more = {self._columns[name].name: self._columns[name].coded(value) for name, value in extra.items()}
        found: list[dict[Key, Row]] = [{}]
        for noun in nouns:
            key = self._identity_of(noun)
            if key in found[-1]:
                found.append({})
            found[-1][key] = {**self._row(noun), **more}
        return [Rows(self._add, rows) for rows in found]

    def putting(self, nouns: Sequence[Noun]) -> Rows:
        """Rows new or changed, the last state of each."""
        return Rows(self._put, {self._identity_of(noun): self._row(noun) for noun in nouns})

    def saving(self, nouns: Sequence[Noun]) -> Rows:
        """Changed rows, the last state of each."""
        if self._save is None:
            raise TypeError("these rows are never updated")
        return Rows(self._save, {(getattr(noun, self._key or ""),): self._row(noun) for noun in nouns})

    def _identity_of(self, noun: Noun) -> Key:
        return tuple(getattr(noun, name) for name in self._identity)

    def _row(self, noun: Noun) -> Row:
        return {column.name: column.coded(getattr(noun, name)) for name, column in self._fields}


async def write(unit: Unit, rows: Rows) -> None:
    """Write rows now."""
    if rows.rows:
        await unit.connection.execute(rows.shape.text.replace(PLACE, "1"), document(rows.rows.values()))


def document(rows: Any) -> str:
    """Rows as the one argument of their statement."""
    return json.dumps(list(rows), separators=(",", ":"))


def inserting(table: sa.Table, names: Sequence[str]) -> str:
    """The rows of the argument, in their order."""
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        f"insert into {_named(table)} ({listed}) select {listed} "  # noqa: S608 - names of our own tables
        f"from json_populate_recordset(null::{_named(table)}, ${PLACE}::json) with ordinality as given "
        "order by ordinality"
    )


def _putting(table: sa.Table, names: Sequence[str]) -> str:
    keys = [column.name for column in table.primary_key]
    target = ", ".join(f'"{name}"' for name in keys)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    then = f"do update set {changes}" if changes else "do nothing"
    return f"{inserting(table, names)} on conflict ({target}) {then}"


def _saving(table: sa.Table, key: str, names: Sequence[str]) -> str:
    changes = ", ".join(f'"{name}" = given."{name}"' for name in names if name != key)
    return (
        f"update {_named(table)} as kept set {changes} "  # noqa: S608 - names of our own tables
        f'from json_populate_recordset(null::{_named(table)}, ${PLACE}::json) as given where kept."{key}" = given."{key}"'
    )


def _named(table: sa.Table) -> str:
    return f'"{table.schema}"."{table.name}"' if table.schema else f'"{table.name}"'


def _json_coder(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """From Python to JSON that PostgreSQL reads as the column's type; None where it is the same."""
    if isinstance(kind, sa.types.TypeDecorator):
        return lambda value: kind.process_bind_param(value, DIALECT)
    if isinstance(kind, (sa.Numeric, sa.Uuid)):
        return str
    if isinstance(kind, sa.DateTime):
        return _moment
    return list if isinstance(kind, sa.ARRAY) else None


def _moment(value: Any) -> str:
    text: str = value.isoformat()
    return text
