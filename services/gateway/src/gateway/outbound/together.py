"""Group commit: what arrives while the last lot is under way is handled as one lot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from shared.trading.errors import Unavailable

Item = TypeVar("Item")
Waiting = tuple[Item, "asyncio.Future[None]"]

LOT = 64


class Together(Generic[Item]):
    """One lot at a time for each user, in the order of arrival.

    Args:
        handle: Handles a user's items, all or none. When it refuses a lot, each item is handled alone, so that one that
            cannot be handled keeps no other waiting.
    """

    def __init__(self, handle: Callable[[UUID, Sequence[Item]], Awaitable[None]]) -> None:
        self._handle = handle
        self._waiting: dict[UUID, list[Waiting[Item]]] = {}
        self._lanes: dict[UUID, asyncio.Task[None]] = {}

    async def do(self, user_id: UUID, item: Item) -> None:
        """Returns when the item's lot is committed.

        Raises:
            Exception: what handling it alone raised; nothing of it was committed.
            Unavailable: the database is away.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, []).append((item, done))
        if user_id not in self._lanes:
            # A task of its own: who is cancelled while waiting takes nobody else along.
            self._lanes[user_id] = asyncio.create_task(self._work(user_id))
        await done

    async def _work(self, user_id: UUID) -> None:
        waiting = self._waiting[user_id]
        try:
            while waiting:
                lot = waiting[:LOT]
                del waiting[:LOT]
                await self._lot(user_id, lot)
        finally:
            del self._waiting[user_id], self._lanes[user_id]
            for _, done in waiting:
                done.cancel()

    async def _lot(self, user_id: UUID, lot: Sequence[Waiting[Item]]) -> None:
        try:
            await self._handle(user_id, [item for item, _ in lot])
        except Exception as error:  # noqa: BLE001 - handed to those who wait, each decides
            if len(lot) > 1 and not isinstance(error, Unavailable):
                for one in lot:
                    await self._lot(user_id, [one])
                return
            for _, done in lot:
                _end(done, error)
            return
        except asyncio.CancelledError:
            for _, done in lot:
                done.cancel()
            raise
        for _, done in lot:
            _end(done, None)


def _end(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
