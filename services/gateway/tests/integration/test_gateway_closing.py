from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from shared.contracts import execution
from shared.contracts.rpc import plans as questions
from shared.testing import eventually
from shared.trading.status import PositionStatus

pytestmark = pytest.mark.integration


async def test_a_second_close_is_refused_until_execution_has_spoken(house: Any, ada: UUID, build: Any) -> None:
    accepted = await _active(house, ada, build)
    path = f"/api/positions/{accepted['position_id']}/close"
    answers = await asyncio.gather(
        *(house.http.post(path, headers=house.headers(ada, f"key-{number}")) for number in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"close_already_requested"}
    assert len(await house.sql("select * from gateway.close_requests")) == 1
    assert len(await house.sql("select * from gateway.idempotency_keys")) == 2, "a refusal leaves its key free"
    [taken] = [answer for answer in answers if answer.status_code == 202]
    plan_id = UUID(taken.json()["plan_id"])
    for version, status in ((3, PositionStatus.CLOSING), (4, PositionStatus.ACTIVE)):
        view = build.position(ada, accepted, version=version, status=status, run_id=plan_id, run_kind="close")
        event = execution.PositionClosing if status is PositionStatus.CLOSING else execution.PositionActive
        await house.say(event(position=view), user=ada, about=view.position_id, version=version)
        await eventually(partial(_is, house, ada, accepted, status))
    again = await house.http.post(path, headers=house.headers(ada, "after"))
    assert again.status_code == 202, "back to ACTIVE it may be closed again"


async def test_a_plan_made_in_advance_is_refused_as_well(house: Any, ada: UUID, build: Any) -> None:
    accepted = await _active(house, ada, build)
    made = await house.http.post(
        "/api/plans", json={"position_id": accepted["position_id"]}, headers=house.headers(ada)
    )
    path = f"/api/positions/{accepted['position_id']}/close"
    assert (await house.http.post(path, headers=house.headers(ada, "first"))).status_code == 202
    second = await house.http.post(path, json={"plan_id": made.json()["plan_id"]}, headers=house.headers(ada, "second"))
    assert (second.status_code, second.json()["code"]) == (409, "close_already_requested")


async def test_a_close_that_execution_never_takes_frees_the_position_with_its_signing_time(
    house: Any, ada: UUID, build: Any
) -> None:
    accepted = await _active(house, ada, build)
    path = f"/api/positions/{accepted['position_id']}/close"
    assert (await house.http.post(path, headers=house.headers(ada, "first"))).status_code == 202
    assert (await house.http.post(path, headers=house.headers(ada, "second"))).status_code == 409
    await house.sql("update gateway.close_requests set accepted_at = now() - interval '601 seconds'")
    assert (await house.http.post(path, headers=house.headers(ada, "second"))).status_code == 202


async def test_a_close_that_can_sell_nothing_is_refused_with_the_reasons(house: Any, ada: UUID, build: Any) -> None:
    accepted = await _active(house, ada, build)
    path = f"/api/positions/{accepted['position_id']}"
    legs = [
        build.plan_leg(check="halted", reason="trading_halted"),
        build.plan_leg(number=1, symbol="XRPUSDT", base_asset="XRP", check="illiquid", reason="book_too_thin"),
    ]
    _close_plans(house, build, legs=legs, ceilings=[], executable=False)
    made = await house.http.post(
        "/api/plans", json={"position_id": accepted["position_id"]}, headers=house.headers(ada)
    )
    body = {"plan_id": made.json()["plan_id"]}
    for door, ask in (("close", None), ("close", body), ("runs", body)):
        refused = await house.http.post(f"{path}/{door}", json=ask, headers=house.headers(ada, "one"))
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_sell"), (door, ask)
        said = refused.json()
        assert said["context"]["obstacles"] == ["BTCUSDT: trading halted", "XRPUSDT: book too thin"]
        assert "its own cash are still in it" in said["detail"]
    assert not await house.sql("select * from gateway.close_requests")
    _close_plans(house, build, legs=[], ceilings=[], amount=Decimal(50))
    answer = await house.http.post(f"{path}/close", headers=house.headers(ada, "one"))
    assert answer.status_code == 202, "a position of cash alone is closed without an order"
    assert answer.json()["amount"] == "50"


def _close_plans(house: Any, build: Any, **facts: Any) -> None:
    house.neighbours.answer(
        questions.MAKE_CLOSE_PLAN,
        lambda ask: build.plan(ask.user_id, kind="close", position_id=ask.position_id, **facts),
    )


async def _active(house: Any, user: UUID, build: Any) -> dict[str, Any]:
    accepted: dict[str, Any] = await house.bought(user)
    view = build.position(user, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=user, about=view.position_id, version=2)
    await eventually(lambda: _is(house, user, accepted, PositionStatus.ACTIVE))
    return accepted


async def _is(house: Any, user: UUID, accepted: dict[str, Any], status: PositionStatus) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == status)
