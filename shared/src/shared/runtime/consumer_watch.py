"""Watches a process's durable consumers: a vanished one is silent in the client, so the server is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerInfo
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from shared.contracts.topology import ACK_WAIT_S, MAX_DELIVER, ConsumerSpec
from shared.runtime.consumption import Consumption
from shared.runtime.death import die
from shared.runtime.logging import get_logger

log = get_logger(__name__)

LOOK_S = 2.0
QUIET_S = 15.0
"""Without a live pull request or a delivery for this long a consumer counts as not consuming."""
_PAUSES_S = (0.1, 0.3, 1.0, 2.0)
AWAY = (nats.errors.Error, JetStreamError, TimeoutError, OSError)


class ConsumerDrift(RuntimeError):
    """A durable differs from the topology: it would silently feed the wrong messages."""


def drift(info: ConsumerInfo, spec: ConsumerSpec) -> str:
    """What differs between a durable and our code; empty when nothing does."""
    config = info.config
    facts = {
        "filter_subject": (config.filter_subject, spec.filter_subject),
        "ack_wait": (config.ack_wait, ACK_WAIT_S),
        "max_deliver": (config.max_deliver, MAX_DELIVER),
        "max_ack_pending": (config.max_ack_pending, spec.max_ack_pending),
        "ack_policy": (config.ack_policy, AckPolicy.EXPLICIT),
    }
    return ", ".join(f"{name} is {found}, not {ours}" for name, (found, ours) in facts.items() if found != ours)


async def await_durable(streams: JetStreamContext, spec: ConsumerSpec) -> None:
    """Wait until a durable is there (the provisioner may still be at work) and prove that it is ours.

    Raises:
        ConsumerDrift: It is there, but differs.
    """
    tries = 0
    while True:
        try:
            info = await streams.consumer_info(spec.stream, spec.name, timeout=3)
        except AWAY as error:
            if tries % 10 == 0:
                log.warning("consumer_not_there_yet", consumer=spec.name, error=type(error).__name__)
            await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1
            continue
        difference = drift(info, spec)
        if difference:
            raise ConsumerDrift(f"{spec.stream}/{spec.name}: {difference}")
        return


class ConsumerWatch:
    """Looks after consumptions that have been started.

    Args:
        streams: Asks the server, over the broker's connection.
    """

    def __init__(self, consumptions: Sequence[Consumption], streams: JetStreamContext) -> None:
        self._consumptions = consumptions
        self._streams = streams
        self._alive: dict[str, float] = {one.spec.name: time.monotonic() for one in consumptions}
        self._delivered: dict[str, int] = {}

    async def run(self) -> None:
        """Look every two seconds, until cancelled."""
        while True:
            for one in self._consumptions:
                await self._look(one)
            await asyncio.sleep(LOOK_S)

    def silent(self) -> list[str]:
        """The consumers without a sign of life for 15 s."""
        now = time.monotonic()
        return sorted(name for name, seen in self._alive.items() if now - seen > QUIET_S)

    async def _look(self, one: Consumption) -> None:
        try:
            info = await self._streams.consumer_info(one.spec.stream, one.spec.name, timeout=3)
        except NotFoundError:
            await self._recover(one)
            return
        except AWAY as error:
            log.warning("consumer_not_asked", consumer=one.spec.name, error=type(error).__name__)
            return
        difference = drift(info, one.spec)
        if difference:
            die("consumer_drifted", consumer=one.spec.name, detail=difference)
        name, delivered = one.spec.name, info.delivered.consumer_seq if info.delivered else 0
        # Handlers that wait for our database hold the fetch back: that is readiness of the database, not silence.
        if info.num_waiting or delivered != self._delivered.get(name) or one.paused:
            self._alive[name] = time.monotonic()
        self._delivered[name] = delivered

    async def _recover(self, one: Consumption) -> None:
        """Without its durable the client asks in a hot loop: stop, wait until it was provisioned again, go on."""
        log.error("consumer_vanished", consumer=one.spec.name, stream=one.spec.stream)
        self._alive[one.spec.name] = time.monotonic() - QUIET_S
        await one.stop()
        try:
            await await_durable(self._streams, one.spec)
        except ConsumerDrift as error:
            die("consumer_drifted", consumer=one.spec.name, detail=str(error))
        await one.start()
        log.warning("consumer_recovered", consumer=one.spec.name)
