"""A position's life after the buy: more money in, back to its targets, money out; the books equal the ledger."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.equal_books import customers_books_equal_the_ledger
from kit.stage import Customer, Stage

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal


async def planned(customer: Customer, position_id: UUID, kind: str, **ask: Any) -> dict[str, Any]:
    body = {"kind": kind, "position_id": str(position_id), **ask}
    plan: dict[str, Any] = await customer.client._call("POST", "/api/plans", body)
    return plan


async def ran(customer: Customer, plan: dict[str, Any]) -> dict[str, Any]:
    """The position once the plan's run is over; the order goes out twice."""
    key = {"Idempotency-Key": secrets.token_hex(8)}
    path = f"/api/positions/{plan['position_id']}/runs"
    for _ in range(2):
        await customer.client._call("POST", path, {"plan_id": plan["plan_id"]}, headers=key)

    async def over() -> dict[str, Any]:
        position = await customer.client.position(plan["position_id"])
        legs = [leg for leg in position["legs"] if leg["run_id"] == plan["plan_id"]]
        assert (position["status"], position["run_kind"]) == ("ACTIVE", plan["kind"]), position["status"]
        assert legs or D(position["withdrawn"]), "the run has come to an end"
        return position

    return await eventually(over, timeout_s=60, because="the run settles")


async def test_a_position_grows_comes_back_to_its_targets_and_pays_out(stage: Stage) -> None:
    await stage.freeze_prices()
    customer = await stage.customer()
    position_id = await customer.buys("top-10", "1000")
    bought = await customer.settled(position_id)

    balanced = await planned(customer, position_id, "rebalance")
    assert balanced["executable"] is False

    grown = await ran(customer, await planned(customer, position_id, "invest", amount="500"))
    assert D(450) < D(grown["contributed"]) - D(bought["contributed"]) <= D(500)

    feed = (await stage.venue.get("/paper/v1/feed")).json()
    price = format((D(feed["prices"]["BTCUSDT"]) * D("1.4")).quantize(D("0.01")), "f")
    (await stage.venue.post("/paper/v1/feed", json={"prices": {"BTCUSDT": price}})).raise_for_status()

    async def drifted() -> dict[str, Any]:
        plan = await planned(customer, position_id, "rebalance")
        assert plan["executable"]
        return plan

    plan = await eventually(drifted, timeout_s=30, every_s=1, because="the new price is known")
    assert D(plan["drift_after"]) < D(plan["drift_before"])
    rebalanced = await ran(customer, plan)
    assert rebalanced["contributed"] == grown["contributed"], "a rebalance asks for no money"
    assert D(rebalanced["withdrawn"]) == 0

    paid = await ran(customer, await planned(customer, position_id, "withdraw", amount="300"))
    assert D(280) < D(paid["withdrawn"]) <= D(300)
    await customers_books_equal_the_ledger(stage, customer)
