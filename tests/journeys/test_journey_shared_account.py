"""Two positions and the user's own coins on one account: the user sells by hand, we see it, share it, and ask."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit.booked import booked
from kit.by_hand import with_a_key_of_their_own
from kit.feed import Feed, listening
from kit.stage import Customer, Stage, operator_header, running_stage

from basketry_cli.problems import ApiProblem
from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal
SETTINGS = {"RECONCILER_SLOT_S": "6", "RECONCILER_QUIET_S": "2"}
"""Accounts are compared every six seconds, not every five minutes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy_stage(server_room: Path) -> AsyncIterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder, settings=SETTINGS) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


async def balance(stage: Stage, customer: Customer, coin: str) -> D:
    rows = (await stage.ledger(customer.uid))["balances"]
    return next((D(row["walletBalance"]) for row in rows if row["coin"] == coin), D(0))


async def held(stage: Stage, customer: Customer, asset: str) -> dict[UUID, D]:
    books = await stage.books()
    try:
        rows = await books.fetch(
            "select position_id, quantity from execution.holdings where account_id = $1 and asset = $2",
            customer.account_id,
            asset,
        )
    finally:
        await books.close()
    return {row["position_id"]: row["quantity"] for row in rows}


def traded(feed: Feed) -> list[str]:
    """Amounts of the trades by hand that the stream told of."""
    flows = [flow for said in feed.of("account_flows_booked") for flow in said["flows"]]
    return [flow["amount"] for flow in flows if flow["kind"] == "trade"]


async def shortage_of(feed: Feed, state: str) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        found: list[dict[str, Any]] = [
            event["shortage"] for event in feed.of("shortage_changed") if event["shortage"]["state"] == state
        ]
        assert found, feed.counts()
        return found[-1]

    return await eventually(look, timeout_s=60, because=f"the shortage is {state}")


async def test_a_manual_sale_beyond_the_own_coins_is_seen_shared_asked_about_and_booked(busy_stage: Stage) -> None:
    stage = busy_stage
    customer = await stage.customer()
    owner = await with_a_key_of_their_own(stage.platform.exchange_url, customer.uid, operator_header(stage.platform))
    positions = [await customer.buys("top-5", amount) for amount in ("900", "600")]
    for position_id in positions:
        assert (await customer.settled(position_id))["status"] == "ACTIVE"
    async with listening(customer.client) as feed:
        await owner.trades("BTCUSDT", "Buy", "0.001")
        await eventually(lambda: "0.001" in traded(feed), timeout_s=60, because="the purchase by hand is booked")
        ours = await held(stage, customer, "BTC")
        assert len(ours) == 2
        total, there = sum(ours.values(), D(0)), await balance(stage, customer, "BTC")
        own = there - total
        assert own > 0, "the user's own coins"

        sold = ((own + total / 4) * 1_000_000).to_integral_value("ROUND_UP") / 1_000_000
        await owner.trades("BTCUSDT", "Sell", f"{sold:f}")
        shortage = await shortage_of(feed, "open")
        left = await balance(stage, customer, "BTC")
        assert (shortage["asset"], D(shortage["quantity"])) == ("BTC", total - left)
        shares = {UUID(share["position_id"]): D(share["quantity"]) for share in shortage["shares"]}
        assert sum(shares.values()) == total - left
        for position_id, share in shares.items():
            assert abs(share - (total - left) * ours[position_id] / total) <= D("1e-7"), "pro rata"

        await asks_first(customer, positions)
        await eventually(
            lambda: -sold in [D(amount) for amount in traded(feed)], timeout_s=60, because="the sale by hand is booked"
        )
        flows = (await customer.client._call("GET", f"/api/accounts/{customer.account_id}/flows"))["items"]
        assert [(flow["kind"], D(flow["amount"])) for flow in flows[:2]] == [("trade", -sold), ("trade", D("0.001"))]

        answer = await resolve(customer, "sold", shortage["shortage_id"])
        assert (answer["state"], answer["how"]) == ("resolved", "sold")
        assert await resolve(customer, "sold", shortage["shortage_id"]) == answer, "twice is once"
        with pytest.raises(ApiProblem) as refused:
            await resolve(customer, "withdrawn", shortage["shortage_id"])
        assert (refused.value.status, refused.value.code) == (409, "shortage_changed")
        assert sum((await held(stage, customer, "BTC")).values()) == left, "to the last digit"
        await lots_follow(stage, customer)

        async def agreed() -> bool:
            ends = [event for event in feed.of("break_found") if event["status"] == "resolved"]
            return ("D4", "BTC") in {(event["break_class"], event["asset"]) for event in ends}

        await eventually(agreed, timeout_s=60, because="books and venue agree again")

    for position_id in positions:
        await eventually(partial(trades_again, customer, position_id), because="nothing holds it up any more")
        await customer.client.close_position(str(position_id))
        await customer.closed(position_id)
    await lots_follow(stage, customer)
    ledger = {row["coin"]: D(row["walletBalance"]) for row in (await stage.ledger(customer.uid))["balances"]}

    async def equal() -> bool:
        ours = await booked(stage, customer)
        assert {coin: ours.get(coin, D(0)) for coin in ledger} == ledger
        return True

    await eventually(equal, timeout_s=60, because="everything on the account is booked, deposits too")


async def lots_follow(stage: Stage, customer: Customer) -> None:
    """The exported lots end where the books of the positions do, coin by coin, to the last digit."""
    books = await stage.books()
    try:
        rows = await books.fetch(
            "select position_id, asset, quantity, cost from execution.holdings where account_id = $1",
            customer.account_id,
        )
    finally:
        await books.close()
    ours = {(str(row["position_id"]), row["asset"]): (row["quantity"], row["cost"]) for row in rows}

    async def follow() -> bool:
        lots: Any = await customer.client._call("GET", "/api/export/lots?format=json")
        last = {(lot["position_id"], lot["asset"]): (D(lot["quantity_after"]), D(lot["cost_after"])) for lot in lots}
        assert {coin: last.get(coin, (D(0), D(0))) for coin in ours} == ours
        return True

    await eventually(follow, timeout_s=60, because="the gateway has heard of all that was booked")


async def trades_again(customer: Customer, position_id: UUID) -> bool:
    return bool((await customer.client.position(str(position_id)))["trading_paused"] is None)


async def asks_first(customer: Customer, positions: list[UUID]) -> None:
    """Both positions pause, and neither sells before the user has spoken."""

    async def paused() -> bool:
        found = [await customer.client.position(str(position_id)) for position_id in positions]
        return [position["trading_paused"] for position in found] == ["shortage:BTC"] * 2

    await eventually(paused, timeout_s=60, because="both positions pause")
    with pytest.raises(ApiProblem) as refusal:
        await customer.client.close_position(str(positions[0]))
    assert (refusal.value.status, refusal.value.code) == (409, "position_not_closable")


async def resolve(customer: Customer, how: str, shortage_id: str) -> dict[str, Any]:
    path = f"/api/accounts/{customer.account_id}/shortages/BTC/resolve"
    return await customer.client._call("POST", path, {"how": how, "shortage_id": shortage_id})
