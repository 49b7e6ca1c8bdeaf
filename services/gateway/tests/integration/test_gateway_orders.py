from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import execution
from shared.contracts.rpc import plans as questions
from shared.testing import eventually
from shared.trading.status import PositionStatus

pytestmark = pytest.mark.integration


async def test_an_accepted_order_is_a_position_an_answer_and_a_command(house: Any, ada: UUID, build: Any) -> None:
    plan_id = await house.plan(ada)
    answer = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada, "k1"))
    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["location"] == f"/api/positions/{accepted['position_id']}"
    assert accepted["status"] == "PENDING"
    assert accepted["amount"] == "250"
    shown = await house.http.get(answer.headers["location"], headers=house.headers(ada))
    assert shown.json()["status"] == "PENDING"
    js = house.tester.jetstream()
    await eventually(lambda: _count(js, "ORDERS"), because="the relay publishes the command")
    message = await js.get_msg("ORDERS", 1)
    command = json.loads(message.data)
    assert message.subject == f"orders.v1.place_basket_order.{ada}.{accepted['position_id']}"
    assert command["data"]["plan_id"] == plan_id
    (ceiling,) = command["data"]["ceilings"]
    assert (ceiling["max_notional"], ceiling["limit_price"]) == ("252.5", "101000")


async def test_fifty_equal_orders_at_once_buy_once_and_get_fifty_equal_answers(house: Any, ada: UUID) -> None:
    plan_id = await house.plan(ada)

    async def order() -> tuple[int, str, str]:
        answer = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada, "same"))
        return answer.status_code, answer.headers["location"], answer.text

    answers = set(await asyncio.gather(*(order() for _ in range(50))))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 202
    assert len(await house.sql("select * from gateway.synthetic_positions")) == 1
    assert len(await house.sql("select * from gateway.outbox")) == 1


async def test_fifty_equal_orders_without_a_plan_plan_once(house: Any, ada: UUID, build: Any) -> None:
    body = {"index": "top-10", "amount": "250", "account_id": str(build.account)}
    answers = await asyncio.gather(
        *(house.http.post("/api/positions", json=body, headers=house.headers(ada, "same")) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(await house.sql("select * from gateway.synthetic_positions")) == 1
    assert house.neighbours.count(questions.MAKE_PLAN) == 1


async def test_replicas_agree_on_one_position_for_one_key(open_house: Any, ada: UUID, build: Any) -> None:
    first, second = await open_house(), await open_house()
    plan_id = await first.plan(ada)
    houses = [first, second] * 20
    answers = await asyncio.gather(
        *(one.http.post("/api/positions", json={"plan_id": plan_id}, headers=one.headers(ada, "k")) for one in houses)
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    body = {"index": "top-10", "amount": "100", "account_id": str(build.account)}
    answers = await asyncio.gather(
        *(one.http.post("/api/positions", json=body, headers=one.headers(ada, "k2")) for one in houses)
    )
    assert len({answer.text for answer in answers}) == 1
    assert len(await first.sql("select * from gateway.synthetic_positions")) == 2


async def test_the_key_belongs_to_the_request_and_to_the_user(house: Any, ada: UUID, bob: UUID) -> None:
    first, second = await house.plan(ada), await house.plan(ada)
    headers = house.headers(ada, "k")
    assert (await house.http.post("/api/positions", json={"plan_id": first}, headers=headers)).status_code == 202
    other = await house.http.post("/api/positions", json={"plan_id": second}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    theirs = await house.plan(bob)
    assert (
        await house.http.post("/api/positions", json={"plan_id": theirs}, headers=house.headers(bob, "k"))
    ).status_code == 202


async def test_a_key_is_needed(house: Any, ada: UUID) -> None:
    plan_id = await house.plan(ada)
    answer = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada))
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    answer = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada, "x" * 201))
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_a_plan_is_executed_once_in_time_and_by_its_owner(house: Any, ada: UUID, bob: UUID, build: Any) -> None:
    plan_id = await house.plan(ada)
    stranger = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(bob, "k"))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "plan_not_found")
    assert (
        await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada, "k1"))
    ).status_code == 202
    again = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=house.headers(ada, "k2"))
    assert (again.status_code, again.json()["code"]) == (409, "plan_already_used")
    house.neighbours.answer(questions.MAKE_PLAN, lambda ask: build.plan(ask.user_id, life_s=-1))
    late = await house.http.post(
        "/api/positions", json={"plan_id": await house.plan(ada)}, headers=house.headers(ada, "k3")
    )
    assert (late.status_code, late.json()["code"]) == (409, "plan_expired")
    assert len(await house.sql("select * from gateway.synthetic_positions")) == 1
    assert len(await house.sql("select * from gateway.idempotency_keys")) == 1, "a refusal leaves its key free"


