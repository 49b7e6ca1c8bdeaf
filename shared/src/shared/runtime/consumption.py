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
from nats.js.api import ConsumerInfo
from nats.js.errors import Error as JetStreamError

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
    """

    def __init__(self, router: EventRouter, broker: NatsBroker, *, service: str, clock: Clock) -> None:
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
            pull_sub=PullSub(batch_size=self.spec.batch_size, timeout=FETCH_S),
            inbox_prefix=f"_INBOX_{service}.".encode(),
            decoder=whole,
            # MANUAL: `_consume` acks, naks or terminates, or leaves the message to come back after ack_wait.
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        self.subscriber(self._consume, filter=every)
        self._fetch_for_ever = self.subscriber._consume_pull  # noqa: SLF001 - see _patiently
        self.subscriber._consume_pull = self._patiently  # type: ignore[method-assign]  # noqa: SLF001

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

    async def _patiently(self, cb: Callable[[Msg], Coroutine[Any, Any, Any]]) -> None:
        """FastStream's own loop, going on after a fetch that found nothing in time.

        It expects `nats.errors.TimeoutError`; nats-py raises asyncio's plain one when the time runs out between its two
        requests (`PullSubscription._fetch_n`). The loop would fall with a traceback and be started again.
        """
        while self.subscriber.running:
            with contextlib.suppress(TimeoutError):
                await self._fetch_for_ever(cb)

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
