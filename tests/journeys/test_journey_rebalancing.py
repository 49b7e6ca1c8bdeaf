"""Prices leave the bands: a rebalance is suggested, then runs by itself, once; a coin leaves the index; two cannot trade."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit.equal_books import customers_books_equal_the_ledger
from kit.feed import Feed, listening
from kit.stage import Customer, Stage, running_stage

from shared.testing import eventually
from shared.trading.status import SETTLED_LEGS, LegStatus

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(300)]
D = Decimal
SETTINGS = {
    "GATEWAY_REBALANCE_S": "1",
    "GATEWAY_REBALANCE_PAUSE_S": "2",
    "MARKET_DATA_INSTRUMENTS_EVERY_S": "2",
}
"""Positions are looked at every second, and the venue's list every two seconds."""
STUCK = {"delisted", "not_trading"}
"""The venue's list leaves out what is halted as well as what is gone."""
WEIGHTS = {"BTC": "0.4", "ETH": "0.3", "SOL": "0.2", "XRP": "0.1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick_stage(server_room: Path) -> AsyncIterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder, settings=SETTINGS) as running:
        await running.freeze_prices()
        yield running
    shutil.rmtree(folder, ignore_errors=True)


def an_index(weights: Mapping[str, str]) -> dict[str, Any]:
    fixed = [{"asset": asset, "weight": weight} for asset, weight in weights.items()]
    return {"name": "Mine", "rules": {"weighting": "fixed", "fixed_weights": fixed}}


async def bought(customer: Customer) -> tuple[str, dict[str, Any]]:
    """An index of their own, bought for 1,000 USDT; its id and the position."""
    index = await customer.client.create_index(an_index(WEIGHTS))
    position = await customer.settled(await customer.buys(index["index_id"], "1000"))
    assert position["complete"] is True
    return index["index_id"], position


async def moves(stage: Stage, symbol: str, factor: str) -> None:
    feed = (await stage.venue.get("/paper/v1/feed")).json()
    price = format((D(feed["prices"][symbol]) * D(factor)).quantize(D("0.0001")), "f")
    (await stage.venue.post("/paper/v1/feed", json={"prices": {symbol: price}})).raise_for_status()


async def choose(customer: Customer, position_id: str, **chosen: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await customer.client._call("PUT", f"/api/positions/{position_id}/rebalancing", chosen)
    return answer


async def runs(stage: Stage, position_id: str, kind: str = "rebalance") -> int:
    books = await stage.books()
    try:
        sentence = "select count(*) from execution.runs where position_id = $1 and kind = $2"
        return int(await books.fetchval(sentence, UUID(position_id), kind))
    finally:
        await books.close()


async def traded(customer: Customer, position_id: str, *, number: int = 1) -> dict[str, Any]:
    """The position once its `number`th rebalance has run; each run has legs of its own, and so had the purchase."""

    async def over() -> dict[str, Any]:
        position = await customer.client.position(position_id)
        assert len({leg["run_id"] for leg in position["legs"]}) == 1 + number, position["rebalancing"]
        assert (position["status"], position["run_kind"]) == ("ACTIVE", "rebalance"), position["status"]
        assert {LegStatus(leg["status"]) for leg in position["legs"]} <= SETTLED_LEGS
        return position

    return await eventually(over, timeout_s=60, because="the rebalance has run")


async def an_hour_later(stage: Stage, position_id: str) -> None:
    """The cooldown is over; its shortest is an hour. A look under way does not write the old time back: see the fence."""
    books = await stage.books()
    try:
        async with books.transaction():
            for change in (
                "close_requests set accepted_at = accepted_at - interval '2 hours'",
                "rebalancings set last_at = last_at - interval '2 hours', fence = fence + 1, leased_until = null",
            ):
                await books.execute(f"update gateway.{change} where position_id = $1", UUID(position_id))
    finally:
        await books.close()


async def looked_at(stage: Stage, position_id: str, *, times: int) -> None:
    """Until the position has been looked at so many times more."""
    books = await stage.books()
    sentence = "select fence from gateway.rebalancings where position_id = $1"
    try:
        first = await books.fetchval(sentence, UUID(position_id))

        async def again() -> bool:
            return bool(await books.fetchval(sentence, UUID(position_id)) >= first + times)

        await eventually(again, timeout_s=30, because="positions are looked at again and again")
    finally:
        await books.close()


async def drift_of(customer: Customer, position_id: str, symbol: str) -> Decimal:
    position = await customer.client.position(position_id)
    return next(abs(D(one["drift"])) for one in position["pnl"]["holdings"] if one["symbol"] == symbol)


async def holdings_of(stage: Stage, position_id: str) -> dict[str, Decimal]:
    """What the position holds of each coin."""
    books = await stage.books()
    try:
        rows = await books.fetch(
            "select asset, quantity from execution.holdings where position_id = $1", UUID(position_id)
        )
    finally:
        await books.close()
    return {row["asset"]: row["quantity"] for row in rows}


async def test_a_rebalance_is_suggested_then_runs_by_itself_once_and_follows_the_index(quick_stage: Stage) -> None:
    stage = quick_stage
    customer = await stage.customer()
    index_id, position = await bought(customer)
    name = position["position_id"]
    async with listening(customer.client) as feed:
        assert (await choose(customer, name, mode="suggested"))["state"] == "idle"
        await moves(stage, "BTCUSDT", "1.4")
        await feed.wait_for("rebalance_suggested")
        shown = (await customer.client.position(name))["rebalancing"]
        assert (shown["state"], shown["trigger"]) == ("suggested", "drift")
        plan = await customer.client.plan_again(shown["plan_id"])
        assert {leg["symbol"]: leg["side"] for leg in plan["legs"] if leg["check"] == "ok"}["BTCUSDT"] == "Sell"
        assert await runs(stage, name) == 0, "a suggestion trades nothing"

        await choose(customer, name, mode="automatic", cooldown_hours=1)
        first = await traded(customer, name)
        await feed.wait_for("rebalance_started")
    assert D(first["contributed"]) == D(position["contributed"]), "a rebalance asks for no money"
    assert D(first["withdrawn"]) == 0
    stored = await customer.client.plan_again(first["rebalancing"]["plan_id"] or first["legs"][-1]["run_id"])
    assert stored["kind"] == "rebalance"
    await customers_books_equal_the_ledger(stage, customer)

    async def back() -> bool:
        return await drift_of(customer, name, "BTCUSDT") < D("0.02")

    await eventually(back, timeout_s=30, because="the value after it is told")
    await moves(stage, "ETHUSDT", "1.6")

    async def away() -> bool:
        return await drift_of(customer, name, "ETHUSDT") > D("0.05")

    await eventually(away, timeout_s=30, because="the new price is known")
    await looked_at(stage, name, times=4)
    assert await runs(stage, name) == 1, "nothing a second time within the cooldown"

    without = {"BTC": "0.5", "ETH": "0.3", "SOL": "0.2"}
    await customer.client.edit_index(index_id, an_index(without))
    await an_hour_later(stage, name)
    last = await traded(customer, name, number=2)
    sold = [leg for leg in last["legs"] if leg["symbol"] == "XRPUSDT" and leg["side"] == "Sell"]
    assert [leg["status"] for leg in sold][-1] == "FILLED", "what left the index is sold"
    assert last["index_version"] == 2
    await customers_books_equal_the_ledger(stage, customer)
    held = await holdings_of(stage, name)
    assert held.get("XRP", D(0)) < D("0.2"), "less than the venue would buy"
    assert await runs(stage, name) == 2


async def test_a_halted_and_a_delisted_coin_are_shown_and_traded_around(quick_stage: Stage) -> None:
    stage = quick_stage
    customer = await stage.customer()
    _, position = await bought(customer)
    name = position["position_id"]
    before = {one["symbol"]: D(one["value"]) for one in (await valued(customer, name))["pnl"]["holdings"]}
    (await stage.venue.post("/paper/v1/feed", json={"halt": ["SOLUSDT"]})).raise_for_status()
    gone = await stage.venue.post("/paper/v1/instruments", json={"symbol": "XRPUSDT", "delist": True})
    gone.raise_for_status()

    async def known() -> dict[str, Any]:
        body = {"kind": "rebalance", "position_id": name}
        plan: dict[str, Any] = await customer.client._call("POST", "/api/plans", body)
        checks = {leg["symbol"]: leg["check"] for leg in plan["legs"]}
        assert {checks["SOLUSDT"], checks["XRPUSDT"]} <= STUCK, checks
        return plan

    plan = await eventually(known, timeout_s=60, every_s=1, because="the venue's list is read again")
    for coin in ("SOL ", "XRP "):
        assert any(warning.startswith(coin) for warning in plan["warnings"]), plan["warnings"]

    async with listening(customer.client) as feed:
        await choose(customer, name, mode="automatic")
        await moves(stage, "BTCUSDT", "0.6")
        after = await traded(customer, name)
        await told_of(feed, name)
    legs = {leg["symbol"]: leg for leg in after["legs"] if leg["run_id"] != position["legs"][0]["run_id"]}
    assert legs["BTCUSDT"]["status"] == "FILLED"
    assert {legs["SOLUSDT"]["reason"], legs["XRPUSDT"]["reason"]} <= STUCK
    assert {leg["status"] for leg in legs.values() if leg["symbol"] in {"SOLUSDT", "XRPUSDT"}} == {"SKIPPED"}
    await customers_books_equal_the_ledger(stage, customer)
    values = {one["symbol"]: D(one["value"]) for one in (await valued(customer, name))["pnl"]["holdings"]}
    for stuck in ("SOLUSDT", "XRPUSDT"):
        assert abs(values[stuck] / before[stuck] - 1) < D("0.02"), "its last price, and never nothing"


async def valued(customer: Customer, position_id: str) -> dict[str, Any]:
    async def told() -> dict[str, Any]:
        position = await customer.client.position(position_id)
        assert position["pnl"] is not None
        return position

    return await eventually(told, timeout_s=30, because="the reconciler values the position")


async def told_of(feed: Feed, position_id: str) -> None:
    """The stream named the position when its rebalance was ordered."""

    async def named() -> bool:
        return position_id in {event["position_id"] for event in feed.of("rebalance_started")}

    await eventually(named, timeout_s=30)


async def test_a_halt_by_the_user_stops_it_with_a_reason_until_it_is_lifted(quick_stage: Stage) -> None:
    stage = quick_stage
    customer = await stage.customer()
    index = await customer.client.create_index(an_index({"BTC": "0.5", "ETH": "0.5"}))
    position = await customer.settled(await customer.buys(index["index_id"], "500"))
    name = position["position_id"]
    await customer.client._call("POST", "/api/kill-switch", {"reason": "I am away."})
    async with listening(customer.client) as feed:
        await choose(customer, name, mode="automatic")
        await moves(stage, "ETHUSDT", "1.5")
        await feed.wait_for("rebalance_blocked")
        shown = (await customer.client.position(name))["rebalancing"]
        assert shown["state"] == "blocked"
        assert "ETHUSDT:halted" in shown["reason"]
        assert await runs(stage, name) == 0
        await customer.client._call("POST", "/api/kill-switch/release", None)
        await traded(customer, name)
    assert await runs(stage, name) == 1
