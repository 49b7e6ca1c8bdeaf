"""Limits and the kill switch at the public door: whose they are, who may set them, and that everybody hears of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import account
from shared.contracts.rpc import guards
from shared.testing import eventually
from shared.trading.errors import Conflict, Invalid, NotFound
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REASON = "The venue answers with wrong prices."
LIMITS = {"order_max": 10, "hour_max": 20, "day_max": 30, "slippage_bps_max": 100, "price_age_s_max": 60}


def the_guards(asked: guards.GuardsOf | guards.SetOwnLimits, **other: Any) -> guards.GuardsView:
    limits = guards.Limits(**{name: Decimal(value) for name, value in LIMITS.items()})
    facts: dict[str, Any] = {
        "environment": asked.environment,
        "version": 3,
        "own": guards.OwnLimits(),
        "platform": limits,
        "limits": limits,
        "spent_hour": Decimal("1.5"),
        "spent_day": Decimal(2),
        "halts": [],
    }
    return guards.GuardsView(**facts | other)


def a_halt(asked: guards.HaltTrading) -> guards.HaltRecord:
    return guards.HaltRecord(
        halt_id=UUID(int=7),
        scope="user" if asked.user_id else "platform",
        user_id=asked.user_id,
        symbol=asked.symbol,
        environment=asked.environment,
        extent=asked.extent,
        reason=asked.reason,
        by_operator=asked.as_operator,
        raised_at=NOW,
        raised_by=asked.by,
    )


@pytest.fixture
def operator(house: Any) -> dict[str, str]:
    headers: dict[str, str] = house.headers(UUID(int=99), role="admin")
    return headers


async def test_a_user_reads_and_sets_their_own_limits_and_no_others(house: Any, ada: UUID) -> None:
    heard: list[guards.SetOwnLimits] = []

    def set_own(asked: guards.SetOwnLimits) -> guards.GuardsView:
        heard.append(asked)
        return the_guards(asked, version=4, own=asked.limits)

    house.neighbours.answer(guards.GUARDS, the_guards)
    house.neighbours.answer(guards.SET_OWN_LIMITS, set_own)
    shown = await house.http.get("/api/guards", headers=house.headers(ada))
    assert shown.status_code == 200, shown.text
    assert shown.headers["etag"] == '"3"'
    body = shown.json()
    assert (body["environment"], body["limits"]["hour_max"], body["spent_hour"]) == ("paper", "20", "1.5")
    changed = await house.http.put(
        "/api/guards?environment=testnet",
        json={"hour_max": "12.5"},
        headers={**house.headers(ada), "if-match": shown.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    assert (changed.headers["etag"], changed.json()["own"]["hour_max"]) == ('"4"', "12.5")
    [asked] = heard
    assert (asked.user_id, asked.environment, asked.version) == (ada, VenueEnvironment.TESTNET, 3)
    assert (asked.limits.hour_max, asked.limits.order_max) == (Decimal("12.5"), None)


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, {"hour_max": "5"}, 428, "if_match_missing"),
        ({"if-match": "yesterday"}, {"hour_max": "5"}, 412, "if_match_fails"),
        ({"if-match": '"2"'}, {"hour_max": "5"}, 412, "guards_changed"),
        ({"if-match": '"3"'}, {"hour_max": "500"}, 422, "limits_refused"),
        ({"if-match": '"3"'}, {"hour_max": "-5"}, 422, "validation_failed"),
        ({"if-match": '"3"'}, {"user_id": str(UUID(int=5))}, 422, "validation_failed"),
    ],
)
async def test_limits_are_set_only_by_who_has_seen_them_and_only_stricter(
    house: Any, ada: UUID, headers: dict[str, str], body: dict[str, str], status: int, code: str
) -> None:
    def set_own(asked: guards.SetOwnLimits) -> guards.GuardsView:
        if asked.version != 3:
            raise Conflict("Changed.", code="guards_changed")
        raise Invalid("Only stricter.", code="limits_refused", context={"pointer": "#/hour_max"})

    house.neighbours.answer(guards.SET_OWN_LIMITS, set_own)
    reply = await house.http.put("/api/guards", json=body, headers={**house.headers(ada), **headers})
    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_a_user_stops_and_releases_their_own_trading(house: Any, ada: UUID) -> None:
    heard: list[guards.HaltTrading] = []

    def halt(asked: guards.HaltTrading) -> guards.HaltRecord:
        heard.append(asked)
        return a_halt(asked)

    def no_halt(_: guards.ReleaseOwn) -> guards.HaltList:
        raise NotFound("None.", code="halt_not_found")

    house.neighbours.answer(guards.HALT_TRADING, halt)
    house.neighbours.answer(guards.RELEASE_OWN, no_halt)
    thrown = await house.http.post("/api/kill-switch", json={"extent": "all"}, headers=house.headers(ada))
    assert thrown.status_code == 201, thrown.text
    assert (thrown.json()["scope"], thrown.json()["extent"]) == ("user", "all")
    assert "raised_by" not in thrown.json()
    [asked] = heard
    assert (asked.user_id, asked.by, asked.as_operator) == (ada, ada, False)
    for smuggled in ({"user_id": str(uuid4())}, {"as_operator": True}):
        refused = await house.http.post("/api/kill-switch", json=smuggled, headers=house.headers(ada))
        assert refused.status_code == 422
    gone = await house.http.post("/api/kill-switch/release", headers=house.headers(ada))
    assert (gone.status_code, gone.json()["code"]) == (404, "halt_not_found")


async def test_what_binds_everybody_is_for_operators_with_a_reason(
    house: Any, ada: UUID, operator: dict[str, str]
) -> None:
    house.neighbours.answer(guards.HALT_TRADING, a_halt)
    house.neighbours.answer(guards.LIST_HALTS, lambda _: guards.HaltList(items=[]))
    house.neighbours.answer(guards.PLATFORM_LIMITS, lambda _: guards.PlatformLimitsList(items=[]))
    everything = {name: str(value) for name, value in LIMITS.items()}
    everything |= {"total_hour_max": "100", "total_day_max": "200", "reason": REASON}
    routes = [
        ("GET", "/api/system/limits", None),
        ("PUT", "/api/system/limits/paper", everything),
        ("GET", "/api/system/kill-switch", None),
        ("POST", "/api/system/kill-switch", {"reason": REASON}),
        ("POST", f"/api/system/kill-switch/{uuid4()}/release", {"reason": REASON}),
    ]
    for method, path, body in routes:
        refused = await house.http.request(method, path, json=body, headers={**house.headers(ada), "if-match": '"0"'})
        assert (refused.status_code, refused.json()["code"]) == (403, "admin_only"), path
        assert (await house.http.request(method, path, json=body)).status_code == 401
    silent = await house.http.post("/api/system/kill-switch", json={"reason": "because"}, headers=operator)
    assert silent.status_code == 422
    thrown = await house.http.post(
        "/api/system/kill-switch", json={"reason": REASON, "symbol": "LUNAUSDT"}, headers=operator
    )
    assert thrown.status_code == 201, thrown.text
    assert (thrown.json()["by_operator"], thrown.json()["raised_by"]) == (True, str(UUID(int=99)))
    assert (await house.http.get("/api/system/limits", headers=operator)).status_code == 200
    assert (await house.http.get("/api/system/kill-switch", headers=operator)).json()["items"] == []


async def test_everybody_hears_what_stops_everybody_and_one_user_what_stops_them(
    house: Any, ada: UUID, bob: UUID
) -> None:
    streams: dict[UUID, list[str]] = {ada: [], bob: []}

    async def listen(user: UUID) -> None:
        async with house.http.stream("GET", "/api/events", headers=house.headers(user)) as answer:
            async for line in answer.aiter_lines():
                if line.startswith(("event:", "data:")):
                    streams[user].append(line)

    listening = [asyncio.create_task(listen(user)) for user in streams]
    await eventually(lambda: all(streams.values()), because="both are greeted")
    for user in (None, bob):
        facts: dict[str, Any] = {"extent": "opening", "reason": REASON, "by_operator": True, "raised_at": NOW}
        view = account.HaltView(halt_id=uuid4(), scope="user" if user else "platform", user_id=user, **facts)
        await house.say(account.TradingHalted(halt=view), user=user, about=view.halt_id)
    await eventually(lambda: str(streams[bob]).count("event: trading_halted") == 2, because="bob hears both")
    await eventually(lambda: "trading_halted" in str(streams[ada]), because="ada hears the platform's")
    assert str(streams[ada]).count("event: trading_halted") == 1
    assert str(bob) not in str(streams[ada])

    async def told() -> bool:
        activity = await house.http.get("/api/activity", headers=house.headers(bob))
        return "Stopped by the kill switch: buying" in activity.text

    await eventually(told, because="it is a line of bob's activity")
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
