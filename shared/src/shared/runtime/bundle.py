"""Writes of one transaction that leave together: one statement instead of one for each table.

Whoever reads in the transaction flushes first, so it sees what it wrote; whoever commits flushes last. A statement that
the database refuses is refused at the flush, with the same error, and takes the whole transaction with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from shared.runtime.keeper import PLACE, How, Key, Row, Rows, Shape, document
from shared.runtime.statement import DIALECT, Statement
from shared.runtime.unit import Unit

_NUMBERED = re.compile(r"\$(\d+)")
_ABSORBED = frozenset(
    {
        (How.ADD, How.SAVE),
        (How.ADD, How.PUT),
        (How.SAVE, How.SAVE),
        (How.PUT, How.SAVE),
        (How.PUT, How.PUT),
    }
)
"""A row's first and second write that are one, done as the first is; any other pair stays two, in their order."""


class Removal:
    """Deletes rows whose column has one of some values.

    Args:
        column: Of type uuid or text.
    """

    def __init__(self, column: sa.Column[Any]) -> None:
        self.table = str(column.table)
        self.column = column.name
        kind = column.type.compile(dialect=DIALECT)
        self.text = f'delete from {self.table} where "{column.name}" = any(${PLACE}::{kind}[])'  # noqa: S608 - our names


@dataclass(slots=True)
class _Waiting:
    shape: Shape
    rows: dict[Key, Row]


class Bundle:
    """What one transaction has yet to write."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._rows: dict[tuple[str, How], _Waiting] = {}
        self._removals: dict[Removal, set[Any]] = {}
        self._others: dict[Statement, list[Any]] = {}
        self._channel: str | None = None

    def notify(self, channel: str) -> None:
        """Wake whoever listens, when the transaction commits."""
        self._channel = channel

    async def write(self, rows: Rows) -> None:
        """Rows of one kind; a row that waits already is written once, with its last state."""
        if not rows.rows:
            return
        if self._removed(rows) or any(self._clashes(rows.shape, key) for key in rows.rows):
            await self.flush()
        for key, row in rows.rows.items():
            self._note(rows.shape, key, row)

    async def remove(self, removal: Removal, values: Collection[Any]) -> None:
        """Delete the rows whose column has one of the values."""
        if not values:
            return
        wanted = {str(value) for value in values}
        if any(str(row.get(removal.column)) in wanted for row in self._waiting_in(removal.table)):
            await self.flush()
        self._removals.setdefault(removal, set()).update(values)

    async def run(self, statement: Statement, **given: Any) -> None:
        """A statement that returns nothing, on a table that nothing else in the transaction writes."""
        if statement in self._others:
            await self.flush()
        self._others[statement] = statement.arguments(given)

    async def flush(self) -> None:
        """Write what waits."""
        parts, values = self._taken()
        channel, self._channel = self._channel, None
        if channel is not None:
            values.append(channel)
        if values:
            await self._unit.connection.execute(_text(parts, wakes=channel is not None), *values)

    def _taken(self) -> tuple[tuple[str, ...], list[Any]]:
        texts = [waiting.shape.text for waiting in self._rows.values()]
        values: list[Any] = [document(waiting.rows.values()) for waiting in self._rows.values()]
        texts += [removal.text for removal in self._removals]
        values += [list(wanted) for wanted in self._removals.values()]
        for statement, arguments in self._others.items():
            texts.append(statement.text)
            values += arguments
        self._rows, self._removals, self._others = {}, {}, {}
        return tuple(texts), values

    def _note(self, shape: Shape, key: Key, row: Row) -> None:
        before = self._pending(shape.table, key)
        if before is None:
            waiting = self._rows.setdefault((shape.table, shape.how), _Waiting(shape, {}))
            waiting.rows[key] = row
            return
        before.rows[key] = {**before.rows[key], **row}

    def _clashes(self, shape: Shape, key: Key) -> bool:
        before = self._pending(shape.table, key)
        return before is not None and (before.shape.how, shape.how) not in _ABSORBED

    def _pending(self, table: str, key: Key) -> _Waiting | None:
        found = (self._rows.get((table, how)) for how in How)
        return next((waiting for waiting in found if waiting is not None and key in waiting.rows), None)

    def _removed(self, rows: Rows) -> bool:
        """Whether one of the rows is about to be deleted: it may only come back afterwards."""
        for removal, values in self._removals.items():
            if removal.table == rows.shape.table:
                gone = {str(value) for value in values}
                if any(str(row.get(removal.column)) in gone for row in rows.rows.values()):
                    return True
        return False

    def _waiting_in(self, table: str) -> Iterable[Row]:
        for waiting in self._rows.values():
            if waiting.shape.table == table:
                yield from waiting.rows.values()


@lru_cache(maxsize=512)
def _text(parts: tuple[str, ...], *, wakes: bool) -> str:
    """Parts as one statement; each part's arguments follow those of the parts before."""
    if len(parts) == 1 and not wakes:
        return _renumbered(parts[0], 0)[0]
    named, taken = [], 0
    for number, part in enumerate(parts):
        text, used = _renumbered(part, taken)
        named.append(f"part_{number} as ({text})")
        taken += used
    # A question that nothing asks for is never run: the notification is the statement itself.
    said = f"pg_notify(${taken + 1}, '')" if wakes else "1"
    return f"with {', '.join(named)} select {said}" if named else f"select {said}"


def _renumbered(part: str, taken: int) -> tuple[str, int]:
    if PLACE in part:
        return part.replace(PLACE, str(taken + 1)), 1
    numbers = [int(number) for number in _NUMBERED.findall(part)]
    return _NUMBERED.sub(lambda found: f"${int(found[1]) + taken}", part), max(numbers, default=0)
