"""Argon2id in a few threads, with a short queue: memory and time of a login stay bounded under any load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from auth.application.ports import Verified
from auth.domain.errors import Busy

MEMORY_KIB = 19 * 1024
ROUNDS = 2
T = TypeVar("T")


class Argon2Passwords:
    """Hashes new passwords with Argon2id (19 MiB, two rounds, one lane); accepts bcrypt and asks for its upgrade.

    Args:
        threads: Passwords hashed at the same time; each takes 19 MiB.
        queue: Passwords that may wait; more are refused at once.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        argon2 = Argon2Hasher(memory_cost=MEMORY_KIB, time_cost=ROUNDS, parallelism=1)
        self._hashes = PasswordHash((argon2, BcryptHasher()))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._room = threads + queue
        self._inside = 0
        # What an unknown address is compared with, so that it takes as long as a known one.
        self._nobody = self._hashes.hash("an address that nobody has registered")

    async def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            Busy: The queue is full.
        """
        return await self._run(lambda: self._hashes.hash(password))

    async def verify(self, password: str, stored: str | None) -> Verified:
        """Compare; without a stored hash it takes as long and never matches.

        Raises:
            Busy: The queue is full.
        """
        return await self._run(lambda: self._verify(password, stored))

    async def close(self) -> None:
        """Drop what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, stored: str | None) -> Verified:
        try:
            matches, upgraded = self._hashes.verify_and_update(password, stored or self._nobody)
        except ValueError:
            # bcrypt takes no more than 72 bytes and no zero byte: such a password was never stored with it.
            return Verified(matches=False)
        if stored is None or not matches:
            return Verified(matches=False)
        return Verified(matches=True, upgraded_hash=upgraded)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._inside >= self._room:
            raise Busy(retry_after_s=1.0)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1
