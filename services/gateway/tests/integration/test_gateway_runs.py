"""Orders for positions that stand: invest, rebalance, withdraw."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from shared.contracts import execution
from shared.contracts.rpc import plans as questions
from shared.testing import eventually
from shared.trading.status import PositionStatus

pytestmark = pytest.mark.integration


async def active(house: Any, user: UUID, build: Any) -> dict[str, Any]:
    accepted: dict[str, Any] = await house.bought(user)
    view = build.position(user, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=user, about=view.position_id, version=2)
    await eventually(partial(_is, house, user, accepted, PositionStatus.ACTIVE))
    return accepted


async def _is(house: Any, user: UUID, accepted: dict[str, Any], status: PositionStatus) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == status)


async def planned(house: Any, user: UUID, accepted: dict[str, Any], **ask: Any) -> dict[str, Any]:
    body = {"position_id": accepted["position_id"], **ask}
    made = await house.http.post("/api/plans", json=body, headers=house.headers(user))
    assert made.status_code == 201, made.text
    plan: dict[str, Any] = made.json()
    return plan


async def test_a_plan_is_executed_once_however_often_it_is_ordered(house: Any, ada: UUID, build: Any) -> None:
    accepted = await active(house, ada, build)
    plan = await planned(house, ada, accepted, kind="invest", amount="250")
    assert (plan["kind"], plan["amount"], plan["executable"]) == ("invest", "250", True)
    path, body = f"/api/positions/{accepted['position_id']}/runs", {"plan_id": plan["plan_id"]}
    answers = await asyncio.gather(
        *(house.http.post(path, json=body, headers=house.headers(ada, f"key-{n % 3}")) for n in range(9))
    )
    taken = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.text for answer in taken}) == 1, "a repetition gets the first answer"
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"plan_already_executed"}
    told = await house.sql("select body::text from gateway.outbox where body::json->>'type' = 'orders.execute_plan'")
    [command] = [json.loads(row["body"])["data"] for row in told]
    assert (command["kind"], command["plan_id"]) == ("invest", plan["plan_id"])
    assert command["approved_amount"] == "252.5", "what its buys may cost together"
    assert [ceiling["symbol"] for ceiling in command["ceilings"]] == ["BTCUSDT"]
    run = UUID(plan["plan_id"])
    for version, status in ((3, PositionStatus.REBALANCING), (4, PositionStatus.ACTIVE)):
        view = build.position(ada, accepted, version=version, status=status, run_id=run, run_kind="invest")
        event = execution.PositionRebalancing if status is PositionStatus.REBALANCING else execution.PositionActive
        await house.say(event(position=view), user=ada, about=view.position_id, version=version)
        await eventually(partial(_is, house, ada, accepted, status))
    again = await house.http.post(path, json=body, headers=house.headers(ada, "after"))
    assert (again.status_code, again.json()["code"]) == (409, "plan_already_executed")
    context = again.json()["context"]
    assert (context["position_id"], context["run_id"]) == (accepted["position_id"], plan["plan_id"])
    assert (context["stands"], context["position_status"]) == ("ended", "ACTIVE")
    assert "plan" not in context, "another plan would invest the money twice"
    [(key, text)] = {(answer.request.headers["idempotency-key"], answer.text) for answer in taken}
    repeated = await house.http.post(path, json=body, headers=house.headers(ada, key))
    assert (repeated.status_code, repeated.text) == (202, text), "under its own key the first answer stands"


async def test_a_traded_plan_says_how_its_order_stands_at_every_moment(house: Any, ada: UUID, build: Any) -> None:
    accepted = await active(house, ada, build)
    plan = await planned(house, ada, accepted, kind="close")
    path, body = f"/api/positions/{accepted['position_id']}", {"plan_id": plan["plan_id"]}
    first = await house.http.post(f"{path}/close", json=body, headers=house.headers(ada, "one"))
    assert first.status_code == 202, first.text
    run = UUID(plan["plan_id"])

    async def stands() -> set[tuple[str, str, str]]:
        answers = [
            await house.http.post(f"{path}/{door}", json=body, headers=house.headers(ada, "two"))
            for door in ("close", "runs")
        ]
        assert [answer.status_code for answer in answers] == [409, 409]
        said = [answer.json() for answer in answers]
        return {(one["code"], one["context"]["stands"], one["context"]["position_status"]) for one in said}

    assert await stands() == {("plan_already_executed", "taken", "ACTIVE")}
    for version, status, expected in (
        (3, PositionStatus.CLOSING, "under_way"),
        (4, PositionStatus.CLOSED, "ended"),
    ):
        view = build.position(ada, accepted, version=version, status=status, run_id=run, run_kind="close")
        event = execution.PositionClosing if status is PositionStatus.CLOSING else execution.PositionClosed
        await house.say(event(position=view), user=ada, about=view.position_id, version=version)
        await eventually(partial(_is, house, ada, accepted, status))
        assert await stands() == {("plan_already_executed", expected, status.value)}


async def test_a_plan_that_is_merely_outdated_comes_back_as_it_would_be_now(house: Any, ada: UUID, build: Any) -> None:
    accepted = await active(house, ada, build)
    plan = await planned(house, ada, accepted, kind="invest", amount="250")
    view = build.position(ada, accepted, version=6)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=6)
    await eventually(partial(_has_version, house, ada, accepted, 6))
    path = f"/api/positions/{accepted['position_id']}/runs"
    again = await house.http.post(path, json={"plan_id": plan["plan_id"]}, headers=house.headers(ada, "one"))
    assert (again.status_code, again.json()["code"]) == (412, "plan_changed")
    beside = again.json()["context"]["plan"]
    assert (beside["kind"], beside["amount"]) == ("invest", "250")
    assert beside["plan_id"] != plan["plan_id"], "the new plan stands beside the refusal"


async def _has_version(house: Any, user: UUID, accepted: dict[str, Any], version: int) -> bool:
    found = await house.http.get(f"/api/positions/{accepted['position_id']}", headers=house.headers(user))
    return bool(found.json()["version"] == version)


async def test_a_plan_does_only_what_it_was_made_for(house: Any, ada: UUID, build: Any) -> None:
    accepted = await active(house, ada, build)
    path = f"/api/positions/{accepted['position_id']}/runs"
    bought = await house.plan(ada)
    answer = await house.http.post(path, json={"plan_id": bought}, headers=house.headers(ada, "one"))
    assert (answer.status_code, answer.json()["code"]) == (422, "plan_not_for_this")
    rebalance = await planned(house, ada, accepted, kind="rebalance", options={"mode": "drifted"})
    assert rebalance["options"]["mode"] == "drifted"
    opening = await house.http.post(
        "/api/positions", json={"plan_id": rebalance["plan_id"]}, headers=house.headers(ada, "two")
    )
    assert (opening.status_code, opening.json()["code"]) == (422, "plan_not_for_this")
    house.neighbours.answer(
        questions.MAKE_RUN_PLAN,
        lambda ask: build.plan(ask.user_id, kind="rebalance", position_id=ask.position_id, executable=False),
    )
    nothing = await planned(house, ada, accepted, kind="rebalance")
    answer = await house.http.post(path, json={"plan_id": nothing["plan_id"]}, headers=house.headers(ada, "three"))
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_do")


async def test_what_does_not_belong_together_is_refused_at_the_door(house: Any, ada: UUID, build: Any) -> None:
    accepted = await active(house, ada, build)
    for ask in (
        {"kind": "invest"},
        {"kind": "rebalance", "amount": "10"},
        {"kind": "withdraw", "amount": "10", "options": {"mode": "full"}},
        {"kind": "buy", "amount": "10"},
    ):
        made = await house.http.post(
            "/api/plans", json={"position_id": accepted["position_id"], **ask}, headers=house.headers(ada)
        )
        assert made.status_code == 422, ask


async def test_a_plan_whose_prices_have_moved_is_refused_with_the_new_plan_beside_it(
    house: Any, ada: UUID, build: Any
) -> None:
    accepted = await active(house, ada, build)
    path = f"/api/positions/{accepted['position_id']}/runs"

    def at(price: str) -> None:
        house.neighbours.answer(
            questions.MAKE_RUN_PLAN,
            lambda ask: build.plan(
                ask.user_id,
                kind=ask.kind,
                position_id=ask.position_id,
                legs=[build.plan_leg(price)],
                position_version=2,
            ),
        )

    at("100000")
    plan = await planned(house, ada, accepted, kind="withdraw", amount="250")
    seen = await house.http.get(f"/api/plans/{plan['plan_id']}", headers=house.headers(ada))
    tag = seen.headers["etag"]
    order = {"json": {"plan_id": plan["plan_id"]}}
    at("100600")
    moved = await house.http.post(path, **order, headers=house.headers(ada, "one") | {"if-match": tag})
    assert (moved.status_code, moved.json()["code"]) == (412, "plan_changed")
    assert moved.json()["context"]["moved"] == ["BTCUSDT"]
    [leg] = moved.json()["context"]["plan"]["legs"]
    assert leg["estimated_price"] == "100600"
    at("100400")
    wrong = await house.http.post(path, **order, headers=house.headers(ada, "two") | {"if-match": '"another"'})
    assert (wrong.status_code, wrong.json()["code"]) == (412, "if_match_fails")
    taken = await house.http.post(path, **order, headers=house.headers(ada, "three") | {"if-match": tag})
    assert taken.status_code == 202
