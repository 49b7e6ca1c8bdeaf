"""A database in memory: committed rows, transactions that see their own changes, and locks until their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

NOBODY = UUID(int=0)
"""Whose rows the work queues and other tables of ids are."""


class BrokenRuleError(ValueError):
    """A row that the tables refuse: its key is taken, or a figure is out of bounds."""


class Locks:
    """Named locks; each belongs to a transaction until that ends."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[object, asyncio.Event]] = {}

    async def hold(self, name: Hashable, owner: object) -> None:
        """Wait until nobody else holds it."""
        while (found := self._held.get(name)) is not None and found[0] is not owner:
            await found[1].wait()
        self._held.setdefault(name, (owner, asyncio.Event()))

    def held_by_another(self, name: Hashable, owner: object) -> bool:
        """Whether somebody else holds it now."""
        found = self._held.get(name)
        return found is not None and found[0] is not owner

    def release(self, owner: object) -> None:
        """Everything that it holds."""
        for name in [name for name, found in self._held.items() if found[0] is owner]:
            self._held.pop(name)[1].set()


class Rows:
    """One table as a transaction sees it: what others have committed, and its own changes."""

    def __init__(self, committed: dict[Hashable, Any]) -> None:
        self._committed = committed
        self._changed: dict[Hashable, Any] = {}
        self._added: set[Hashable] = set()

    def get(self, key: Hashable) -> Any | None:
        """The row of a key; None without one."""
        return self._changed[key] if key in self._changed else self._committed.get(key)

    def __iter__(self) -> Iterator[Any]:
        """Every row, in no order that means anything."""
        if not self._changed:
            yield from self._committed.values()
            return
        yield from (row for key, row in self._committed.items() if key not in self._changed)
        yield from (row for row in self._changed.values() if row is not None)

    def add(self, key: Hashable, row: Any) -> None:
        """A new row.

        Raises:
            BrokenRuleError: the key is taken.
        """
        if self.get(key) is not None:
            raise BrokenRuleError(f"{key} is taken")
        if key not in self._committed:
            self._added.add(key)
        self._changed[key] = row

    def put(self, key: Hashable, row: Any) -> None:
        """A row, new or changed."""
        self._changed[key] = row

    def save(self, key: Hashable, row: Any) -> None:
        """A row's new state; one that is not there stays away, as with an UPDATE."""
        if self.get(key) is not None:
            self._changed[key] = row

    def drop(self, where: Callable[[Any], bool], keys: Iterable[Hashable] = ()) -> None:
        """Take rows away."""
        gone = [
            key for key in {**self._committed, **self._changed} if (row := self.get(key)) is not None and where(row)
        ]
        self._changed |= dict.fromkeys([*gone, *keys])

    def taken_meanwhile(self) -> Hashable | None:
        """A key that was added here, and committed by somebody else since."""
        return next((key for key in self._added if key in self._committed), None)

    def commit(self) -> None:
        """Make the changes everybody's."""
        for key, row in self._changed.items():
            if row is None:
                self._committed.pop(key, None)
            else:
                self._committed[key] = row


class Transaction:
    """What one unit of work has open; another user's rows do not exist in it."""

    def __init__(self, house: House, user_id: UUID) -> None:
        self.user_id = user_id
        self._house = house
        self._rows: dict[tuple[UUID, str], Rows] = {}
        self._afterwards: list[Callable[[], None]] = []

    def on_commit(self, action: Callable[[], None]) -> None:
        """Do something once the changes are everybody's."""
        self._afterwards.append(action)

    def rows(self, table: str) -> Rows:
        """A table of the user."""
        return self._open(self.user_id, table)

    def everybodys(self, table: str) -> Rows:
        """A table that is nobody's: it holds ids only."""
        return self._open(NOBODY, table)

    def _open(self, owner: UUID, table: str) -> Rows:
        found = self._rows.get((owner, table))
        if found is None:
            found = self._rows[owner, table] = Rows(self._house.committed(owner, table))
        return found

    async def hold(self, *name: Hashable) -> None:
        """Be the only one with a lock until the end."""
        await self._house.locks.hold(name, self)

    def busy(self, *name: Hashable) -> bool:
        """Whether another transaction has a lock."""
        return self._house.locks.held_by_another(name, self)

    def commit(self) -> None:
        """All changes or none.

        Raises:
            BrokenRuleError: somebody else was faster with a key.
        """
        for rows in self._rows.values():
            if (key := rows.taken_meanwhile()) is not None:
                raise BrokenRuleError(f"{key} is taken")
        for rows in self._rows.values():
            rows.commit()
        for action in self._afterwards:
            action()


class House:
    """The server: tables by owner and name, made when somebody looks."""

    def __init__(self) -> None:
        self.locks = Locks()
        self._tables: dict[tuple[UUID, str], dict[Hashable, Any]] = {}

    def committed(self, owner: UUID, table: str) -> dict[Hashable, Any]:
        """What everybody sees of a table."""
        return self._tables.setdefault((owner, table), {})

    def everything(self, table: str) -> list[Any]:
        """Rows of all users: for a test's own eyes."""
        return [row for (_, name), rows in self._tables.items() if name == table for row in rows.values()]

    @contextmanager
    def transaction(self, user_id: UUID | None = None) -> Iterator[Transaction]:
        """A transaction that the caller commits; its locks end with it, whatever happens."""
        transaction = Transaction(self, user_id or NOBODY)
        try:
            yield transaction
        finally:
            self.locks.release(transaction)
