"""Execution killed between the second attempt of a leg and its answer, from outside the product."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from kit.proxy import Step
from kit.stage import Customer, Stage

STREAM_LATENCY_MS = 400
"""Frames come after the reply: whoever dies before the reply has heard nothing of the order."""
_SECOND = "select client_order_id, state from execution.attempts where account_id = $1 and number = 1"


class SecondAttemptKilled:
    """Kills execution once, when the second attempt of a leg is on its way.

    Whether the request carries the second attempt is looked up while the wire waits with it, so that the kill itself
    follows the step without a pause.

    Args:
        stage: Where it happens.
        step: `BEFORE_SEND`, then the venue never sees a byte of it; or `SENT`, then the venue has all of it.
    """

    def __init__(self, stage: Stage, step: Step) -> None:
        assert step in {Step.BEFORE_SEND, Step.SENT}
        self.happened = asyncio.Event()
        self.link_id = ""
        self._stage = stage
        self._step = step
        self._one_at_a_time = asyncio.Lock()
        self._books: asyncpg.Connection[Any] | None = None
        self._customer: Customer | None = None

    @contextlib.asynccontextmanager
    async def armed(self, customer: Customer) -> AsyncIterator[None]:
        """It happens inside the block."""
        assert self._stage.proxy is not None
        self._customer, self._books = customer, await self._stage.books()
        await self._stage.order(kind="stream_latency", uid=customer.uid, latency_ms=STREAM_LATENCY_MS)
        self._stage.proxy.hook = self._on_step
        try:
            yield
        finally:
            self._stage.proxy.hook = _nothing
            await self._books.close(timeout=5)

    async def state(self) -> str:
        """What the books say of the second attempt."""
        return str((await self._second())["state"])

    async def _on_step(self, step: Step) -> None:
        if step is Step.BEFORE_SEND and not self.link_id:
            async with self._one_at_a_time:
                row = await self._second(missing=True)
                self.link_id = row["client_order_id"] if row else ""
        if step is not self._step or not self.link_id or self.happened.is_set():
            return
        self._stage.platform.services["execution"].kill()
        self.happened.set()
        if step is Step.BEFORE_SEND:
            raise ConnectionResetError("whoever wrote this request is dead")

    async def _second(self, *, missing: bool = False) -> Any:
        assert self._books is not None
        assert self._customer is not None
        async with asyncio.timeout(5):
            row = await self._books.fetchrow(_SECOND, self._customer.account_id)
        assert row is not None or missing, "there is no second attempt"
        return row


async def _nothing(step: Step) -> None:
    del step
