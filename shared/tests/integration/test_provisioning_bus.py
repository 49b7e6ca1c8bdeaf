from __future__ import annotations

from dataclasses import replace

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout

from basketry_local.testing.bus import Bus
from shared.contracts.topology import CONSUMERS, STREAMS
from shared.runtime.provisioning import PROVISIONER, UnsafeDrift, connect_provisioner, provision_bus
from shared.testing import eventually


async def test_a_second_run_changes_nothing(bus: Bus) -> None:
    async with connect_provisioner(bus.url, bus.seed(PROVISIONER)) as js:
        report = await provision_bus(js)
    assert (report.created, report.updated, report.unknown) == ([], [], [])


async def test_a_larger_limit_is_applied_and_positions_stay(bus: Bus) -> None:
    wider = tuple(replace(spec, max_age_s=spec.max_age_s * 2) for spec in STREAMS)
    more = tuple(replace(spec, max_ack_pending=128) for spec in CONSUMERS)
    async with connect_provisioner(bus.url, bus.seed(PROVISIONER)) as js:
        before = await js.stream_info("ORDERS")
        report = await provision_bus(js, streams=wider, consumers=more)
        after = await js.stream_info("ORDERS")
        consumer = await js.consumer_info("ORDERS", "execution-orders")
    assert len(report.updated) == len(STREAMS) + len(CONSUMERS)
    assert before.created == after.created
    assert consumer.config.max_ack_pending == 128


async def test_a_shrinking_limit_is_refused_by_name(bus: Bus) -> None:
    shorter = tuple(replace(spec, max_age_s=60) if spec.name == "ORDERS" else spec for spec in STREAMS)
    async with connect_provisioner(bus.url, bus.seed(PROVISIONER)) as js:
        with pytest.raises(UnsafeDrift, match=r"ORDERS differs.*max_age"):
            await provision_bus(js, streams=shorter)


async def test_a_lost_store_is_provisioned_again(bus: Bus) -> None:
    async with bus.connect("gateway") as client:
        await client.jetstream().publish("orders.v1.place_basket_order.u.p", b"{}")
    bus.server.kill()
    bus.server.lose_store()
    bus.server.start()
    await bus.provision()
    async with bus.connect() as client:
        assert (await client.jetstream().stream_info("ORDERS")).state.messages == 0


async def test_a_service_publishes_its_own_events_and_no_others(bus: Bus) -> None:
    async with bus.connect("gateway") as client:
        ack = await client.jetstream().publish("orders.v1.place_basket_order.u.p", b"{}", stream="ORDERS")
        assert ack.stream == "ORDERS"
        with pytest.raises(NatsTimeout):
            await client.jetstream().publish("execution.v1.leg_filled.u.p", b"{}", timeout=0.3)
    async with bus.connect() as client:
        assert (await client.jetstream().stream_info("EXECUTION")).state.messages == 0


async def test_a_service_asks_only_what_it_may(bus: Bus) -> None:
    async with bus.connect("keys") as keys, bus.connect("execution") as execution, bus.connect("market_data") as market:
        heard: list[str] = []
        await _answer(keys, "rpc.keys.v1.>", "keys", heard)
        reply = await execution.request("rpc.keys.v1.sign", b"?", timeout=2)
        assert reply.data == b"!"
        with pytest.raises(NatsTimeout):
            await market.request("rpc.keys.v1.sign", b"?", timeout=0.3)
    assert heard == ["rpc.keys.v1.sign"]


async def test_nobody_reads_the_inbox_of_another(bus: Bus) -> None:
    async with bus.connect("gateway") as spy, bus.connect("execution") as execution:
        stolen: list[bytes] = []
        subscription = await spy.subscribe("_INBOX_execution.>")
        await execution.flush()
        await spy.flush()
        await execution.jetstream().publish("execution.v1.leg_filled.u.p", b"{}")
        await spy.flush()  # whatever the server had for it by now is here
        stolen += [b"x"] * subscription.pending_msgs
    assert stolen == []


async def test_a_consumer_pulls_and_acknowledges_with_its_own_rights(bus: Bus) -> None:
    async with bus.connect("gateway") as gateway, bus.connect("keys") as keys:
        await gateway.jetstream().publish("orders.v1.place_basket_order.u.p", b"{}")
        subscription = await keys.jetstream().pull_subscribe_bind("keys-orders", "ORDERS")
        (message,) = await subscription.fetch(1, timeout=2)
        await message.ack_sync(timeout=2)

        async def settled() -> bool:
            info = await keys.jetstream().consumer_info("ORDERS", "keys-orders")
            return bool(info.num_ack_pending == 0)

        await eventually(settled, because="the acknowledgement arrives")
        await subscription.unsubscribe()


async def _answer(client: Client, subject: str, queue: str, heard: list[str]) -> None:
    async def reply(message: Msg) -> None:
        heard.append(message.subject)
        await message.respond(b"!")

    await client.subscribe(subject, queue=queue, cb=reply)
    await client.flush()
