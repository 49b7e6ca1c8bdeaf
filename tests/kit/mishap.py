"""What goes wrong in the middle of a buy, always from outside the product.

The proxy lets one or two batches through, waits until the books have their fills, releases one more batch (the victim)
and holds the rest back, so that some legs are filled and some are open when it happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from kit.proxy import Step
from kit.stage import Customer, Stage
from shared.testing import eventually

STREAM_LATENCY_MS = 400
"""Frames come after the reply, so that there is a moment between the two."""
_HELD_S = 30.0
_COUNT = """select count(*) filter (where l.status not in ('FILLED', 'SKIPPED', 'CANCELLED', 'REJECTED')) as open,
                   count(*) filter (where l.status = 'FILLED') as filled
            from execution.legs l join execution.positions p using (position_id) where p.account_id = $1"""
_NOTICE = """create or replace function public.test_notice() returns trigger language plpgsql security definer as $$
begin perform pg_notify('test_mishap', new.exec_id); return null; end $$"""


class Mishap:
    """Kills something once, at a step of the victim's way.

    Args:
        stage: Where it happens.
        chance: Decides how far the buy gets first.
    """

    step: Step | None = Step.REPLIED
    kills_execution = True

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage = stage
        self.happened = asyncio.Event()
        self.open_legs = 0
        self._passing = chance.randrange(1, 3)
        self._requests = 0
        self._released = False
        self._customer: Customer | None = None
        self._books: asyncpg.Connection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def armed(self, customer: Customer) -> AsyncIterator[None]:
        """It happens inside the block."""
        assert self.stage.proxy is not None
        self._customer = customer
        self._books = await self.stage.books()
        await self.stage.order(kind="stream_latency", uid=customer.uid, latency_ms=STREAM_LATENCY_MS)
        await self.prepare(self._books)
        self.stage.proxy.hook = self.on_step
        try:
            yield
        finally:
            self.stage.proxy.hook = _nothing
            await self.clean_up()
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self._books.close(timeout=5)

    async def prepare(self, books: asyncpg.Connection[Any]) -> None:
        """Before the buy."""

    async def clean_up(self) -> None:
        """After it happened."""

    async def on_step(self, step: Step) -> None:
        """At each step of the wire: hold back, release, or strike."""
        if step is Step.BEFORE_SEND:
            await self._gate()
        if step is self.step and self._released and not self.happened.is_set():
            async with self._one_at_a_time:
                if not self.happened.is_set() and await self.midway():
                    self.strike()
                    self.happened.set()

    async def _gate(self) -> None:
        self._requests += 1
        if self.happened.is_set() or self._requests <= self._passing:
            return
        if not self._released and self._requests == self._passing + 1:
            await eventually(self.midway, timeout_s=_HELD_S, because="the first batches are booked")
            self._released = True
            return
        await asyncio.wait_for(self.happened.wait(), _HELD_S)
        if self.kills_execution:
            raise ConnectionResetError("whoever wrote this request is dead")

    async def midway(self) -> bool:
        """Whether some legs are filled and some are not; notes how many are open."""
        assert self._books is not None
        assert self._customer is not None
        async with asyncio.timeout(5):
            row = await self._books.fetchrow(_COUNT, self._customer.account_id)
        assert row is not None
        self.open_legs = row["open"]
        return bool(row["filled"] >= 1 and row["open"] >= 1)

    def strike(self) -> None:
        """The kill itself; synchronous, so that nothing else runs in between."""
        self.stage.platform.services["execution"].kill()


class IntentCommitted(Mishap):
    """Execution dies with intents committed whose bytes the venue never saw."""

    step = Step.BEFORE_SEND

    async def on_step(self, step: Step) -> None:
        await super().on_step(step)
        if step is Step.BEFORE_SEND and self.happened.is_set():
            raise ConnectionResetError("whoever wrote this request is dead")


class BytesSent(Mishap):
    """Execution dies when the venue has the request and nobody has the reply."""

    step = Step.SENT


class ReplyRead(Mishap):
    """Execution dies with the reply on its side of the wire and no fill yet."""


class FillRead(Mishap):
    """Execution dies with executions on its side of the wire that are not booked."""

    step = Step.FILL_READ


class FillCommitted(Mishap):
    """Execution dies with a fill committed while the bus stands still, so that its outbox row is unsent."""

    step = None

    async def prepare(self, books: asyncpg.Connection[Any]) -> None:
        await books.execute(_NOTICE)
        await books.execute(
            "create or replace trigger test_notice after insert on execution.fills "
            "for each row execute function public.test_notice()"
        )
        await books.add_listener("test_mishap", self._on_notice)

    async def on_step(self, step: Step) -> None:
        await super().on_step(step)
        if step is Step.SENT and self._released and not self.happened.is_set():
            self._signal_bus(signal.SIGSTOP)
            self._bus_stands = True

    _bus_stands = False
    _counting: asyncio.Future[None] | None = None

    def _on_notice(self, *_: object) -> None:
        if self._bus_stands and self._counting is None:
            self.strike()
            self._counting = asyncio.ensure_future(self._finish())

    async def _finish(self) -> None:
        assert self._books is not None
        await self.midway()
        unsent = await self._books.fetchval("select count(*) from execution.outbox where sent_at is null")
        self._signal_bus(signal.SIGCONT)
        assert unsent, "the outbox row of the fill was sent before the kill"
        self.happened.set()

    async def clean_up(self) -> None:
        self._signal_bus(signal.SIGCONT)
        books = await self.stage.books()
        try:
            await books.execute("drop trigger if exists test_notice on execution.fills")
        finally:
            await books.close()

    def _signal_bus(self, number: signal.Signals) -> None:
        process = self.stage.platform.nats.process
        if process is not None and process.poll() is None:
            process.send_signal(number)


class BusKilled(Mishap):
    """The NATS server dies."""

    kills_execution = False

    def strike(self) -> None:
        self.stage.platform.nats.kill()


class BusStoreLost(Mishap):
    """The NATS server dies and loses everything it stored."""

    kills_execution = False

    def strike(self) -> None:
        self.stage.platform.nats.kill()
        self.stage.platform.nats.lose_store()


class DatabaseKilled(Mishap):
    """PostgreSQL dies."""

    kills_execution = False

    def strike(self) -> None:
        self.stage.platform.postgres.kill()


async def _nothing(step: Step) -> None:
    del step


MISHAPS: dict[str, type[Mishap]] = {
    "intent_committed": IntentCommitted,
    "bytes_sent": BytesSent,
    "reply_read": ReplyRead,
    "fill_read": FillRead,
    "fill_committed": FillCommitted,
    "bus_killed": BusKilled,
    "bus_store_lost": BusStoreLost,
    "database_killed": DatabaseKilled,
}
