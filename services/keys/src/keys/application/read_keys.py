"""What a user sees of their keys."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from keys.application.book_ports import KeyBook
from keys.domain.errors import KeyNotFound
from keys.domain.stored_key import KeyStatus, StoredKey


class ReadKeys:
    """Reads keys; tombstones are not shown."""

    def __init__(self, *, book: KeyBook) -> None:
        self._book = book

    async def all(self, user_id: UUID) -> Sequence[StoredKey]:
        """The user's keys, newest first."""
        async with self._book.unit(user_id) as unit:
            return await unit.all()

    async def one(self, user_id: UUID, key_id: UUID) -> StoredKey:
        """One key.

        Raises:
            KeyNotFound: No such key of this user.
        """
        async with self._book.unit(user_id) as unit:
            key = await unit.find(key_id)
        if key is None or key.status is KeyStatus.DELETED:
            raise KeyNotFound("There is no such key.")
        return key
