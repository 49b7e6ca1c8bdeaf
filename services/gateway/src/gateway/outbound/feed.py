"""The FEED stream: followed once per replica, replayed for a browser that comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import Error as JetStreamError

from gateway.application.hub import Hub
from gateway.application.ports import FeedBounds, FeedMessage
from gateway.domain.errors import StreamPositionGone
from shared.runtime.bus import reconnect_died
from shared.trading.clock import epoch_ms
from shared.trading.errors import Unavailable

STREAM = "FEED"
HEARTBEAT_S = 1.0
WATCH_S = 1.0
STALLED = 3
"""Looks at a stream that has moved on without us, before the consumer is made anew."""
REPLAY_LIMIT = 5000
REPLAY_WAIT_S = 10.0
REPLAYS = 8

log = structlog.get_logger(__name__)
AWAY = (nats.errors.Error, JetStreamError, TimeoutError, OSError)


class FeedConnection:
    """The raw connection of the feed, made when it is first needed; nats-py keeps it alive afterwards."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def jetstream(self) -> JetStreamContext:
        """The stream API on it.

        Raises:
            nats.errors.Error, OSError: the server is away.
        """
        async with self._connecting:
            if self._client is not None and reconnect_died(self._client):
                await self._client.close()
            if self._client is None or self._client.is_closed:
                self._client = await self._connect()
            return self._client.jetstream(timeout=5)

    async def close(self) -> None:
        """Give the connection back."""
        if self._client is not None and not self._client.is_closed:
            # The server may be gone already, and with it what would have to be flushed (uvloop: a RuntimeError).
            with contextlib.suppress(*AWAY, RuntimeError):
                await self._client.close()


class FeedHistory:
    """Reads the FEED with short-lived ordered consumers, a bounded number at a time."""

    def __init__(self, connection: FeedConnection) -> None:
        self._connection = connection
        self._turns = asyncio.Semaphore(REPLAYS)

    async def bounds(self) -> FeedBounds:
        """What can be replayed.

        Raises:
            Unavailable: the bus does not answer, or FEED is being made.
        """
        try:
            return bounds_of(await (await self._connection.jetstream()).stream_info(STREAM))
        except AWAY as error:
            raise _unreachable() from error

    async def replay(self, user_id: UUID, *, after: int, until: int) -> AsyncGenerator[FeedMessage, None]:
        """The user's events with `after` < sequence ≤ `until`, in order.

        Raises:
            StreamPositionGone: there are more of them than a replay carries.
            Unavailable: the bus went away.
        """
        if after >= until:
            return
        async with self._turns:
            try:
                js = await self._connection.jetstream()
                reading, pending = await follow(js, after + 1, subject=f"*.*.*.{user_id}.>")
            except AWAY as error:
                raise _unreachable() from error
            try:
                if pending > REPLAY_LIMIT:
                    raise StreamPositionGone("Too much happened since; here is the state as it is now.")
                async for message in _until(reading, until, pending):
                    yield message
            except AWAY as error:
                raise _unreachable() from error
            finally:
                await drop(js, reading)


