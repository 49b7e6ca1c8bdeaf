"""One durable pull consumer at work: fetches, hands to the router, and answers every message itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.js.api import ConsumerInfo
from nats.js.errors import Error as JetStreamError
from nats.js.errors import ServiceUnavailableError

from shared.contracts.dead_letter import DeadLetter, dead_letter_subject
from shared.contracts.topology import ACK_WAIT_S
from shared.runtime.bus import every, whole
from shared.runtime.events import Delivery, EventRouter
from shared.runtime.logging import get_logger
from shared.runtime.reaction import Ack, Bury, Pause, Retry, Verdict, reaction
from shared.trading.clock import Clock

log = get_logger(__name__)

FETCH_S = 5.0
HANDLER_S = 120.0
DEAD_LETTERS = "DLQ"
_PAUSE_S = (0.1, 0.3, 1.0, 2.0)


class Consumption:
    """Connects a router with its durable consumer on a broker.

    Args:
        service: Owner of the consumer, its inbox and its dead letters.
        fetch_s: A pull request that found nothing is made again after this.
    """

    def __init__(
        self, router: EventRouter, broker: NatsBroker, *, service: str, clock: Clock, fetch_s: float = FETCH_S
    ) -> None:
        self.spec = router.consumer
        self._router = router
        self._service = service
        self._clock = clock
        self._stopping = asyncio.Event()
        self.paused = False
        # Its own inbox prefix, with the dot: it is not inherited from the broker. Nothing is declared.
        self.subscriber = broker.subscriber(
            self.spec.filter_subject,
            durable=self.spec.name,
            stream=JStream(self.spec.stream, declare=False),
            pull_sub=PullSub(batch_size=1, timeout=fetch_s),
            inbox_prefix=f"_INBOX_{service}.".encode(),
            decoder=whole,
            # MANUAL: `_consume` acks, naks or terminates, or leaves the message to come back after ack_wait.
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        self.subscriber(self._consume, filter=every)
        self.subscriber._consume_pull = self._flow  # type: ignore[method-assign]  # noqa: SLF001 - see there

    async def start(self) -> None:
        """Fetch (again); the durable must be there."""
        self._stopping.clear()
        await self.subscriber.start()

    async def stop(self) -> None:
        """Stop fetching, let running handlers finish; those that wait for the database leave their message."""
        self._stopping.set()
        await self.subscriber.stop()

    async def info(self) -> ConsumerInfo:
        """What the server says about the durable."""
        found: ConsumerInfo = await self.subscriber.jetstream.consumer_info(self.spec.stream, self.spec.name, timeout=3)
        return found

    async def _flow(self, cb: Callable[[Msg], Coroutine[Any, Any, Any]]) -> None:
        """Fetch a message whenever one of the consumer's handlers is free, in place of FastStream's own loop.

        FastStream fetches batches, and nats-py's `fetch(n > 1)` stalls (nats.py issue 986, open): a pull request left
        behind by an idle time-out brings the next message but one, and the client then waits for the rest of a batch
        that nobody will send. Measured with 2.15: every third such message came up to a whole time-out late.
        `fetch(1)` returns with whatever comes, by whichever request; and a slow handler holds back nobody but itself.
        """
        free = asyncio.Semaphore(self.spec.at_once)
        failure: Exception | None = None

        async def handle(message: Msg) -> None:
            try:
                await cb(message)
            finally:
                free.release()

        async with asyncio.TaskGroup() as handlers:
            while self.subscriber.running and failure is None:
                await free.acquire()
                try:
                    fetched = await self._fetch()
                except Exception as error:  # noqa: BLE001 - raised below, once those at work have finished
                    fetched, failure = [], error
                for message in fetched:
                    handlers.create_task(handle(message))
                if not fetched:
                    free.release()
        if failure is not None:
            raise failure

    async def _fetch(self) -> list[Msg]:
        """One message, or none in time; nats-py says the latter with two kinds of time-out."""
        subscription, pull = self.subscriber.subscription, self.subscriber.pull_sub
        if subscription is None:
            raise RuntimeError("the consumption is not started")
        with contextlib.suppress(TimeoutError, ConnectionClosedError, ServiceUnavailableError):
            return list(await subscription.fetch(1, timeout=pull.timeout))
        return []

    async def _consume(self, message: NatsMessage) -> None:
        delivery = _delivery(message, self.spec.stream)
        async with _kept_alive(message):
            verdict = await self._decide(delivery)
            try:
                await self._answer(message, delivery, verdict)
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                # The bus is away: the message comes back after ack_wait and the inbox drops it.
                log.warning("event_not_answered", consumer=self.spec.name, error=type(error).__name__)

    async def _decide(self, delivery: Delivery) -> Verdict | None:
        """The router's verdict; while our database is away, ask again and again without giving the message back."""
        tries = 0
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(HANDLER_S):
                    verdict = await self._router.handle(delivery)
            except TimeoutError as error:
                log.exception("event_handler_too_slow", consumer=self.spec.name, subject=delivery.subject)
                return reaction(error, deliveries=delivery.deliveries)
            self.paused = isinstance(verdict, Pause)
            if not self.paused:
                return verdict
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _PAUSE_S[min(tries, len(_PAUSE_S) - 1)])
            tries += 1
        return None

    async def _answer(self, message: NatsMessage, delivery: Delivery, verdict: Verdict | None) -> None:
        match verdict:
            case Ack():
                await message.ack()
            case Retry(delay_s=delay):
                await message.nack(delay=delay)
            case Bury() if self.spec.stream == DEAD_LETTERS:
                # Its termination would be an advisory in the same stream: a letter about itself, for ever.
                log.critical("dead_letter_unreadable", sequence=delivery.sequence, code=verdict.code)
                await message.ack()
            case Bury():
                await self._bury(delivery, verdict)
                await message.reject()
            case _:
                return

    async def _bury(self, delivery: Delivery, why: Bury) -> None:
        letter = DeadLetter(
            service=self._service,
            consumer=self.spec.name,
            stream=delivery.stream,
            sequence=delivery.sequence,
            subject=delivery.subject,
            message_id=delivery.headers.get("Nats-Msg-Id"),
            family=why.family,
            code=why.code,
            detail=why.detail,
            deliveries=delivery.deliveries,
            headers=dict(delivery.headers),
            body=delivery.body.decode("utf-8", errors="backslashreplace"),
            at=self._clock.now(),
        )
        log.error("event_dead", consumer=self.spec.name, sequence=delivery.sequence, code=why.code, detail=why.detail)
        await self.subscriber.jetstream.publish(
            dead_letter_subject(self._service, delivery.stream),
            letter.model_dump_json().encode(),
            timeout=10,
            stream=DEAD_LETTERS,
            headers={"Nats-Msg-Id": f"{delivery.stream}:{delivery.sequence}:{self.spec.name}"},
        )


def _delivery(message: NatsMessage, stream: str) -> Delivery:
    raw = message.raw_message
    where = raw.metadata
    return Delivery(
        stream=stream,
        sequence=where.sequence.stream,
        deliveries=where.num_delivered,
        subject=raw.subject,
        headers=dict(raw.headers or {}),
        body=raw.data,
    )


@asynccontextmanager
async def _kept_alive(message: NatsMessage) -> AsyncIterator[None]:
    """Tell the server every ack_wait/3 that we are still at it, so that no second delivery overlaps the first."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_S / 3)
            with contextlib.suppress(nats.errors.Error, OSError):
                await message.in_progress()

    teller = asyncio.create_task(tell())
    try:
        yield
    finally:
        teller.cancel()
