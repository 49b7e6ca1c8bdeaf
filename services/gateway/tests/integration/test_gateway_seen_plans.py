"""A purchase on the condition that the plan still is what was seen; and the policy on its way from plan to command."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.gateway_builders import ACCOUNT

from shared.contracts.rpc import plans as questions
from shared.trading.policy import LegPolicy

pytestmark = pytest.mark.integration


@pytest.fixture
def market(house: Any, build: Any) -> Any:
    """Sets the price that plans are made at."""

    def at(price: str) -> None:
        house.neighbours.answer(
            questions.MAKE_PLAN,
            lambda ask: build.plan(
                ask.user_id,
                amount=ask.amount,
                account_id=ask.account_id,
                legs=[build.plan_leg(price)],
                policy=ask.policy,
            ),
        )

    at("100000")
    return at


async def planned(house: Any, user: UUID, **ask: Any) -> tuple[dict[str, Any], str]:
    body = {"index": "top-10", "amount": "250", "account_id": str(ACCOUNT), **ask}
    made = await house.http.post("/api/plans", json=body, headers=house.headers(user))
    assert made.status_code == 201, made.text
    plan: dict[str, Any] = made.json()
    return plan, made.headers["etag"]


async def test_a_purchase_whose_prices_have_moved_is_refused_with_the_new_plan_beside_it(
    house: Any, ada: UUID, market: Any
) -> None:
    plan, tag = await planned(house, ada, policy="COMPLETE")
    order = {"json": {"plan_id": plan["plan_id"]}}
    market("100600")
    moved = await house.http.post("/api/positions", **order, headers=house.headers(ada, "one") | {"if-match": tag})
    assert (moved.status_code, moved.json()["code"]) == (412, "plan_changed")
    assert moved.json()["context"]["moved"] == ["BTCUSDT"]
    beside = moved.json()["context"]["plan"]
    assert (beside["legs"][0]["estimated_price"], beside["policy"]) == ("100600", "COMPLETE")
    assert beside["plan_id"] != plan["plan_id"]
    assert await house.sql("select 1 from gateway.synthetic_positions") == []
    taken = await house.http.post(
        "/api/positions",
        json={"plan_id": beside["plan_id"]},
        headers=house.headers(ada, "two") | {"if-match": f'"{beside["plan_id"]}"'},
    )
    assert taken.status_code == 202, taken.text
    again = await house.http.post(
        "/api/positions",
        json={"plan_id": beside["plan_id"]},
        headers=house.headers(ada, "two") | {"if-match": f'"{beside["plan_id"]}"'},
    )
    assert again.text == taken.text


async def test_a_small_move_refuses_nothing_and_without_the_condition_nobody_is_asked(
    house: Any, ada: UUID, market: Any
) -> None:
    plan, tag = await planned(house, ada)
    market("100400")
    taken = await house.http.post(
        "/api/positions", json={"plan_id": plan["plan_id"]}, headers=house.headers(ada, "one") | {"if-match": tag}
    )
    assert taken.status_code == 202, taken.text
    other, _ = await planned(house, ada)
    market("200000")
    asked = house.neighbours.count(questions.MAKE_PLAN)
    plain = await house.http.post(
        "/api/positions", json={"plan_id": other["plan_id"]}, headers=house.headers(ada, "two")
    )
    assert plain.status_code == 202
    assert house.neighbours.count(questions.MAKE_PLAN) == asked


async def test_a_condition_names_the_plan_that_is_executed(house: Any, ada: UUID, market: Any) -> None:
    del market
    plan, _ = await planned(house, ada)
    wrong = await house.http.post(
        "/api/positions",
        json={"plan_id": plan["plan_id"]},
        headers=house.headers(ada, "one") | {"if-match": '"another"'},
    )
    assert (wrong.status_code, wrong.json()["code"]) == (412, "if_match_fails")
    none = await house.http.post(
        "/api/positions",
        json={"index": "top-10", "amount": "250", "account_id": str(ACCOUNT)},
        headers=house.headers(ada, "two") | {"if-match": "*"},
    )
    assert (none.status_code, none.json()["code"]) == (412, "if_match_fails")


async def test_the_policy_goes_from_the_plan_into_the_command(house: Any, ada: UUID, market: Any) -> None:
    del market
    plan, _ = await planned(house, ada, policy="UNWIND")
    assert plan["policy"] == "UNWIND"
    taken = await house.http.post(
        "/api/positions", json={"plan_id": plan["plan_id"]}, headers=house.headers(ada, "one")
    )
    assert taken.status_code == 202, taken.text
    at_once = {"index": "top-10", "amount": "300", "account_id": str(ACCOUNT), "policy": "COMPLETE"}
    bought = await house.http.post("/api/positions", json=at_once, headers=house.headers(ada, "two"))
    assert bought.status_code == 202, bought.text
    held, _ = await planned(house, ada)
    assert held["policy"] == "HOLD"
    both = await house.http.post(
        "/api/positions",
        json={"plan_id": held["plan_id"], "policy": "COMPLETE"},
        headers=house.headers(ada, "three"),
    )
    assert both.status_code == 422, "a plan carries its own"
    rows = await house.sql(
        "select body::text from gateway.outbox where body::json->>'type' = 'orders.place_basket_order'"
    )
    commands = {Decimal(data["approved_amount"]): data for data in (json.loads(row["body"])["data"] for row in rows)}
    assert commands[Decimal(250)]["policy"] == LegPolicy.UNWIND
    assert commands[Decimal(300)]["policy"] == LegPolicy.COMPLETE
