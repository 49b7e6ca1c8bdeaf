"""What goes wrong in the middle of a buy, always from outside the product."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from kit.proxy import Step
from kit.stage import Stage

_COUNT = """select count(*) filter (where l.status not in ('FILLED', 'SKIPPED', 'CANCELLED', 'REJECTED')) as open,
                   count(*) filter (where l.status = 'FILLED') as filled
            from execution.legs l join execution.positions p using (position_id) where p.account_id = $1"""

_NOTIFY = """create or replace function public.test_notice() returns trigger language plpgsql security definer as $$
begin
  if (select count(*) from execution.legs l where l.position_id = new.position_id and l.status = 'FILLED') >= {filled}
  then perform pg_notify('test_mishap', new.position_id::text); end if;
  return null;
end $$"""


class Mishap:
    """Kills something once between one and nine legs are still open.

    Args:
        stage: Where it happens.
        chance: Decides how far the buy gets first.
    """

    step: Step | None = Step.REPLIED

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage = stage
        self.happened = asyncio.Event()
        self.open_legs = 0
        self.filled_first = chance.randrange(1, 4)
        self._account: UUID | None = None
        self._books: asyncpg.Connection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def armed(self, account_id: UUID) -> AsyncIterator[None]:
        """It may happen inside the block."""
        assert self.stage.proxy is not None
        self._account = account_id
        self._books = await self.stage.books()
        await self.prepare(self._books)
        self.stage.proxy.hook = self.on_step
        try:
            yield
        finally:
            self.stage.proxy.hook = _nothing
            await self.clean_up()
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._books.close(timeout=5)

    async def prepare(self, books: asyncpg.Connection[Any]) -> None:
        """Before the buy."""

    async def clean_up(self) -> None:
        """After it happened."""

    async def on_step(self, step: Step) -> None:
        """At each step of the wire: is this the moment?"""
        if step is not self.step or self.happened.is_set():
            return
        async with self._one_at_a_time:
            if not self.happened.is_set() and await self.midway():
                self.strike()
                self.happened.set()

    async def midway(self) -> bool:
        """Whether some legs are filled and some are not; notes how many are open."""
        assert self._books is not None
        row = await self._books.fetchrow(_COUNT, self._account)
        assert row is not None
        self.open_legs = row["open"]
        return bool(row["filled"] >= self.filled_first and row["open"] >= 1)

    def strike(self) -> None:
        """The kill itself; synchronous, so that nothing else runs in between."""
        self.stage.platform.services["execution"].kill()


class ReplyRead(Mishap):
    """Execution dies with the reply read and nothing committed after it."""


class BytesSent(Mishap):
    """Execution dies when the venue has the request and nobody has the reply."""

    step = Step.SENT


class FillRead(Mishap):
    """Execution dies with executions read from the stream and not yet booked."""

    step = Step.FILL_READ


class _Noticed(Mishap):
    """Struck at a commit that a trigger of this test reports."""

    step = None
    table = "attempts"

    async def prepare(self, books: asyncpg.Connection[Any]) -> None:
        await books.execute(_NOTIFY.format(filled=self.filled_first))
        await books.execute(
            f"create or replace trigger test_notice after insert on execution.{self.table} "
            "for each row execute function public.test_notice()"
        )
        await books.add_listener("test_mishap", self._on_notice)

    async def clean_up(self) -> None:
        books = await self.stage.books()
        try:
            await books.execute(f"drop trigger if exists test_notice on execution.{self.table}")
        finally:
            await books.close()

    def _on_notice(self, *_: object) -> None:
        if not self.happened.is_set():
            self.strike()
            self._count = asyncio.ensure_future(self._finish())

    async def _finish(self) -> None:
        await self.midway()
        self.happened.set()


class IntentCommitted(_Noticed):
    """Execution dies with intents committed; the proxy holds their bytes back, so the venue never saw them."""

    async def on_step(self, step: Step) -> None:
        if step is Step.BEFORE_SEND and await self.midway():
            await asyncio.wait_for(self.happened.wait(), 30)


class FillCommitted(_Noticed):
    """Execution dies with a fill committed while the bus stands still, so that its outbox row is unsent."""

    table = "fills"

    async def on_step(self, step: Step) -> None:
        if step is Step.SENT and not self.happened.is_set() and await self.midway():
            self._signal_bus(signal.SIGSTOP)

    async def _finish(self) -> None:
        await self.midway()
        assert self._books is not None
        unsent = await self._books.fetchval("select count(*) from execution.outbox where sent_at is null")
        assert unsent, "the outbox row of the fill was sent before the kill"
        self._signal_bus(signal.SIGCONT)
        self.happened.set()

    async def clean_up(self) -> None:
        self._signal_bus(signal.SIGCONT)
        await super().clean_up()

    def _signal_bus(self, number: signal.Signals) -> None:
        process = self.stage.platform.nats.process
        if process is not None and process.poll() is None:
            process.send_signal(number)


class BusKilled(Mishap):
    """The NATS server dies."""

    def strike(self) -> None:
        self.stage.platform.nats.kill()


class BusStoreLost(Mishap):
    """The NATS server dies and loses everything it stored."""

    def strike(self) -> None:
        self.stage.platform.nats.kill()
        self.stage.platform.nats.lose_store()


class DatabaseKilled(Mishap):
    """PostgreSQL dies."""

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