async def test_the_first_answer_stands_after_the_plan_expired(house: Any, ada: UUID) -> None:
    plan_id = await house.plan(ada)
    headers = house.headers(ada, "k")
    first = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=headers)
    await house.sql("update gateway.plans set expires_at = now() - interval '1 hour'")
    again = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=headers)
    assert again.status_code == 202
    assert again.text == first.text


async def test_a_key_is_free_again_after_thirty_days(house: Any, ada: UUID) -> None:
    first = await house.http.post(
        "/api/positions", json={"plan_id": await house.plan(ada)}, headers=house.headers(ada, "k")
    )
    await house.sql("update gateway.idempotency_keys set created_at = now() - interval '31 days'")
    second = await house.http.post(
        "/api/positions", json={"plan_id": await house.plan(ada)}, headers=house.headers(ada, "k")
    )
    assert second.status_code == 202
    assert second.json()["position_id"] != first.json()["position_id"]


async def test_execution_away_is_said_at_once_and_changes_nothing(open_house: Any, ada: UUID, build: Any) -> None:
    house = await open_house(away=("execution",))
    body = {"index": "top-10", "amount": "250", "account_id": str(build.account)}
    answer = await house.http.post("/api/positions", json=body, headers=house.headers(ada, "k"))
    assert (answer.status_code, answer.json()["code"]) == (503, "execution_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert not await house.sql("select * from gateway.idempotency_keys")


async def test_an_active_position_is_closed_once(house: Any, ada: UUID, bob: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    path = f"/api/positions/{accepted['position_id']}/close"
    early = await house.http.post(path, headers=house.headers(ada, "c0"))
    assert (early.status_code, early.json()["code"]) == (409, "position_not_closable")
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    await eventually(lambda: _is(house, ada, accepted, "ACTIVE"))
    stranger = await house.http.post(path, headers=house.headers(bob, "c1"))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "position_not_found")
    answers = await asyncio.gather(*(house.http.post(path, headers=house.headers(ada, "c1")) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(await house.sql("select * from gateway.close_requests")) == 1
    bodies = [json.loads(row["body"]) for row in await house.sql("select body from gateway.outbox order by position")]
    assert [(body["type"], body["aggregate_version"]) for body in bodies] == [
        ("orders.place_basket_order", 1),
        ("orders.close_position", 2),
    ]
    closing = build.position(ada, accepted, version=3, status=PositionStatus.CLOSING, run_kind="close", run_id=uuid4())
    await house.say(execution.PositionClosing(position=closing), user=ada, about=view.position_id, version=3)
    await eventually(lambda: _is(house, ada, accepted, "CLOSING"))
    late = await house.http.post(path, headers=house.headers(ada, "c1"))
    assert late.text == answers[0].text, "the first answer stands, whatever came since"


async def test_a_plan_is_for_what_it_was_made_for(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    await eventually(lambda: _is(house, ada, accepted, "ACTIVE"))
    buying = await house.plan(ada)
    path = f"/api/positions/{accepted['position_id']}/close"
    wrong = await house.http.post(path, json={"plan_id": buying}, headers=house.headers(ada, "c"))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "plan_not_for_this")
    made = await house.http.post(
        "/api/plans", json={"position_id": accepted["position_id"]}, headers=house.headers(ada)
    )
    assert made.json()["kind"] == "close"
    wrong = await house.http.post(
        "/api/positions", json={"plan_id": made.json()["plan_id"]}, headers=house.headers(ada, "o")
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "plan_not_for_this")
    right = await house.http.post(path, json={"plan_id": made.json()["plan_id"]}, headers=house.headers(ada, "c"))
    assert right.status_code == 202
    assert UUID(right.json()["plan_id"]) == UUID(made.json()["plan_id"])


async def _count(js: Any, stream: str) -> int:
    return int((await js.stream_info(stream)).state.messages)


async def _is(house: Any, user: UUID, accepted: dict[str, Any], status: str) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == status)
