from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from shared.contracts import execution as events
from shared.contracts.rpc import books
from shared.testing import eventually
from shared.trading.errors import Unavailable
from shared.trading.status import PositionStatus

pytestmark = pytest.mark.integration
OFTEN = {"sweep_s": 0.1}


async def test_an_order_that_execution_never_took_fails_with_a_line(open_house: Any, ada: UUID, build: Any) -> None:
    house = await open_house(**OFTEN)
    young, old = await house.bought(ada), await house.bought(ada)
    await _older(house, old)
    await eventually(lambda: _is(house, ada, old, "FAILED"))
    shown = (await house.http.get(f"/api/positions/{old['position_id']}", headers=house.headers(ada))).json()
    assert (shown["reasons"], shown["version"]) == (["order_not_taken"], 0)
    feed = (await house.http.get("/api/activity", headers=house.headers(ada))).json()["items"]
    assert [(line["type"], line["position_id"]) for line in feed] == [("gateway.order_not_taken", old["position_id"])]
    assert "order_not_taken" in feed[0]["sentence"]
    assert await _is(house, ada, young, "PENDING"), "its time to be signed is not over"
    late = build.position(ada, old, version=1, status=PositionStatus.EXECUTING)
    await house.say(events.PositionExecuting(position=late), user=ada, about=late.position_id)
    await eventually(lambda: _is(house, ada, old, "EXECUTING"), because="execution stays the authority")


async def test_what_execution_knows_is_shown(open_house: Any, ada: UUID, build: Any) -> None:
    house = await open_house(**OFTEN)
    accepted = await house.bought(ada)
    found = books.PositionDetail(
        position=build.position(ada, accepted, version=4, approved_amount=250), fills=[build.fill(accepted)]
    )
    house.neighbours.answer(books.GET_POSITION, lambda _: found)
    await _older(house, accepted)
    await eventually(lambda: _is(house, ada, accepted, "ACTIVE"))
    shown = (await house.http.get(f"/api/positions/{accepted['position_id']}", headers=house.headers(ada))).json()
    assert (shown["version"], len(shown["legs"]), len(shown["fills"])) == (4, 1, 1)
    assert shown["plan_id"] == accepted["plan_id"]


async def test_without_an_answer_nothing_changes(open_house: Any, ada: UUID) -> None:
    house = await open_house(**OFTEN)

    def away(_: Any) -> Any:
        raise Unavailable("not now")

    house.neighbours.answer(books.GET_POSITION, away)
    accepted = await house.bought(ada)
    await _older(house, accepted)
    await eventually(lambda: house.neighbours.count(books.GET_POSITION) >= 3)
    assert await _is(house, ada, accepted, "PENDING")


async def _older(house: Any, accepted: dict[str, Any]) -> None:
    await house.sql(
        "update gateway.synthetic_positions set created_at = now() - interval '661 seconds' where position_id = $1",
        UUID(accepted["position_id"]),
    )


async def _is(house: Any, user: UUID, accepted: dict[str, Any], status: str) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == status)
