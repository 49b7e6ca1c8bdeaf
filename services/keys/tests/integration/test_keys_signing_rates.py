"""How fast signatures are given: the venue's limits per account and per address, and what one costs."""

from __future__ import annotations

import asyncio
import statistics
import time
from decimal import Decimal

import pytest
from kit.keys_desk import Desk, approve
from kit.keys_plan import a_plan

from keys.application.sign import RetryReason, Signed
from keys.domain.endpoints import Caller
from keys.domain.lane import Lane
from keys.outbound.postgres.shared_egress import SharedEgress
from shared.testing import FakeClock

pytestmark = pytest.mark.integration

BATCH = "/v5/order/create-batch"


async def test_the_governor_keeps_to_the_venues_limit_and_says_when_to_come_back(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    waits = []

    async def sign_batch(number: int) -> None:
        while True:
            answer = await desk.sign(key, BATCH, plan.batch(range(number * 10, number * 10 + 10)))
            if isinstance(answer, Signed):
                return
            waits.append(answer)
            await asyncio.sleep(answer.after_ms / 1000)

    began = time.monotonic()
    await asyncio.gather(*(sign_batch(number) for number in range(5)))
    # Fifty orders at twenty a second: the last ten wait for two windows, however fast or slow this machine is.
    assert time.monotonic() - began >= 2.0
    assert {wait.reason for wait in waits} <= {RetryReason.VENUE_RATE}
    assert all(0 < wait.after_ms <= 1050 for wait in waits)
    assert len(await desk.rows("select 1 from keys.signed_orders")) == 50
    (row,) = await desk.rows("select signed_quantity from keys.plan_ceilings")
    assert row["signed_quantity"] == Decimal("0.05")


async def test_polling_never_takes_the_share_of_cancels_and_queries(desk: Desk) -> None:
    key = await desk.add(desk.paper.open())
    path, query = "/v5/order/realtime", "category=spot"

    async def burst(count: int, caller: Caller, lane: Lane) -> int:
        asked = (desk.sign(key, path, query, method="GET", caller=caller, lane=lane) for _ in range(count))
        return sum(isinstance(answer, Signed) for answer in await asyncio.gather(*asked))

    began = time.monotonic()
    polled = await burst(60, Caller.RECONCILER, Lane.CANCEL_QUERY)
    urgent = await burst(10, Caller.EXECUTION, Lane.CANCEL_QUERY)
    if time.monotonic() - began < 0.9:
        assert polled <= 35
    assert urgent == 10


async def test_replicas_share_the_limit_of_their_address(desk: Desk) -> None:
    second = FakeClock()
    replicas = [SharedEgress(desk.database, second, per_slot=30) for _ in range(3)]

    async def take(egress: SharedEgress, lane: Lane) -> bool:
        return egress.spend(lane) or (await egress.refill(lane) == 0 and egress.spend(lane))

    async def spend(egress: SharedEgress) -> int:
        return [await take(egress, Lane.BUY) for _ in range(60)].count(True)

    assert sum(await asyncio.gather(*(spend(egress) for egress in replicas))) == 24
    assert await take(replicas[0], Lane.CANCEL_QUERY)
    assert [row["leased"] for row in await desk.rows("select leased from keys.egress_slots")] == [25]
    second.advance(1)
    assert sum(await asyncio.gather(*(spend(egress) for egress in replicas))) == 24


async def test_signing_a_batch_of_ten_costs_a_few_empty_transactions(desk: Desk) -> None:
    key = await desk.add(desk.paper.open())
    empty_ms, sign_ms = [], []
    for _ in range(40):
        plan = a_plan()
        await approve(desk, key, plan)
        await desk.execute("delete from keys.rate_windows")
        payload = plan.batch(range(10))
        began = time.perf_counter()
        async with desk.database.transaction(desk.user):
            pass
        empty_ms.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        answer = await desk.sign(key, BATCH, payload)
        sign_ms.append((time.perf_counter() - began) * 1000)
        assert isinstance(answer, Signed)
    ratio = statistics.median(sign_ms) / statistics.median(empty_ms)
    # Relative, because this machine may be busy: parsing, governor, ceilings, audit and signature of ten orders.
    assert ratio < 12
