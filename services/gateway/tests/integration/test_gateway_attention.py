from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.contracts import execution as events
from shared.contracts.rpc import execution
from shared.testing import eventually
from shared.trading.errors import Conflict, NotFound, PlatformError, Unavailable
from shared.trading.status import LegStatus, PositionStatus

pytestmark = pytest.mark.integration
ORDER = "bp9p981vdhcjv1tdq0w3f6k5ta000008dfh"
SETTLE = f"/api/system/orders/{ORDER}/settle"
SAW = "The order history of the account, shown by its owner, has no such order."


@pytest.fixture
def operator(house: Any) -> dict[str, str]:
    headers: dict[str, str] = house.headers(UUID(int=99), role="admin")
    return headers


def settled(asked: execution.SettleOrder) -> execution.SettledOrder:
    return execution.SettledOrder(
        client_order_id=asked.client_order_id,
        user_id=asked.user_id,
        account_id=UUID(int=1),
        position_id=UUID(int=2),
        symbol="BTCUSDT",
        state="CANCELLED",
        filled_quantity=Decimal("0.4"),
        settled_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )


async def test_an_operator_settles_an_order_in_their_own_name(house: Any, ada: UUID, operator: dict[str, str]) -> None:
    heard: list[execution.SettleOrder] = []

    def answer(asked: execution.SettleOrder) -> execution.SettledOrder:
        heard.append(asked)
        return settled(asked)

    house.neighbours.answer(execution.SETTLE_ORDER, answer)
    reply = await house.http.post(SETTLE, json={"user_id": str(ada), "evidence": f"  {SAW}\n"}, headers=operator)
    assert reply.status_code == 200, reply.text
    shown = reply.json()
    assert (shown["client_order_id"], shown["state"], shown["filled_quantity"]) == (ORDER, "CANCELLED", "0.4")
    [asked] = heard
    assert (asked.user_id, asked.operator_id) == (ada, UUID(int=99))
    assert (asked.client_order_id, asked.evidence) == (ORDER, SAW)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (NotFound("No such order.", code="order_not_found"), 404),
        (Conflict("It is FILLED.", code="order_not_waiting"), 409),
        (Conflict("That was booked instead.", code="venue_knows_the_order", context={"state": "FILLED"}), 409),
        (Unavailable("The venue did not answer.", code="venue_unavailable"), 503),
    ],
)
async def test_what_execution_refuses_is_a_problem_with_its_reason(
    house: Any, ada: UUID, operator: dict[str, str], refusal: PlatformError, status: int
) -> None:
    def refuse(_: Any) -> Any:
        raise refusal

    house.neighbours.answer(execution.SETTLE_ORDER, refuse)
    reply = await house.http.post(SETTLE, json={"user_id": str(ada), "evidence": SAW}, headers=operator)
    problem = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status_code, problem["code"], problem["detail"]) == (status, refusal.code, refusal.detail)
    assert problem.get("context", {}) == refusal.context


async def test_only_operators_settle_and_look(house: Any, ada: UUID) -> None:
    house.neighbours.answer(execution.SETTLE_ORDER, settled)
    body = {"user_id": str(ada), "evidence": SAW}
    for headers, status, code in (({}, 401, "token_missing"), (house.headers(ada), 403, "admin_only")):
        for reply in (
            await house.http.post(SETTLE, json=body, headers=headers),
            await house.http.get("/api/system/attention", headers=headers),
        ):
            assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert house.neighbours.count(execution.SETTLE_ORDER) == 0


