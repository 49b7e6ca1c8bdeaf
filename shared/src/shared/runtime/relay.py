"""The outbox relay: publishes what was committed, in order per aggregate, until the bus has it (decisions 13–15).

Rows are found by their `sent_at`, never by a cursor: transactions commit in another order than their numbers. One relay
per service is active, chosen by an advisory lock on the very connection that listens; when that connection dies, so
does the leadership.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError
from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.runtime.bus import close
from shared.runtime.logging import get_logger
from shared.runtime.outbox import channel
from shared.runtime.outbox_rows import OutboxRow, OutboxRows

log = get_logger(__name__)

POLL_S = 1.0
"""The safety net below NOTIFY."""
PUBLISH_S = 10.0
BATCH = 256
IN_FLIGHT = 64
GATHER_S = 0.02
"""Under load one look serves what was committed in this time; the first event after a rest leaves at once."""
STREAM_CHECK_S = 5.0
PRUNE_S = 3600.0
_SETTINGS = {"synchronous_commit": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"}
"""What the relay writes may be lost with the machine: an event that is no longer marked as sent goes out again under the
same id, and streams are compared anew by every relay that begins to lead."""
_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError, OSError, TimeoutError)


@dataclass(slots=True)
class RelayMetrics:
    """What operators watch."""

    sent: Counter
    failed: Counter
    oldest_s: Gauge
    leading: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry, *, prefix: str = "outbox") -> RelayMetrics:
        """Register them; a process with two relays gives the second another prefix."""
        return cls(
            sent=Counter(f"{prefix}_sent", "Events published and acknowledged", ["stream"], registry=registry),
            failed=Counter(
                f"{prefix}_failed", "Publications that failed; the row stays", ["reason"], registry=registry
            ),
            oldest_s=Gauge(f"{prefix}_oldest_unsent_seconds", "Age of the oldest unsent event", registry=registry),
            leading=Gauge(f"{prefix}_relay_leading", "1 in the one process that relays", registry=registry),
        )


@dataclass(slots=True)
class _Leadership:
    """What is known while this relay leads."""

    rows: OutboxRows
    wake: asyncio.Event
    created: dict[str, datetime] = field(default_factory=dict)
    resting: dict[str, float] = field(default_factory=dict)
    """Aggregates whose first row failed, with the moment (monotonic) of their next try."""
    tries: dict[str, int] = field(default_factory=dict)
    next_check: float = 0.0
    next_prune: float = 0.0
    next_age: float = 0.0
    next_round: float = 0.0
    """Not before this moment (monotonic), since a round has just published something."""


class Relay:
    """Publishes the outbox of one schema.

    Args:
        schema: The service's schema.
        dsn: Of the role `<schema>_relay`.
        connect: Opens the relay's own connection to the bus.
        poll_s: How often it looks when no commit has woken it.
    """

    def __init__(
        self,
        schema: str,
        dsn: str,
        connect: Callable[[], Awaitable[Client]],
        metrics: RelayMetrics,
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._schema = schema
        self._poll_s = poll_s
        self._dsn = dsn
        self._connect = connect
        self._metrics = metrics
        self._recheck = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._leading = False
        self.client: Client | None = None
        self._jetstream: JetStreamContext | None = None

    def reconnected(self) -> None:
        """The bus came back, perhaps with an empty store: compare the streams' ages at once."""
        self._recheck = True
        self._wake.set()

    async def drain(self, patience_s: float = 2.0) -> None:
        """Before the end: let what the last handlers committed go out, as far as the bus takes it in time."""
        if not self._leading:
            return
        self._idle.clear()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience_s)

    async def run(self) -> None:
        """Lead whenever possible, until cancelled."""
        self.client = await self._connect()
        self._jetstream = self.client.jetstream()
        try:
            while True:
                try:
                    await self._lead()
                except _LOST as error:
                    log.warning("relay_lost_database", error=type(error).__name__)
                self._metrics.leading.set(0)
                await asyncio.sleep(POLL_S)
        finally:
            self._metrics.leading.set(0)
            await close(self.client)
            self.client = None

    async def _lead(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=30, server_settings=_SETTINGS)
        try:
            rows = OutboxRows(connection, self._schema)
            if not await rows.take_the_lead():
                return
            await connection.add_listener(channel(self._schema), self._notified)
            connection.add_termination_listener(lambda _: self._wake.set())
            log.info("relay_leads", schema=self._schema)
            self._leading = True
            self._metrics.leading.set(1)
            await self._relay(_Leadership(rows, self._wake))
        finally:
            self._leading = False
            with contextlib.suppress(*_LOST):
                await connection.close(timeout=2)

    def _notified(self, *_: object) -> None:
        self._wake.set()

    async def _relay(self, lead: _Leadership) -> None:
        while True:
            # Cleared before the look: what commits during it wakes the next round.
            lead.wake.clear()
            await self._look_at_streams(lead)
            more = await self._send_batch(lead)
            if not more:
                await self._tell_age(lead)
                if not lead.wake.is_set():
                    self._idle.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lead.wake.wait(), self._poll_s)
                await asyncio.sleep(max(0.0, lead.next_round - time.monotonic()))

    async def _send_batch(self, lead: _Leadership) -> bool:
        """Publish a batch; True when there is more to do at once. What is committed from now on wakes the next round."""
        now = time.monotonic()
        resting = [aggregate for aggregate, until in lead.resting.items() if until > now]
        batch = await lead.rows.unsent(BATCH, without=resting)
        if not batch or not self._bus().is_connected:
            return False
        lanes: dict[str, list[OutboxRow]] = {}
        for row in batch:
            lanes.setdefault(row.aggregate_id, []).append(row)
        gate = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._send_lane(lead, lane, gate)) for lane in lanes.values()]
        sent = [row for task in tasks for row in task.result()]
        await lead.rows.mark_sent(sent, lead.created)
        lead.next_round = now + GATHER_S
        return bool(sent) and len(batch) == BATCH

    async def _send_lane(self, lead: _Leadership, lane: list[OutboxRow], gate: asyncio.Semaphore) -> list[OutboxRow]:
        """Publish one aggregate's rows one after another; a failure stops this aggregate, not the others."""
        sent: list[OutboxRow] = []
        for row in lane:
            async with gate:
                failure = await self._publish(row, lead.created)
            if failure is not None:
                self._rest(lead, row, failure)
                return sent
            sent.append(row)
        lead.resting.pop(lane[0].aggregate_id, None)
        lead.tries.pop(lane[0].aggregate_id, None)
        return sent

    async def _publish(self, row: OutboxRow, created: dict[str, datetime]) -> str | None:
        """Publish and wait for the stream's acknowledgement; the answer is the reason of a failure.

        A time-out means unknown: the row stays, and the same message id makes the next try harmless.
        """
        if row.stream not in created:
            return "stream_unknown"
        headers = {"Nats-Msg-Id": str(row.id), **({"traceparent": row.traceparent} if row.traceparent else {})}
        try:
            await self._streams().publish(
                row.subject, row.body.encode(), timeout=PUBLISH_S, stream=row.stream, headers=headers
            )
        except NoStreamResponseError:
            return "no_stream"
        except (nats.errors.TimeoutError, TimeoutError):
            return "timeout"
        except (nats.errors.Error, JetStreamError) as error:
            return type(error).__name__
        self._metrics.sent.labels(row.stream).inc()
        return None

    async def _tell_age(self, lead: _Leadership) -> None:
        now = time.monotonic()
        if now >= lead.next_age:
            lead.next_age = now + POLL_S
            self._metrics.oldest_s.set(await lead.rows.oldest_age_s())

    def _rest(self, lead: _Leadership, row: OutboxRow, reason: str) -> None:
        tries = lead.tries.get(row.aggregate_id, 0) + 1
        lead.tries[row.aggregate_id] = tries
        lead.resting[row.aggregate_id] = time.monotonic() + min(10.0, 0.25 * 2.0 ** min(tries, 6))
        self._metrics.failed.labels(reason).inc()
        log.error("event_not_published", event_id=str(row.id), subject=row.subject, reason=reason, tries=tries)

    async def _look_at_streams(self, lead: _Leadership) -> None:
        """Compare the streams' creation times with those of the rows they acknowledged: a lost store loses nothing."""
        now = time.monotonic()
        if not self._bus().is_connected or (now < lead.next_check and not self._recheck):
            return
        self._recheck = False
        lead.next_check = now + STREAM_CHECK_S
        for stream in await lead.rows.streams():
            try:
                info = await self._streams().stream_info(stream)
            except (nats.errors.Error, JetStreamError, TimeoutError) as error:
                lead.created.pop(stream, None)
                lead.next_check = now + POLL_S
                log.warning("stream_not_there", stream=stream, error=type(error).__name__)
                continue
            if info.created is None or lead.created.get(stream) == info.created:
                continue
            again = await lead.rows.unmark_older(stream, info.created, float(info.config.max_age or 0))
            lead.created[stream] = info.created
            lead.resting.clear()
            if again:
                log.warning("stream_was_rebuilt", stream=stream, events_sent_again=again)
        if now >= lead.next_prune:
            lead.next_prune = now + PRUNE_S
            await lead.rows.prune()

    def _bus(self) -> Client:
        if self.client is None:
            raise RuntimeError("the relay is not running")
        return self.client

    def _streams(self) -> JetStreamContext:
        if self._jetstream is None:
            raise RuntimeError("the relay is not running")
        return self._jetstream
