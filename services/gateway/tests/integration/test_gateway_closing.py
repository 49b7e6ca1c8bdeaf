from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from shared.contracts import execution
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


async def _active(house: Any, user: UUID, build: Any) -> dict[str, Any]:
    accepted: dict[str, Any] = await house.bought(user)
    view = build.position(user, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=user, about=view.position_id, version=2)
    await eventually(lambda: _is(house, user, accepted, PositionStatus.ACTIVE))
    return accepted


async def _is(house: Any, user: UUID, accepted: dict[str, Any], status: PositionStatus) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == status)