async def test_requests_that_say_too_little_go_no_further(house: Any, ada: UUID, operator: dict[str, str]) -> None:
    house.neighbours.answer(execution.SETTLE_ORDER, settled)
    user = str(ada)
    wrong: list[tuple[Any, str]] = [
        ({"user_id": user}, "#/evidence"),
        ({"user_id": user, "evidence": "gone"}, "#/evidence"),
        ({"user_id": user, "evidence": " " * 40}, "#/evidence"),
        ({"user_id": user, "evidence": "x" * 2001}, "#/evidence"),
        ({"user_id": user, "evidence": f"{SAW}\0"}, "#/evidence"),
        ({"user_id": user, "evidence": f"{SAW}\x1b[2J"}, "#/evidence"),
        ({"user_id": "ada", "evidence": SAW}, "#/user_id"),
        ({"user_id": user, "evidence": SAW, "operator_id": user}, "#/operator_id"),
    ]
    for body, pointer in wrong:
        reply = await house.http.post(SETTLE, json=body, headers=operator)
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer), body
    half = f'{{"user_id": "{user}", "evidence": "{SAW}\\ud800"}}'
    reply = await house.http.post(SETTLE, content=half, headers={**operator, "content-type": "application/json"})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "#/evidence")
    for order in ("x" * 37, "a.b", "%00"):
        path = f"/api/system/orders/{order}/settle"
        reply = await house.http.post(path, json={"user_id": user, "evidence": SAW}, headers=operator)
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "path:client_order_id"), order
    assert house.neighbours.count(execution.SETTLE_ORDER) == 0


async def test_operators_find_what_needs_attention_and_nothing_else(
    house: Any, ada: UUID, bob: UUID, build: Any, operator: dict[str, str]
) -> None:
    for user, link in ((ada, "ada-1"), (bob, "bob-1")):
        accepted = await house.bought(user)
        position = UUID(accepted["position_id"])
        run = UUID(accepted["plan_id"])
        legs = [
            build.leg(position, run, client_order_id=f"{link}-done"),
            build.leg(
                position,
                run,
                1,
                symbol="ETHUSDT",
                status=LegStatus.NEEDS_ATTENTION,
                client_order_id=link,
                reason="no_answer",
                filled_quantity=Decimal("0.001"),
            ),
        ]
        view = build.position(user, accepted, version=3, status=PositionStatus.ACTIVE, complete=False, legs=legs)
        await house.say(events.PositionActive(position=view), user=user, about=position, version=3)

    async def found() -> dict[str, Any]:
        reply = await house.http.get("/api/system/attention", headers=operator)
        assert reply.status_code == 200, reply.text
        return {one["client_order_id"]: one for one in reply.json()["items"]}

    async def both() -> bool:
        return set(await found()) == {"ada-1", "bob-1"}

    await eventually(both, because="the picture is painted")
    one = (await found())["ada-1"]
    assert (one["user_id"], one["symbol"], one["filled_quantity"]) == (str(ada), "ETHUSDT", "0.001")
    few = await house.http.get("/api/system/attention?limit=1", headers=operator)
    assert len(few.json()["items"]) == 1
    done = build.leg(
        UUID(one["position_id"]), uuid4(), 1, status=LegStatus.CANCELLED, client_order_id="ada-1", version=9
    )
    said = events.LegsUpdated(user_id=ada, position_id=UUID(one["position_id"]), legs=[done])
    await house.say(said, user=ada, about=one["position_id"], version=9)

    async def only_bobs() -> bool:
        return set(await found()) == {"bob-1"}

    await eventually(only_bobs, because="what was settled waits no more")


async def test_the_role_that_finds_them_sees_no_other_leg(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=3)
    await house.say(events.PositionActive(position=view), user=ada, about=view.position_id, version=3)
    await eventually(lambda: _painted(house), because="the picture is painted")
    relay = await asyncpg.connect(house.databases.relay_dsn("gateway"))
    try:
        assert await relay.fetchval("select count(user_id) from gateway.position_legs") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await relay.fetch("select average_price from gateway.position_legs")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await relay.execute("update gateway.position_legs set status = 'CANCELLED'")
    finally:
        await relay.close()


async def _painted(house: Any) -> bool:
    return bool(await house.sql("select 1 from gateway.position_legs"))
