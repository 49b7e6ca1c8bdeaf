"""What goes away comes back, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import httpx
import pytest
from kit.desk import Desk, place, publisher
from kit.rooms import Room
from nats.js.errors import NotFoundError

from basketry_local.servers.postgres import PostgresServer
from basketry_local.testing.bus import Bus
from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.process import Process
from shared.testing import eventually

pytestmark = pytest.mark.integration


async def test_a_bus_that_is_killed_and_comes_back_loses_nothing(gateway: Room, execution: Room, bus: Bus) -> None:
    desk = Desk(execution)
    async with publisher(gateway).running(), desk.process().running():
        before = await place(gateway)
        await eventually(lambda: before in desk.done)
        bus.server.kill()
        during = [await place(gateway) for _ in range(5)]
        bus.server.start()
        await eventually(lambda: set(during) <= set(desk.done), timeout_s=60)
    notes = await execution.look("select id from execution.note")
    assert {row["id"] for row in notes} == {before, *during}


async def test_a_lost_store_is_filled_again_from_the_outbox(gateway: Room, execution: Room, bus: Bus) -> None:
    desk = Desk(execution)
    async with publisher(gateway).running(), desk.process().running():
        before = [await place(gateway) for _ in range(5)]
        await eventually(lambda: set(before) <= set(desk.done))
        bus.server.stop()
        bus.server.lose_store()
        during = await place(gateway)
        bus.server.start()
        await bus.provision()
        after = await place(gateway)
        await eventually(lambda: {during, after} <= set(desk.done), timeout_s=60)

        async def all_there() -> bool:
            async with bus.connect() as tester:
                return (await tester.jetstream().stream_info("ORDERS")).state.messages == 7

        await eventually(all_there, timeout_s=60)
        # The new stream knows nothing of what was handled: all come again, and the inbox drops the old ones.
        await eventually(lambda: all(desk.seen.count(event) >= 2 for event in before), timeout_s=60)
    notes = await execution.look("select id from execution.note")
    assert {row["id"] for row in notes} == {*before, during, after}


async def test_a_store_lost_while_the_publisher_was_down_is_filled_at_its_start(
    gateway: Room, execution: Room, bus: Bus
) -> None:
    desk = Desk(execution)
    async with publisher(gateway).running(), desk.process().running():
        before = await place(gateway)
        await eventually(lambda: before in desk.done)
        await eventually(lambda: _all_sent(gateway))
    bus.server.stop()
    bus.server.lose_store()
    bus.server.start()
    await bus.provision()
    again = Desk(execution)
    async with publisher(gateway).running(), again.process().running():
        await eventually(lambda: before in again.done, timeout_s=60)


async def _all_sent(room: Room) -> bool:
    return await room.unsent() == 0


async def test_a_deleted_consumer_makes_unready_and_recovers_when_it_is_made_again(
    gateway: Room, execution: Room, bus: Bus
) -> None:
    desk = Desk(execution)
    process = desk.process()
    async with publisher(gateway).running(), process.running():
        async with bus.connect() as tester:
            await tester.jetstream().delete_consumer("ORDERS", EXECUTION_ORDERS.name)
        await eventually(lambda: _unready(process, "consumers"), timeout_s=60)
        await bus.provision()
        event = await place(gateway)
        await eventually(lambda: event in desk.done, timeout_s=60)
        await eventually(lambda: _ready(process), timeout_s=60)


async def _unready(process: Process, check: str) -> bool:
    return check in await process.health.faults()


async def _ready(process: Process) -> bool:
    return not await process.health.faults()


async def test_a_process_waits_for_its_consumer_and_is_not_ready_before(
    gateway: Room, execution: Room, bus: Bus
) -> None:
    async with bus.connect() as tester:
        await tester.jetstream().delete_consumer("ORDERS", EXECUTION_ORDERS.name)
        desk = Desk(execution)
        process = desk.process()
        running = process.running()
        entering = asyncio.create_task(running.__aenter__())
        await eventually(lambda: process.broker._connection is not None and process.broker._connection.is_connected)
        assert await process.health.faults() == {"process": "starting"}
        with pytest.raises(NotFoundError):
            await tester.jetstream().consumer_info("ORDERS", EXECUTION_ORDERS.name)
        await bus.provision()
        await entering
        assert not await process.health.faults()
        await running.__aexit__(None, None, None)


async def test_a_process_may_start_before_the_bus(gateway: Room, execution: Room, bus: Bus) -> None:
    bus.server.stop()
    desk = Desk(execution)
    event = await place(gateway)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with publisher(gateway).running(), desk.process().running():
            entered.set()
            await leave.wait()

    running = asyncio.create_task(run())
    bus.server.start()
    await eventually(lambda: event in desk.done, timeout_s=60)
    leave.set()
    await running


async def test_while_the_database_is_away_messages_are_kept_and_not_given_back(
    gateway: Room, execution: Room, bus: Bus, postgres_server: PostgresServer
) -> None:
    desk = Desk(execution)
    process = desk.process()
    async with publisher(gateway).running(), process.running():
        warm = await place(gateway)
        await eventually(lambda: warm in desk.done)
        await eventually(lambda: _all_sent(gateway))
        body = json.dumps(await _body_of(gateway, warm) | {"id": str(uuid4())}).encode()
        postgres_server.kill()
        try:
            async with bus.connect() as tester:
                await tester.jetstream().publish("orders.v1.place_basket_order.x.y", body)
                await eventually(lambda: len(desk.seen) >= 4, timeout_s=60)
                assert await _unready(process, "database")
                info = await tester.jetstream().consumer_info("ORDERS", EXECUTION_ORDERS.name)
                assert (info.num_ack_pending, info.num_redelivered) == (1, 0)
        finally:
            postgres_server.start()
        await eventually(lambda: len(desk.done) == 2, timeout_s=60)
        # The relay has lost its connection too.
        late = await place(gateway)
        await eventually(lambda: late in desk.done, timeout_s=60)


async def _body_of(room: Room, event: object) -> dict[str, object]:
    found = await room.look("select body from gateway.outbox where id = $1", event)
    parsed: dict[str, object] = json.loads(found[0]["body"])
    return parsed


async def test_a_refused_permission_makes_unready(execution: Room) -> None:
    process = Process("execution", execution.settings)
    async with process.running():
        assert not await process.health.faults()
        await process.broker.publish(b"x", "orders.v1.place_basket_order.x.y")
        await eventually(lambda: _unready(process, "bus"))


async def test_one_aggregate_that_cannot_be_published_does_not_hold_up_the_others(
    gateway: Room, execution: Room
) -> None:
    desk, stuck = Desk(execution), uuid4()
    async with publisher(gateway).running(), desk.process().running():
        first = await place(gateway, position=stuck)
        # Larger than the stream takes: refused by the server each time.
        admin = gateway.look("update gateway.outbox set body = repeat('x', 1100000) where id = $1", first)
        await eventually(lambda: first in desk.done)
        await eventually(lambda: _all_sent(gateway), because="the relay has noted it, and does not do so once more")
        await admin
        await gateway.look("update gateway.outbox set sent_at = null where id = $1", first)
        behind = await place(gateway, position=stuck, version=2)
        other = await place(gateway)
        await eventually(lambda: other in desk.done)
        assert behind not in desk.done

        async def noted() -> bool:
            return await gateway.unsent() == 2

        await eventually(noted, because="what was sent is noted once its whole batch has been tried")
        assert behind not in desk.done


async def test_health_over_http(gateway: Room) -> None:
    process = publisher(gateway)
    app = process.api()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).json() == {"status": "ready", "faults": {}}
        metrics = (await client.get("/metrics")).text
        assert "outbox_oldest_unsent_seconds" in metrics
        process.health.stopping = True
        assert (await client.get("/readyz")).status_code == 503
