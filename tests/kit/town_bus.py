"""The bus in memory: whatever commits is delivered at least once, some of it twice, in no promised order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from kit.memory_house import Transaction
from shared.contracts.fields import EventData
from shared.runtime.events import Delivery, EventRouter
from shared.runtime.outbox import Announcement, Outbox, outbox_table
from shared.runtime.reaction import Ack, Bury, Retry
from shared.trading.clock import Clock, Ids

HOP_S = 0.005
TWICE_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its outbox wrote it."""

    event_id: UUID
    stream: str
    subject: str
    body: bytes


@dataclass
class MemoryBus:
    """Carries letters to the routers.

    Attributes:
        twice: Chance that a letter is delivered a second time, some seconds later.
        largest: Bytes of the largest letter so far: a real stream refuses more than a mebibyte.
        buried: What became a dead letter, and why.
    """

    rng: random.Random
    twice: float = 0.0
    routers: list[EventRouter] = field(default_factory=list)
    seen: set[UUID] = field(default_factory=set)
    subjects: list[str] = field(default_factory=list)
    buried: list[tuple[str, str]] = field(default_factory=list)
    largest: int = 0
    largest_subject: str = ""
    _sequence: int = 0
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def publish(self, letters: Sequence[Letter]) -> None:
        """Hand letters to everybody who reads their stream; a letter that was published before is dropped."""
        for letter in letters:
            if letter.event_id in self.seen:
                continue
            self.seen.add(letter.event_id)
            self.subjects.append(letter.subject)
            self._sequence += 1
            if len(letter.body) > self.largest:
                self.largest, self.largest_subject = len(letter.body), letter.subject
            for router in self.routers:
                if _reads(router, letter):
                    self._send(router, letter, self._sequence)

    def _send(self, router: EventRouter, letter: Letter, sequence: int) -> None:
        pauses = [HOP_S]
        if self.rng.random() < self.twice:
            pauses.append(self.rng.uniform(0, TWICE_WITHIN_S))
        for pause_s in pauses:
            task = asyncio.get_running_loop().create_task(self._deliver(router, letter, sequence, pause_s))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, router: EventRouter, letter: Letter, sequence: int, pause_s: float) -> None:
        for deliveries in range(1, 100):
            await asyncio.sleep(pause_s)
            verdict = await router.handle(
                Delivery(letter.stream, sequence, deliveries, letter.subject, {}, letter.body)
            )
            if isinstance(verdict, Retry):
                pause_s = verdict.delay_s
                continue
            if isinstance(verdict, Bury):
                self.buried.append((letter.subject, f"{router.consumer.name}: {verdict.code}: {verdict.detail}"))
            else:
                assert isinstance(verdict, Ack), verdict
            return

    async def quiet(self) -> None:
        """Until nothing is on its way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way))


def _reads(router: EventRouter, letter: Letter) -> bool:
    consumer = router.consumer
    return consumer.stream == letter.stream and letter.subject.startswith(consumer.filter_subject.removesuffix(">"))


class MemoryOutbox(Outbox):
    """Writes the very rows of the real outbox, and gives them to the bus when its transaction commits.

    Args:
        source: The service that publishes.
    """

    def __init__(self, bus: MemoryBus, *, source: str, clock: Clock, ids: Ids) -> None:
        super().__init__(outbox_table(sa.MetaData(schema=source)), source=source, clock=clock, ids=ids)
        self._bus = bus

    async def record(self, unit: Any, announcements: Sequence[Announcement]) -> None:
        """Events of a transaction; they leave when it commits, and not otherwise."""
        letters = [_letter(self._row(one)) for one in announcements]
        transaction: Transaction = unit
        transaction.on_commit(lambda: self._bus.publish(letters))

    async def join(self, writes: Any, announcements: Sequence[Announcement]) -> None:
        """The same, with whatever else the transaction has yet to write."""
        await self.record(writes, announcements)

    def say(self, data: EventData, *, user_id: UUID, entity_id: UUID) -> None:
        """Publish one event at once, as a service does that keeps nothing else."""
        one = Announcement(data=data, user_id=user_id, entity_id=entity_id, aggregate_id=entity_id, aggregate_version=1)
        self._bus.publish([_letter(self._row(one))])


def _letter(row: dict[str, Any]) -> Letter:
    return Letter(event_id=row["id"], stream=row["stream"], subject=row["subject"], body=row["body"].encode())
