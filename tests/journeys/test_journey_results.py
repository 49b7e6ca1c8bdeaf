"""What a position came to, from its first coin to its last, against the venue's own ledger."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.stage import Customer, Stage

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal


async def came_to(customer: Customer, position: dict[str, Any]) -> dict[str, Any]:
    """The performance once it knows of everything that crossed the position's border."""
    net = D(position["contributed"]) - D(position["withdrawn"])

    async def known() -> dict[str, Any]:
        path = f"/api/positions/{position['position_id']}/performance"
        found: dict[str, Any] = await customer.client._call("GET", path, None)
        totals = found["totals"]
        assert totals is not None
        assert abs(D(totals["paid_in"]) - D(totals["taken_out"]) - net) < D("0.5"), "but for the dust of a close"
        assert found["status"] == position["status"]
        return found

    return await eventually(known, timeout_s=30, because="the reconciler has seen the run")


def adds_up(found: dict[str, Any]) -> None:
    totals = {name: D(value) for name, value in found["totals"].items() if name != "slippage"}
    assert totals["pnl"] == totals["value"] + totals["taken_out"] - totals["paid_in"]
    assert sum(D(one["total"]) for one in found["contributions"]) == totals["pnl"]
    assert sum(D(flow["amount"]) for flow in found["flows"]) == totals["paid_in"] - totals["taken_out"]


async def run(customer: Customer, position_id: UUID, kind: str, amount: str) -> dict[str, Any]:
    body = {"kind": kind, "position_id": str(position_id), "amount": amount}
    plan = await customer.client._call("POST", "/api/plans", body)
    key = {"Idempotency-Key": plan["plan_id"]}
    await customer.client._call("POST", f"/api/positions/{position_id}/runs", {"plan_id": plan["plan_id"]}, headers=key)

    async def over() -> dict[str, Any]:
        position = await customer.client.position(str(position_id))
        assert (position["status"], position["run_kind"]) == ("ACTIVE", kind), position["status"]
        assert any(leg["run_id"] == plan["plan_id"] for leg in position["legs"]), "the run has begun"
        return position

    return await eventually(over, timeout_s=60, because="the run settles")


async def test_results_equal_what_the_ledger_says(stage: Stage) -> None:
    await stage.freeze_prices()
    customer = await stage.customer()
    position_id = await customer.buys("top-5", "1000")
    bought = await customer.settled(position_id)
    legs = bought["legs"]

    async def told_whole() -> dict[str, Any]:
        found = await came_to(customer, bought)
        traded = sum(D(leg["notional"]) for leg in legs)
        assert D(found["totals"]["slippage"]["traded"]) == traded, "the run's legs are known beside its book"
        return found

    first = await eventually(told_whole, timeout_s=60, because="the reconciler has heard of the run")
    adds_up(first)
    value, paid = D(first["totals"]["value"]), D(first["totals"]["paid_in"])
    assert paid == D(bought["contributed"]) == D(bought["invested"])
    assert abs(D(first["returns"]["time_weighted"]) - (value / paid - 1)) < D("1e-12")
    slippage = sum(D(leg["notional"]) - D(leg["arrival_price"]) * D(leg["filled_quantity"]) for leg in legs)
    assert D(first["totals"]["slippage"]["cost"]) == slippage > 0, "bought at the ask, half a spread above the mid"

    feed = (await stage.venue.get("/paper/v1/feed")).json()
    price = format((D(feed["prices"]["BTCUSDT"]) * D("1.2")).quantize(D("0.01")), "f")
    (await stage.venue.post("/paper/v1/feed", json={"prices": {"BTCUSDT": price}})).raise_for_status()

    async def risen() -> dict[str, Any]:
        told = await customer.client.position(str(position_id))
        assert D(told["pnl"]["value"]) > paid * D("1.04"), "a flow is measured against what was told before it"
        found = await came_to(customer, bought)
        assert D(found["benchmarks"]["bitcoin"]) > D("0.19")
        return found

    up = await eventually(risen, timeout_s=30, because="the new price is known")
    gained = D(up["totals"]["value"]) / paid
    invested = await run(customer, position_id, "invest", "500")
    grown = await came_to(customer, invested)
    adds_up(grown)
    more = D(grown["totals"]["paid_in"]) - paid
    chained = gained * D(grown["totals"]["value"]) / (D(up["totals"]["value"]) + more) - 1
    assert abs(D(grown["returns"]["time_weighted"]) - chained) < D("1e-4"), (
        "the new money changes no return but its cost"
    )

    await closes(stage, customer, position_id)


async def closes(stage: Stage, customer: Customer, position_id: UUID) -> None:
    await customer.client._call(
        "POST", f"/api/positions/{position_id}/close", {}, headers={"Idempotency-Key": "the end"}
    )

    last = await came_to(customer, await customer.closed(position_id))
    adds_up(last)
    ledger = await stage.ledger(customer.uid)
    money = next(D(row["walletBalance"]) for row in ledger["balances"] if row["coin"] == "USDT")
    assert D(last["totals"]["value"]) == 0
    assert abs(D(last["totals"]["pnl"]) - (money - 10_000)) < D("0.5"), "but for dust that the venue would not buy"
    traded = {row["execId"] for row in ledger["executions"]}

    async def all_lots() -> list[dict[str, str]]:
        fills = await table(customer, "fills")
        assert {row["exec_id"] for row in fills} == traded
        lots = await table(customer, "lots")
        assert {row["asset"] for row in lots if not D(row["quantity_after"])} == {row["base_asset"] for row in fills}
        return lots

    lots = await eventually(all_lots, timeout_s=60, because="the gateway has heard of all that was booked")
    realised = sum(D(row["realised"]) for row in lots)
    assert abs(realised - D(last["totals"]["realised"])) < D("1e-12")
    assert len(await table(customer, "orders")) == len(ledger["orders"])
    [paper] = (await customer.client._call("GET", "/api/portfolio", None))["environments"]
    assert (paper["environment"], paper["positions"], paper["open_positions"]) == ("paper", 1, 0)
    assert paper["totals"]["pnl"] == last["totals"]["pnl"]


async def table(customer: Customer, name: str) -> list[dict[str, str]]:
    client = customer.client
    assert client.tokens is not None
    answer = await client._http.get(
        f"/api/export/{name}", headers={"Authorization": f"Bearer {client.tokens.access}"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))
