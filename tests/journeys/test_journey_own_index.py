"""An index of one's own: made over HTTP with rules, previewed, planned, bought, changed and traded to its new version."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.stage import Customer, Stage

from basketry_cli.problems import ApiProblem
from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal
RULES = {
    "size": 4,
    "weighting": "sqrt_cap",
    "max_weight": "0.4",
    "min_weight": "0.1",
    "exclude": ["BTC"],
    "include": ["LINK"],
    "cash_share": "0.1",
}


async def call(customer: Customer, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return await customer.client._call(method, path, body, headers)


async def test_an_index_made_with_rules_is_bought_as_it_says_and_is_nobody_elses(stage: Stage) -> None:
    await stage.freeze_prices()
    customer, stranger = await stage.customer(), await stage.customer()
    seen = await call(customer, "POST", "/api/indices/preview", {"rules": RULES})
    made = await call(customer, "POST", "/api/indices", {"name": "Without Bitcoin", "rules": RULES})
    assert made["constituents"] == seen["constituents"], "a preview is what is made"
    weights = {one["symbol"]: D(one["weight"]) for one in made["constituents"]}
    assert sum(weights.values()) == 1
    assert len(weights) == 4
    assert "LINKUSDT" in weights
    assert "BTCUSDT" not in weights
    assert all(D("0.1") <= weight <= D("0.4") for weight in weights.values())
    assert "BTC" in {one["asset"] for one in made["exclusions"]}, "who is left out is said"
    listed = await call(customer, "GET", "/api/indices")
    assert made["index_id"] in {one["index_id"] for one in listed["items"]}

    for path in (f"/api/indices/{made['index_id']}", f"/api/indices/{made['index_id']}/versions"):
        with pytest.raises(ApiProblem) as hidden:
            await call(stranger, "GET", path)
        assert hidden.value.status == 404
    with pytest.raises(ApiProblem) as refused:
        await stranger.client.plan(index=made["index_id"], amount="1000", account=str(stranger.account_id))
    assert refused.value.status == 404

    plan = await customer.client.plan(index=made["index_id"], amount="1000", account=str(customer.account_id))
    assert {leg["symbol"]: D(leg["target_weight"]) for leg in plan["legs"]} == weights
    assert {leg["check"] for leg in plan["legs"]} == {"ok"}
    assert D(plan["cash_after"]) >= D(100), "a tenth stays cash"
    accepted = await customer.client.open_position(plan["plan_id"], as_seen=True)
    position = await customer.settled(UUID(accepted["position_id"]))
    assert (position["status"], position["complete"], position["index_id"]) == ("ACTIVE", True, made["index_id"])
    assert D(position["cash"]) == D(100), "the index's cash is the position's own"
    for leg in position["legs"]:
        share = D(leg["notional"]) / 900
        assert abs(share - weights[leg["symbol"]]) < D("0.02"), leg["symbol"]
    ledger = await stage.ledger(customer.uid)
    held = {row["coin"]: D(row["walletBalance"]) for row in ledger["balances"]}
    assert held["USDT"] == D(10_000) - D(position["invested"])
    assert set(held) - {"USDT"} == {symbol.removesuffix("USDT") for symbol in weights}
    await _trades_to_a_new_version(customer, made, position)


async def _trades_to_a_new_version(customer: Customer, made: dict[str, Any], position: dict[str, Any]) -> None:
    """Saving trades nothing; a rebalance then sells who has left and buys who has entered."""
    leaver = next(one["asset"] for one in made["constituents"] if one["asset"] != "LINK")
    rules = {**RULES, "exclude": ["BTC", leaver]}
    path = f"/api/indices/{made['index_id']}"
    edited = await call(customer, "PUT", path, {"name": "Without two", "rules": rules}, **{"If-Match": '"1"'})
    assert edited["version"] == 2
    entered = {one["symbol"] for one in edited["constituents"]} - {one["symbol"] for one in made["constituents"]}
    same = await customer.client.position(position["position_id"])
    assert same["version"] == position["version"], "saving does not trade"

    async def planned() -> dict[str, Any]:
        ask = {"kind": "rebalance", "position_id": position["position_id"]}
        plan: dict[str, Any] = await call(customer, "POST", "/api/plans", ask)
        assert plan["executable"]
        assert plan["index_version"] == 2
        return plan

    plan = await eventually(planned, timeout_s=30, every_s=0.5, because="the new version can be planned")
    changes = {one["asset"] for one in plan["changes"]}
    assert leaver in changes
    assert f"{leaver}USDT" in {leg["symbol"] for leg in plan["legs"] if leg["side"] == "Sell" and leg["check"] == "ok"}
    key = {"Idempotency-Key": secrets.token_hex(8)}
    await call(customer, "POST", f"/api/positions/{position['position_id']}/runs", {"plan_id": plan["plan_id"]}, **key)

    async def over() -> dict[str, Any]:
        now = await customer.client.position(position["position_id"])
        assert (now["status"], now["run_kind"]) == ("ACTIVE", "rebalance"), now["status"]
        return now

    after = await eventually(over, timeout_s=60, because="the rebalance settles")
    assert after["index_version"] == 2
    bought = {leg["symbol"] for leg in after["legs"] if leg["run_id"] == plan["plan_id"] and leg["side"] == "Buy"}
    assert entered <= bought
