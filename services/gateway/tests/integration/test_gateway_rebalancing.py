"""Rebalancing that is suggested or runs by itself, on real servers; execution and market-data are stand-ins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from kit.gateway_browser import browsing

from shared.contracts import execution, portfolio
from shared.contracts.rpc import plans as questions
from shared.testing import eventually
from shared.trading.errors import Conflict
from shared.trading.status import BreakClass, PositionStatus, VenueEnvironment

pytestmark = pytest.mark.integration
OFTEN = {"rebalance_s": 0.2, "rebalance_pause_s": 0.2}
D = Decimal


def a_value(user: UUID, position_id: UUID, account_id: UUID, *weights: tuple[str, str]) -> portfolio.PnlUpdated:
    holdings = [
        portfolio.HoldingValue(
            symbol=f"{coin}USDT",
            asset=coin,
            quantity=D(1),
            cost=D(100),
            mark=D(100),
            mark_stale=False,
            value=D(100),
            realised=D(0),
            unrealised=D(0),
            weight=D(weight),
            target_weight=D("0.5"),
            drift=D(weight) - D("0.5"),
        )
        for coin, weight in weights
    ]
    return portfolio.PnlUpdated(
        position_id=position_id,
        user_id=user,
        account_id=account_id,
        environment=VenueEnvironment.PAPER,
        at=datetime.now(UTC),
        value=D(200),
        cost=D(200),
        realised=D(0),
        unrealised=D(0),
        pnl=D(0),
        fees=D(0),
        holdings=holdings,
        max_abs_drift=D("0.1"),
        turnover=D("0.1"),
        source="revaluation",
    )


async def holds(house: Any, user: UUID, build: Any, *weights: tuple[str, str]) -> str:
    """An active position with these weights of its coins; both targets are a half."""
    accepted = await house.bought(user)
    view = build.position(user, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=user, about=view.position_id, version=2)
    await weighs(house, user, view.position_id, build, *weights, version=1)

    async def known() -> bool:
        return (await page(house, user, str(view.position_id)))["pnl"] is not None

    await eventually(known)
    return str(view.position_id)


async def weighs(house: Any, user: UUID, name: UUID, build: Any, *weights: tuple[str, str], version: int) -> None:
    value = a_value(user, name, build.account, *weights)
    await house.say(value, user=user, about=name, version=version)


async def page(house: Any, user: UUID, position_id: str) -> dict[str, Any]:
    answer = await house.http.get(f"/api/positions/{position_id}", headers=house.headers(user))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def state(house: Any, user: UUID, position_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await page(house, user, position_id))["rebalancing"]
    return shown


async def choose(house: Any, user: UUID, position_id: str, **body: Any) -> Any:
    path = f"/api/positions/{position_id}/rebalancing"
    return await house.http.put(path, json=body, headers=house.headers(user))


async def commands(house: Any) -> list[dict[str, Any]]:
    told = await house.sql("select body::text from gateway.outbox where body::json->>'type' = 'orders.execute_plan'")
    return [json.loads(row["body"])["data"] for row in told]


async def is_in(house: Any, user: UUID, position_id: str, wanted: str) -> bool:
    return bool((await state(house, user, position_id))["state"] == wanted)


DRIFTED = (("BTC", "0.6"), ("ETH", "0.4"))
EVEN = (("BTC", "0.5"), ("ETH", "0.5"))


async def test_what_is_chosen_is_shown_and_what_makes_no_sense_is_refused(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    position = await holds(house, ada, build, *EVEN)
    plain = await state(house, ada, position)
    assert (plain["mode"], plain["absolute_band"], plain["relative_band"]) == ("manual", "0.05", "0.25")
    assert (plain["calendar"], plain["cooldown_hours"], plain["buy_only"]) == ("none", 24, False)
    chosen = await choose(
        house, ada, position, mode="suggested", absolute_band="0.03", calendar="monthly", cooldown_hours=72
    )
    assert chosen.status_code == 200, chosen.text
    shown = await state(house, ada, position)
    assert (shown["mode"], shown["absolute_band"], shown["relative_band"]) == ("suggested", "0.03", "0.25")
    assert (shown["calendar"], shown["cooldown_hours"]) == ("monthly", 72)
    for wrong in (
        {},
        {"mode": "always"},
        {"mode": "manual", "absolute_band": "0"},
        {"mode": "manual", "absolute_band": "NaN"},
        {"mode": "manual", "relative_band": "11"},
        {"mode": "manual", "cooldown_hours": 0},
        {"mode": "manual", "unknown": 1},
    ):
        answer = await choose(house, ada, position, **wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), wrong
    for somebody, name in ((bob, position), (ada, str(uuid4()))):
        answer = await choose(house, somebody, name, mode="automatic")
        assert (answer.status_code, answer.json()["code"]) == (404, "position_not_found")
    assert (await state(house, ada, position))["mode"] == "suggested"


async def test_a_row_is_seen_by_its_owner_alone_and_the_relay_sees_names(house: Any, ada: UUID, build: Any) -> None:
    position = await holds(house, ada, build, *EVEN)
    assert (await choose(house, ada, position, mode="automatic")).status_code == 200
    service = await asyncpg.connect(house.databases.dsn("gateway"))
    relay = await asyncpg.connect(house.databases.relay_dsn("gateway"))
    try:
        assert await service.fetchval("select count(*) from gateway.rebalancings") == 0, "nobody is named"
        [row] = await relay.fetch("select position_id, user_id from gateway.rebalancings")
        assert row["position_id"] == UUID(position)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await relay.fetch("select plan_id from gateway.rebalancings")
        assert (await choose(house, ada, position, mode="manual")).status_code == 200
        assert await relay.fetch("select position_id from gateway.rebalancings") == []
    finally:
        await service.close()
        await relay.close()


async def test_a_suggestion_is_heard_once_shown_with_its_plan_and_can_be_executed(
    open_house: Any, ada: UUID, build: Any
) -> None:
    house = await open_house(**OFTEN)
    position = await holds(house, ada, build, *DRIFTED)
    async with browsing(house, ada) as browser:
        assert (await choose(house, ada, position, mode="suggested")).status_code == 200
        await eventually(lambda: "rebalance_suggested" in browser.names)
        shown = await state(house, ada, position)
        assert (shown["state"], shown["trigger"], shown["reason"]) == ("suggested", "drift", None)
        plan = await house.http.get(f"/api/plans/{shown['plan_id']}", headers=house.headers(ada))
        assert (plan.json()["kind"], plan.json()["options"]["mode"]) == ("rebalance", "drifted")
        looked = house.neighbours.count(questions.MAKE_RUN_PLAN)
        assert await commands(house) == []
        run = await house.http.post(
            f"/api/positions/{position}/runs", json={"plan_id": shown["plan_id"]}, headers=house.headers(ada, "mine")
        )
        assert run.status_code == 202, run.text
        await eventually(partial(is_in, house, ada, position, "idle"), because="the run has begun its cooldown")
        await eventually(lambda: "rebalance_withdrawn" in browser.names)
        assert browser.names.count("rebalance_suggested") == 1
        assert looked == 1, "it is not planned again while it stands"
    lines = (await house.http.get("/api/activity", headers=house.headers(ada))).json()["items"]
    told = [line["sentence"] for line in lines if line["type"] == "portfolio.rebalance_suggested"]
    assert told == [f"top-10 ({position[:8]}): A rebalance is suggested: weights have left their bands."]
    assert len(await commands(house)) == 1


async def test_two_replicas_order_one_stored_plan_and_nothing_more_within_the_cooldown(
    open_house: Any, ada: UUID, build: Any
) -> None:
    house, twin = await open_house(**OFTEN), await open_house(**OFTEN)
    position = await holds(house, ada, build, *DRIFTED)
    assert (await choose(twin, ada, position, mode="automatic", cooldown_hours=1)).status_code == 200

    async def ordered() -> bool:
        return bool(await commands(house))

    await eventually(ordered)
    [command] = await commands(house)
    assert (command["kind"], command["position_id"]) == ("rebalance", position)
    stored = await house.http.get(f"/api/plans/{command['plan_id']}", headers=house.headers(ada))
    assert stored.status_code == 200
    run = UUID(command["plan_id"])
    for version, status in ((3, PositionStatus.REBALANCING), (4, PositionStatus.ACTIVE)):
        accepted = {"position_id": position, "plan_id": command["plan_id"]}
        view = build.position(ada, accepted, version=version, status=status, run_id=run, run_kind="rebalance")
        event = execution.PositionRebalancing if status is PositionStatus.REBALANCING else execution.PositionActive
        await house.say(event(position=view), user=ada, about=view.position_id, version=version)
    await eventually(partial(is_in, house, ada, position, "idle"))
    fence = "select fence from gateway.rebalancings"
    [before] = await house.sql(fence)

    async def looked_again() -> bool:
        [now] = await house.sql(fence)
        return bool(now["fence"] >= before["fence"] + 3)

    await eventually(looked_again, timeout_s=60)
    assert len(await commands(house)) == 1
    assert (await state(house, ada, position))["last_at"] is not None
    # The hour is over: what drifted is traded again, under the key of the position's new state.
    # One statement, and a new fence: a look that is under way cannot write the old time back.
    await house.sql(
        "with earlier as (update gateway.close_requests set accepted_at = accepted_at - interval '2 hours')"
        " update gateway.rebalancings set last_at = last_at - interval '2 hours', fence = fence + 1, leased_until = null"
    )
    house.neighbours.answer(
        questions.MAKE_RUN_PLAN,
        lambda ask: build.plan(
            ask.user_id, kind="rebalance", position_id=ask.position_id, options=ask.options, position_version=4
        ),
    )

    async def twice() -> bool:
        return len(await commands(house)) == 2

    await eventually(twice, timeout_s=60)


async def test_a_break_that_nothing_explains_stops_it_and_says_so(open_house: Any, ada: UUID, build: Any) -> None:
    house = await open_house(**OFTEN)
    position = await holds(house, ada, build, *DRIFTED)
    found = portfolio.BreakFound(
        break_id=uuid4(),
        user_id=ada,
        account_id=build.account,
        break_class=BreakClass.D10,
        status="open",
        asset="BTC",
        detail="nothing that we know of explains it",
        at=datetime.now(UTC),
    )
    await house.say(found, user=ada, about=found.break_id)

    async def known() -> bool:
        return bool(await house.sql("select 1 from gateway.account_breaks where status = 'open'"))

    await eventually(known)
    async with browsing(house, ada) as browser:
        assert (await choose(house, ada, position, mode="automatic")).status_code == 200
        await eventually(lambda: "rebalance_blocked" in browser.names)
        shown = await state(house, ada, position)
        assert (shown["state"], shown["trigger"], shown["reason"]) == ("blocked", "drift", "open_break:D10")
        assert await commands(house) == []
        over = found.model_copy(update={"status": "resolved"})
        await house.say(over, user=ada, about=found.break_id, version=2)
        await eventually(lambda: "rebalance_started" in browser.names)
    assert len(await commands(house)) == 1


async def test_what_execution_refuses_is_told_and_prices_that_move_are_planned_anew(
    open_house: Any, ada: UUID, build: Any
) -> None:
    house = await open_house(**OFTEN)
    position = await holds(house, ada, build, *DRIFTED)

    def suspended(_: Any) -> Any:
        raise Conflict("This account may not trade now.", code="account_suspended")

    house.neighbours.answer(questions.MAKE_RUN_PLAN, suspended)
    assert (await choose(house, ada, position, mode="automatic")).status_code == 200
    await eventually(partial(is_in, house, ada, position, "blocked"))
    assert (await state(house, ada, position))["reason"] == "account_suspended"
    prices = iter(range(100_000, 10_000_000, 1_000))

    def moving(ask: Any) -> Any:
        leg = build.plan_leg(str(next(prices)))
        return build.plan(ask.user_id, kind="rebalance", position_id=ask.position_id, legs=[leg], position_version=2)

    house.neighbours.answer(questions.MAKE_RUN_PLAN, moving)

    async def moved_away() -> bool:
        return bool((await state(house, ada, position))["reason"] == "prices_moving")

    await eventually(moved_away)
    assert await commands(house) == []
    house.neighbours.answer(
        questions.MAKE_RUN_PLAN,
        lambda ask: build.plan(ask.user_id, kind="rebalance", position_id=ask.position_id, position_version=2),
    )
    await eventually(partial(is_in, house, ada, position, "started"))
    assert len(await commands(house)) == 1


async def test_a_suggested_plan_that_has_expired_is_refused_with_the_new_one_beside_it(
    house: Any, ada: UUID, build: Any
) -> None:
    position = await holds(house, ada, build, *DRIFTED)
    made = await house.http.post(
        "/api/plans", json={"kind": "rebalance", "position_id": position}, headers=house.headers(ada)
    )
    plan_id = made.json()["plan_id"]
    await house.sql("update gateway.plans set expires_at = now() where plan_id = $1", UUID(plan_id))
    answer = await house.http.post(
        f"/api/positions/{position}/runs", json={"plan_id": plan_id}, headers=house.headers(ada, "late")
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_expired")
    beside = answer.json()["context"]["plan"]
    assert (beside["kind"], beside["position_id"]) == ("rebalance", position)
    assert beside["plan_id"] != plan_id


async def test_nothing_is_ordered_for_an_owner_who_switches_it_off_while_the_plan_is_made(
    open_house: Any, ada: UUID, build: Any
) -> None:
    house = await open_house(**OFTEN)
    position = await holds(house, ada, build, *DRIFTED)
    asked: list[UUID] = []

    async def slow(ask: Any) -> Any:
        asked.append(ask.position_id)
        if len(asked) == 2:  # made again, just before it is ordered
            assert (await choose(house, ada, position, mode="manual")).status_code == 200
        return build.plan(ask.user_id, kind="rebalance", position_id=ask.position_id, position_version=2)

    house.neighbours.answer(questions.MAKE_RUN_PLAN, slow)
    assert (await choose(house, ada, position, mode="automatic")).status_code == 200
    await eventually(lambda: len(asked) >= 2)
    lease = "select 1 from gateway.rebalancings where leased_until > now()"

    async def looked() -> bool:
        return not await house.sql(lease)

    await eventually(looked)
    assert await commands(house) == []
    assert await house.sql("select 1 from gateway.close_requests") == []
    assert (await state(house, ada, position))["mode"] == "manual"
