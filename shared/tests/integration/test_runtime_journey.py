"""Outbox to handler, over the real bus with real rights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from operator import contains
from uuid import uuid4

import pytest
from kit.desk import Desk, an_order, place, publisher
from kit.rooms import Room
from opentelemetry.context import attach, detach
from opentelemetry.propagate import extract

from basketry_local.testing.bus import Bus
from shared.contracts.envelope import Envelope
from shared.contracts.orders import ClosePosition, PlaceBasketOrder
from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.correlation import correlated, current_causation, current_correlation
from shared.runtime.events import EventRouter
from shared.runtime.process import Process
from shared.runtime.relay import Relay, RelayMetrics
from shared.runtime.settings import dsn_text
from shared.testing import eventually
from shared.trading.errors import Invalid, Unavailable
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration


async def test_a_committed_event_reaches_its_handler_without_waiting_for_the_poll(
    gateway: Room, execution: Room
) -> None:
    desk = Desk(execution)
    async with publishing_without_poll(gateway), desk.process().running():
        for _ in range(10):  # each alone: the relay rests when the next one commits
            event = await place(gateway)
            await eventually(partial(contains, desk.done, event))
        await eventually(lambda: _none_unsent(gateway))


@asynccontextmanager
async def publishing_without_poll(gateway: Room) -> AsyncIterator[None]:
    """A relay that looks again by itself only long after the test: whatever arrives was told by the commit."""
    process = Process("gateway", gateway.settings)
    dsn = dsn_text(gateway.settings.relay_dsn, name="RELAY_DSN")
    metrics = RelayMetrics.on(process.registry)
    relay = Relay("gateway", dsn, partial(process.connect, "relay"), metrics, poll_s=3600)
    async with process.running():
        relaying = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            process.bus_health.stopping = True
            relaying.cancel()
            await asyncio.wait([relaying])


async def _none_unsent(room: Room) -> bool:
    return await room.unsent() == 0


async def test_a_rolled_back_event_never_leaves(gateway: Room, execution: Room) -> None:
    desk, user = Desk(execution), uuid4()
    async with publisher(gateway).running(), desk.process().running():
        with pytest.raises(RuntimeError):  # noqa: PT012 - the error ends the unit of work
            async with gateway.database.transaction(user) as session:
                await gateway.events.add(
                    session, an_order(user, user), user_id=user, entity_id=user, aggregate_id=user, aggregate_version=1
                )
                raise RuntimeError
        event = await place(gateway)
        await eventually(lambda: event in desk.done)
        assert desk.done == [event]


async def test_the_same_event_id_makes_the_event_once(gateway: Room) -> None:
    user, event = uuid4(), uuid4()
    for _ in range(2):
        async with gateway.database.transaction(user) as session:
            await gateway.events.add(
                session,
                an_order(user, user),
                user_id=user,
                entity_id=user,
                aggregate_id=user,
                aggregate_version=1,
                event_id=event,
            )
    assert await gateway.unsent() == 1
    body = json.loads((await gateway.look("select body from gateway.outbox"))[0]["body"])
    assert body["data"]["approved_amount"] == "100"


async def test_a_transient_error_brings_the_event_again_and_its_effect_happens_once(
    gateway: Room, execution: Room
) -> None:
    desk = Desk(execution)
    desk.fail = [Unavailable("not now")]
    async with publisher(gateway).running(), desk.process().running():
        event = await place(gateway)
        await eventually(lambda: event in desk.done)
    assert desk.seen == [event, event]
    assert [row["id"] for row in await execution.look("select id from execution.note")] == [event]


async def test_a_permanent_error_becomes_one_dead_letter_with_the_original(
    gateway: Room, execution: Room, bus: Bus
) -> None:
    desk = Desk(execution)
    desk.fail = [Invalid("never", code="cap_exceeded")]
    async with publisher(gateway).running(), desk.process().running(), bus.connect() as tester:
        event = await place(gateway)
        letters = await tester.jetstream().pull_subscribe("dlq.>", stream="DLQ", durable="look")
        letter = json.loads((await letters.fetch(1, timeout=10))[0].data)
        assert (letter["code"], letter["stream"], letter["sequence"]) == ("cap_exceeded", "ORDERS", 1)
        assert json.loads(letter["body"])["id"] == str(event)
        later = await place(gateway)
        await eventually(lambda: later in desk.done)
    assert desk.seen.count(event) == 1


@pytest.mark.parametrize(
    ("body", "code"), [(b"no json", "malformed_event"), (b"{}", "malformed_event"), (b"\xff\xfe", "malformed_event")]
)
async def test_nonsense_is_buried_and_what_follows_is_handled(
    gateway: Room, execution: Room, bus: Bus, body: bytes, code: str
) -> None:
    desk = Desk(execution)
    async with publisher(gateway).running(), desk.process().running(), bus.connect() as tester:
        await tester.jetstream().publish("orders.v1.place_basket_order.x.y", body)
        event = await place(gateway)
        await eventually(lambda: event in desk.done)
        letters = await tester.jetstream().pull_subscribe("dlq.>", stream="DLQ", durable="look")
        letter = json.loads((await letters.fetch(1, timeout=10))[0].data)
        assert letter["code"] == code


async def test_an_event_nobody_here_knows_is_passed_over(gateway: Room, execution: Room, bus: Bus) -> None:
    desk, user = Desk(execution), uuid4()
    close = ClosePosition(
        position_id=user,
        user_id=user,
        account_id=user,
        environment=VenueEnvironment.PAPER,
        plan_id=user,
        ceilings=[],
        expires_at=datetime.now(UTC),
    )
    async with publisher(gateway).running(), desk.process().running(), bus.connect() as tester:
        async with gateway.database.transaction(user) as session:
            await gateway.events.add(
                session, close, user_id=user, entity_id=user, aggregate_id=user, aggregate_version=1
            )

        async def acknowledged() -> bool:
            info = await tester.jetstream().consumer_info("ORDERS", EXECUTION_ORDERS.name)
            return info.ack_floor is not None and info.ack_floor.stream_seq == 1

        await eventually(acknowledged)
    assert desk.seen == []


async def test_correlation_and_trace_travel_with_the_event(gateway: Room, execution: Room, bus: Bus) -> None:
    correlation, seen = uuid4(), []
    router = EventRouter(EXECUTION_ORDERS)

    @router.on(PlaceBasketOrder)
    async def take(event: Envelope[PlaceBasketOrder]) -> None:
        seen.append((current_correlation(), current_causation(), event.correlation_id))

    consumer = Process("execution", execution.settings, events=[router])
    async with publisher(gateway).running(), consumer.running():
        with correlated(correlation):
            event = await place(gateway)
        await eventually(lambda: seen)
    assert seen == [(correlation, event, correlation)]


async def test_the_trace_goes_on_behind_the_outbox(gateway: Room, bus: Bus) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    token = attach(extract({"traceparent": trace}))
    try:
        await place(gateway)
    finally:
        detach(token)
    async with publisher(gateway).running(), bus.connect() as tester:
        stored = await tester.jetstream().pull_subscribe("orders.>", stream="ORDERS", durable="look")
        (message,) = await stored.fetch(1, timeout=10)
    assert message.headers is not None
    assert message.headers["traceparent"] == trace
    assert set(message.headers) <= {"Nats-Msg-Id", "Nats-Expected-Stream", "traceparent"}


async def test_one_relay_leads_and_a_second_takes_over(gateway: Room, execution: Room) -> None:
    desk = Desk(execution)
    async with desk.process().running(), publisher(gateway).running():
        first = publisher(gateway)
        async with first.running():
            event = await place(gateway)
            await eventually(lambda: event in desk.done)
            await gateway.look(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gateway_relay' and datname = $1",
                gateway.name,
            )
            after = await place(gateway)
            await eventually(lambda: after in desk.done)
        last = await place(gateway)
        await eventually(lambda: last in desk.done)
    assert desk.done == [event, after, last]
