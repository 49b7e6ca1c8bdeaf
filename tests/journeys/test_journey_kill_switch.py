"""The kill switch thrown while baskets are being bought, and fifty purchases against one limit: on the whole platform."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit.feed import listening
from kit.stage import Customer, Stage, running_stage

from basketry_cli.problems import ApiProblem
from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
LATENCY_MS = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slow_stage(server_room: Path) -> AsyncIterator[Stage]:
    """Small batches to a venue that answers slowly: a purchase takes a while."""
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder, settings={"EXECUTION_BATCH_SIZE": "3"}) as running:
        await running.freeze_prices()
        yield running
    shutil.rmtree(folder, ignore_errors=True)


async def call(
    customer: Customer, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Any:
    return await customer.client._call(method, path, body, headers)


async def query(stage: Stage, statement: str, *values: Any) -> list[Any]:
    books = await stage.books()
    try:
        return list(await books.fetch(statement, *values))
    finally:
        await books.close()


async def test_thrown_while_baskets_are_bought_it_stops_within_two_seconds_and_sells_stay_open(
    slow_stage: Stage,
) -> None:
    customer = await slow_stage.customer(balance="20000")
    account = customer.account_id
    plans = [await customer.client.plan(index="top-20", amount="3000", account=str(account)) for _ in range(5)]
    await slow_stage.order(kind="latency", latency_ms=LATENCY_MS)
    async with listening(customer.client) as feed:
        # A hundred orders at the venue's twenty a second: most are still to be signed when the switch is thrown.
        accepted = [await customer.client.open_position(plan["plan_id"]) for plan in plans]
        await feed.wait_for("leg_filled")
        halt = await call(customer, "POST", "/api/kill-switch", {"reason": "I want to look first."})
        thrown_at = datetime.now(UTC)
        await feed.wait_for("trading_halted")
        positions = [await customer.settled(UUID(one["position_id"])) for one in accepted]
    assert halt["scope"] == "user"

    legs = [leg for position in positions for leg in position["legs"]]
    refused = [leg for leg in legs if leg["status"] == "REJECTED"]
    assert any(leg["status"] == "FILLED" for leg in legs)
    assert {leg["reason"] for leg in refused} == {"not_signed: trading_halted"}, "some were still to be signed"
    assert {leg["status"] for leg in legs} <= {"FILLED", "REJECTED", "CANCELLED", "SKIPPED"}
    signed = await query(
        slow_stage, "select signed_at from keys.signed_orders where key_id = $1 order by signed_at", account
    )
    # The promise itself: two seconds from the answer on, of which signing needs next to nothing.
    assert (signed[-1]["signed_at"] - thrown_at).total_seconds() < 2
    orders = (await slow_stage.ledger(customer.uid))["orders"]
    latest = max(int(order["createdTime"]) for order in orders) / 1000
    assert latest - thrown_at.timestamp() < 2
    assert len(orders) == len(signed) < len(legs)

    # Nothing is tried again, and whoever plans now hears it before they order.
    plan = await customer.client.plan(index="top-20", amount="1000", account=str(account))
    assert {leg["check"] for leg in plan["legs"] if leg["check"] != "too_small"} == {"halted"}
    assert plan["warnings"][-1] == "Buying is halted: I want to look first."
    with pytest.raises(ApiProblem) as problem:
        await customer.client.open_position(plan["plan_id"])
    assert problem.value.status == 409

    bought = next(position for position in positions if position["status"] == "ACTIVE")
    await customer.client.close_position(bought["position_id"])
    await customer.closed(UUID(bought["position_id"]))  # selling stays open
    assert len((await slow_stage.ledger(customer.uid))["orders"]) > len(orders)

    await call(customer, "POST", "/api/kill-switch/release")
    plan = await customer.client.plan(index="top-5", amount="300", account=str(account))
    assert {leg["check"] for leg in plan["legs"]} == {"ok"}


async def test_fifty_purchases_at_once_never_pass_the_hour_together(slow_stage: Stage) -> None:
    customer = await slow_stage.customer(balance="20000")
    account = str(customer.account_id)
    plans = await asyncio.gather(
        *(customer.client.plan(index="top-5", amount="100", account=account) for _ in range(50))
    )
    seen = await call(customer, "GET", "/api/guards")
    await call(customer, "PUT", "/api/guards", {"hour_max": "1000"}, {"If-Match": f'"{seen["version"]}"'})
    accepted = await asyncio.gather(*(customer.client.open_position(plan["plan_id"]) for plan in plans))
    positions = [await customer.settled(UUID(one["position_id"]), timeout_s=120) for one in accepted]
    (row,) = await query(
        slow_stage,
        "select sum(quantity * price) as signed from keys.signed_orders where key_id = $1",
        customer.account_id,
    )
    assert Decimal(900) < row["signed"] <= Decimal(1000)
    statuses = [position["status"] for position in positions]
    assert set(statuses) == {"ACTIVE", "FAILED"}, "how many of each is a matter of who was signed first"
    ledger = await slow_stage.ledger(customer.uid)
    assert sum(Decimal(one["execValue"]) for one in ledger["executions"]) <= Decimal(1000)

    plan = await customer.client.plan(index="top-5", amount="300", account=account)
    assert {leg["reason"] for leg in plan["legs"]} == {"hour_limit"}

    async def used() -> bool:
        guards = await call(customer, "GET", "/api/guards")
        return bool(Decimal(guards["spent_hour"]) == row["signed"])

    await eventually(used, because="the user sees what is used")
