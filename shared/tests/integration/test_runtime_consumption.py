"""A durable consumer on the real server: what holds a message up, and what does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import uuid4

import pytest
from kit.desk import an_order
from prometheus_client import CollectorRegistry

from basketry_local.testing.bus import Bus
from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.bus import BusHealth, make_broker
from shared.runtime.consumption import Consumption
from shared.runtime.events import Delivery, EventRouter
from shared.runtime.settings import ServiceSettings
from shared.testing import FakeClock, eventually

pytestmark = pytest.mark.integration

FETCH_S = 120.0
"""Longer than any patience here: what waits for the end of a pull request never comes."""


class Bell:
    """Notes what arrives; the message `held` is not finished before it is let go."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.held = 0
        self.let_go = asyncio.Event()
        self.router = EventRouter(EXECUTION_ORDERS)
        self.router.on_raw(self.take)

    async def take(self, delivery: Delivery) -> None:
        self.heard.append(delivery.sequence)
        if delivery.sequence == self.held:
            await self.let_go.wait()

    async def rings_for(self, number: int) -> None:
        await eventually(lambda: number in self.heard)


@asynccontextmanager
async def consuming(bus: Bus, bell: Bell) -> AsyncIterator[Consumption]:
    """The consumer at work, as a service has it."""
    health = BusHealth(CollectorRegistry())
    settings = ServiceSettings(nats_url=bus.url, nats_seed=bus.seed("execution"))
    broker = make_broker("execution", settings, health, middlewares=[])
    one = Consumption(bell.router, broker, service="execution", clock=FakeClock(), fetch_s=FETCH_S)
    await broker.connect()
    await one.start()
    try:
        yield one
    finally:
        health.stopping = True
        bell.let_go.set()
        await one.stop()
        await broker.stop()


async def publish(bus: Bus) -> None:
    async with bus.connect() as tester:
        order = an_order(uuid4(), uuid4()).model_dump_json().encode()
        await tester.jetstream().publish("orders.v1.place_basket_order.x.y", order)


async def test_a_pull_request_left_behind_holds_no_message_up(bus: Bus) -> None:
    bell = Bell()
    async with consuming(bus, bell) as one, bus.connect() as tester:
        inbox = cast("Any", one.subscriber.subscription)._deliver
        await eventually(lambda: _waiting(one, 1))
        left_behind = json.dumps({"batch": 8, "expires": int(FETCH_S * 1e9)}).encode()
        await tester.publish(f"$JS.API.CONSUMER.MSG.NEXT.{one.spec.stream}.{one.spec.name}", left_behind, inbox)
        await eventually(lambda: _waiting(one, 2))
        for number in (1, 2, 3):
            await publish(bus)
            await bell.rings_for(number)


async def test_a_slow_handler_holds_back_nobody_but_itself(bus: Bus) -> None:
    bell = Bell()
    bell.held = 1
    async with consuming(bus, bell):
        for number in range(1, EXECUTION_ORDERS.at_once + 3):
            await publish(bus)
            await bell.rings_for(number)
        assert not bell.let_go.is_set()


async def test_no_more_are_taken_than_are_worked_on(bus: Bus) -> None:
    """What nobody works on stays with the bus, for another replica."""
    bell = Bell()
    stuck = asyncio.Event()

    async def take(delivery: Delivery) -> None:
        bell.heard.append(delivery.sequence)
        await stuck.wait()

    bell.router.on_raw(take)
    async with consuming(bus, bell) as one:
        for _ in range(EXECUTION_ORDERS.at_once + 2):
            await publish(bus)
        await eventually(lambda: len(bell.heard) == EXECUTION_ORDERS.at_once)
        info = await one.info()
        assert (info.num_ack_pending, info.num_pending) == (EXECUTION_ORDERS.at_once, 2)
        stuck.set()
        await eventually(lambda: len(bell.heard) == EXECUTION_ORDERS.at_once + 2)


async def _waiting(one: Consumption, number: int) -> bool:
    return (await one.info()).num_waiting == number