class FeedReader:
    """Follows the FEED from now on and hands every event to the hub, across restarts, gaps and rebuilt streams.

    nats-py's ordered consumer recovers from lost messages and restarts. A watch beside it sees what the consumer cannot:
    a stream that was lost and made again, and a consumer that silently delivers nothing more.
    """

    def __init__(self, connection: FeedConnection, hub: Hub) -> None:
        self._connection = connection
        self._hub = hub

    async def follow_for_ever(self) -> None:
        """Runs until it is cancelled; an error is logged, and the feed is followed anew after a pause."""
        while True:
            try:
                await self._follow()
            except AWAY as error:
                log.warning("feed_interrupted", error=type(error).__name__)
            finally:
                self._hub.paused()
            await asyncio.sleep(WATCH_S)

    async def _follow(self) -> None:
        js = await self._connection.jetstream()
        bounds = bounds_of(await js.stream_info(STREAM))
        self._hub.live(bounds)
        # By sequence instead of "new": nothing slips in between the look at the stream and the consumer.
        reading, _ = await follow(js, self._hub.seen + 1, deliver=self._deliver)
        log.info("feed_followed", epoch=bounds.epoch, after=self._hub.seen)
        try:
            await self._watch(js, bounds.epoch)
        finally:
            await drop(js, reading)

    async def _watch(self, js: JetStreamContext, epoch: str) -> None:
        behind = 0
        while behind < STALLED:
            seen = self._hub.seen
            await asyncio.sleep(WATCH_S)
            now = bounds_of(await js.stream_info(STREAM))
            if now.epoch != epoch:
                log.warning("feed_rebuilt", epoch=now.epoch)
                return
            behind = behind + 1 if self._hub.seen == seen and now.last_sequence > seen else 0
        log.warning("feed_stalled", seen=self._hub.seen)

    async def _deliver(self, message: Msg) -> None:
        found = _message(message)
        self._hub.publish(user_of(found.subject), found)


async def follow(
    js: JetStreamContext, start: int, *, subject: str = ">", deliver: Callable[[Msg], Awaitable[None]] | None = None
) -> tuple[JetStreamContext.PushSubscription, int]:
    """An ordered consumer from a sequence on, and how many messages wait for it.

    It has no name: its reset would make a second one of the same name while the first lives.
    """
    config = ConsumerConfig(
        filter_subject=subject,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=max(start, 1),
        deliver_subject=js._nc.new_inbox(),  # noqa: SLF001 - what js.subscribe does itself
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        ack_wait=22 * 3600,
        flow_control=True,
        idle_heartbeat=HEARTBEAT_S,
        inactive_threshold=30,
        num_replicas=1,
        mem_storage=True,
    )
    made = await js.add_consumer(STREAM, config)
    reading = await js.subscribe_bind(STREAM, config, made.name, cb=deliver, ordered_consumer=True)
    return reading, made.num_pending or 0


async def drop(js: JetStreamContext, reading: JetStreamContext.PushSubscription) -> None:
    """End a consumer; unsubscribing alone would leave it on the server."""
    with contextlib.suppress(*AWAY):
        await reading.unsubscribe()
    with contextlib.suppress(*AWAY):
        async with asyncio.timeout(2):
            await js.delete_consumer(STREAM, reading._consumer)  # noqa: SLF001 - an ordered consumer changes its name


async def _until(reading: JetStreamContext.PushSubscription, until: int, pending: int) -> AsyncIterator[FeedMessage]:
    while pending > 0:
        raw = await reading.next_msg(timeout=REPLAY_WAIT_S)
        message = _message(raw)
        if message.sequence > until:
            return
        yield message
        pending = raw.metadata.num_pending


def bounds_of(info: StreamInfo) -> FeedBounds:
    """What the stream holds; its creation time names it, since a stream made anew counts from 1 again."""
    created = info.created or datetime.fromtimestamp(0, UTC)
    return FeedBounds(
        epoch=f"{epoch_ms(created):x}", first_sequence=info.state.first_seq, last_sequence=info.state.last_seq
    )


def user_of(subject: str) -> UUID | None:
    """Whose event it is: the fourth token; None for nobody's."""
    parts = subject.split(".")
    try:
        return UUID(parts[3])
    except (IndexError, ValueError):
        return None


def _message(raw: Msg) -> FeedMessage:
    sequence = raw.metadata.sequence.stream
    return FeedMessage(sequence=sequence, subject=raw.subject, body=raw.data, event_id=_event_id(raw))


def _event_id(raw: Msg) -> UUID | None:
    """The relay publishes every event under its own id; nothing has to be parsed to know it."""
    try:
        return UUID((raw.headers or {}).get("Nats-Msg-Id", ""))
    except ValueError:
        return None


def _unreachable() -> Unavailable:
    return Unavailable("The live feed is not reachable now; try again in a moment.", code="live_feed_unavailable")
