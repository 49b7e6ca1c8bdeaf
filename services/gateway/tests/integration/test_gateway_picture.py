from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import account, execution, market, portfolio
from shared.contracts.rpc import market_data
from shared.contracts.topology import GATEWAY_EXECUTION
from shared.testing import eventually
from shared.trading.errors import Unavailable
from shared.trading.status import BreakClass, LegStatus, PositionStatus, VenueEnvironment

pytestmark = pytest.mark.integration


def a_pnl(user: UUID, position_id: UUID, account_id: UUID, *, pnl: str, stale: bool = False) -> portfolio.PnlUpdated:
    holding = portfolio.HoldingValue(
        symbol="BTCUSDT",
        asset="BTC",
        quantity=Decimal("0.0024975"),
        cost=Decimal("250.00025"),
        mark=Decimal("100500.15"),
        mark_stale=stale,
        value=Decimal("250.999124625"),
        realised=Decimal(0),
        unrealised=Decimal(pnl),
        weight=Decimal(1),
        target_weight=Decimal(1),
        drift=Decimal(0),
    )
    return portfolio.PnlUpdated(
        position_id=position_id,
        user_id=user,
        account_id=account_id,
        environment=VenueEnvironment.PAPER,
        at=datetime.now(UTC),
        value=Decimal("250.999124625"),
        cost=Decimal("250.00025"),
        realised=Decimal(0),
        unrealised=Decimal(pnl),
        pnl=Decimal(pnl),
        fees=Decimal("0.25"),
        holdings=[holding],
        max_abs_drift=Decimal("0.01"),
        turnover=Decimal("0.005"),
        source="revaluation",
    )


async def detail(house: Any, user: UUID, position_id: UUID | str) -> dict[str, Any]:
    answer = await house.http.get(f"/api/positions/{position_id}", headers=house.headers(user))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_position_shows_legs_fills_value_and_drift_to_the_last_digit(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    about = view.position_id
    await house.say(execution.PositionActive(position=view), user=ada, about=about, version=2)
    for _ in range(2):
        fills = [build.fill(accepted)]
        booked = execution.FillsBooked(user_id=ada, account_id=build.account, position_id=about, fills=fills)
        await house.say(booked, user=ada, about=about, version=3)
    await house.say(a_pnl(ada, about, build.account, pnl="0.998874625"), user=ada, about=about, version=7)
    item = portfolio.DriftItem(
        symbol="BTCUSDT", weight=Decimal("0.4"), target_weight=Decimal("0.3"), drift=Decimal("0.1")
    )
    deviation = portfolio.DeviationDetected(
        position_id=about,
        user_id=ada,
        account_id=build.account,
        at=datetime.now(UTC),
        items=[item],
        absolute_threshold=Decimal("0.05"),
        relative_threshold=Decimal("0.25"),
    )
    await house.say(deviation, user=ada, about=about, version=8)

    async def complete() -> bool:
        shown = await detail(house, ada, about)
        return bool(shown["fills"] and shown["pnl"] and shown["drift"]["deviating"] and shown["status"] == "ACTIVE")

    await eventually(complete)
    shown = await detail(house, ada, about)
    assert shown["plan_id"] == accepted["plan_id"]
    assert shown["invested"] == "250.00025"
    [leg] = shown["legs"]
    wanted = {
        "symbol": "BTCUSDT",
        "status": "FILLED",
        "target_weight": "1",
        "quantity": "0.0025",
        "filled_quantity": "0.0025",
        "average_price": "100000.1",
        "fee": "0.0000025",
        "fee_asset": "BTC",
    }
    assert {name: leg[name] for name in wanted} == wanted
    [fill] = shown["fills"]
    assert (fill["exec_id"], fill["price"], fill["fee"]) == ("e-1", "100000.1", "0.0000025")
    assert (shown["pnl"]["pnl"], shown["pnl"]["value"]) == ("0.998874625", "250.999124625")
    assert shown["pnl"]["holdings"][0]["mark"] == "100500.15"
    assert shown["drift"]["waiting_for"] == []
    assert shown["drift"]["items"] == [{"symbol": "BTCUSDT", "weight": "0.4", "target_weight": "0.3", "drift": "0.1"}]


async def test_a_coin_without_a_fresh_price_is_named_beside_the_drift(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    old = a_pnl(ada, view.position_id, build.account, pnl="0.998874625", stale=True)
    await house.say(old, user=ada, about=view.position_id, version=1)

    async def named() -> bool:
        drift = (await detail(house, ada, view.position_id))["drift"]
        assert drift is not None
        assert (drift["deviating"], drift["waiting_for"]) == (False, ["BTCUSDT"])
        return True

    await eventually(named)


async def test_the_newest_version_wins_in_whatever_order_events_arrive(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    newest = build.position(ada, accepted, version=5)
    about = newest.position_id
    await house.say(execution.PositionActive(position=newest), user=ada, about=about, version=5)
    older = build.position(
        ada,
        accepted,
        version=4,
        status=PositionStatus.EXECUTING,
        legs=[build.leg(about, newest.run_id, status=LegStatus.SUBMITTED, version=2)],
    )
    await house.say(execution.PositionExecuting(position=older), user=ada, about=about, version=4)
    await house.say(a_pnl(ada, about, build.account, pnl="3"), user=ada, about=about, version=3)
    await house.say(a_pnl(ada, about, build.account, pnl="2"), user=ada, about=about, version=2)
    await eventually(lambda: _handled(house, 4))
    shown = await detail(house, ada, about)
    assert (shown["status"], shown["version"], shown["legs"][0]["status"]) == ("ACTIVE", 5, "FILLED")
    assert shown["pnl"]["pnl"] == "3"


async def test_an_event_delivered_twice_changes_nothing_the_second_time(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    about = UUID(accepted["position_id"])
    event = await house.say(
        execution.LegFilled(user_id=ada, leg=build.leg(about, UUID(accepted["plan_id"]))), user=ada, about=about
    )
    await house.deliver(event, under="again")
    marker = execution.IncidentRaised(user_id=ada, account_id=build.account, code="late_fill", detail="A late fill.")
    await house.say(marker, user=ada, about=about, version=2)

    async def seen() -> list[str]:
        answer = await house.http.get("/api/activity", headers=house.headers(ada))
        return [item["sentence"] for item in answer.json()["items"] if item["type"].startswith("execution.")]

    await eventually(lambda: _taken(house, 3), because="the second delivery is handled as well")
    name = f"top-10 ({str(about)[:8]})"
    assert sorted(await seen()) == ["A late fill.", f"{name}: Bought 0.0025 BTC at 100000.1 on average."]


async def test_a_burst_is_painted_whole_and_one_that_cannot_be_kept_holds_up_no_other(
    house: Any, ada: UUID, build: Any
) -> None:
    accepted = await house.bought(ada)
    about, run = UUID(accepted["position_id"]), UUID(accepted["plan_id"])
    legs = [build.leg(about, run, number, symbol=f"C{number}USDT") for number in range(20)]
    sent = build.leg(about, run, 20, status=LegStatus.SUBMITTED, version=2)
    # PostgreSQL keeps no text with a zero character: the transaction of its lot is refused as a whole.
    refused = build.leg(about, run, 21, symbol="BAD\x00")
    updated = execution.LegsUpdated(user_id=ada, position_id=about, legs=[sent, *legs[:3]])
    events = [execution.LegFilled(user_id=ada, leg=leg) for leg in [*legs[:10], refused, *legs[10:]]]
    await asyncio.gather(*(house.say(event, user=ada, about=about) for event in [updated, *events]))

    async def whole() -> bool:
        shown = await detail(house, ada, about)
        return [leg["number"] for leg in shown["legs"]] == list(range(21))

    await eventually(whole)
    shown = await detail(house, ada, about)
    assert [leg["status"] for leg in shown["legs"]] == ["FILLED"] * 20 + ["SUBMITTED"]

    async def told() -> bool:
        """Legs that two events tell of are shown after the first of them."""
        answer = await house.http.get("/api/activity?limit=100", headers=house.headers(ada))
        return [item["type"] for item in answer.json()["items"]].count("execution.leg_filled") == 20

    await eventually(told)


async def test_a_position_that_only_execution_knows_appears(house: Any, ada: UUID, build: Any) -> None:
    accepted = {"position_id": str(uuid4()), "plan_id": str(uuid4())}
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)

    async def there() -> bool:
        path = f"/api/positions/{view.position_id}"
        return bool((await house.http.get(path, headers=house.headers(ada))).status_code == 200)

    await eventually(there)


async def test_lists_come_in_pages_newest_first(house: Any, ada: UUID) -> None:
    made = [(await house.bought(ada))["position_id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        parameters = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await house.http.get("/api/positions", params=parameters, headers=house.headers(ada))).json()
        seen += [item["position_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    assert cursor is None
    wrong = await house.http.get("/api/positions", params={"cursor": "bm9wZQ"}, headers=house.headers(ada))
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "?cursor")


async def test_the_feed_tells_of_keys_drift_and_breaks(house: Any, ada: UUID, build: Any) -> None:
    key = build.key(ada)
    await house.say(account.KeyAdded(key=key), user=ada, about=key.key_id)
    found = portfolio.BreakFound(
        break_id=uuid4(),
        user_id=ada,
        account_id=build.account,
        break_class=BreakClass.D4,
        status="open",
        asset="BTC",
        difference=Decimal("-0.001"),
        detail="coins left the account.",
        at=datetime.now(UTC),
    )
    await house.say(found, user=ada, about=build.account)

    async def sentences() -> list[str]:
        answer = await house.http.get("/api/activity", headers=house.headers(ada))
        return [item["sentence"] for item in answer.json()["items"]]

    await eventually(
        lambda: _async_contains(sentences, "Books and venue differ by -0.001 BTC: coins left the account.")
    )
    await eventually(lambda: _async_contains(sentences, "The key “Paper account” (paper) was added."))


async def test_published_indices_are_shown_while_market_data_is_away(house: Any, ada: UUID, build: Any) -> None:
    def away(_: object) -> market_data.IndexList:
        raise Unavailable("away", code="market_data_unavailable")

    for version in (2, 1):
        event = market.IndexVersionPublished(index=build.index(version))
        await house.say(event, user=None, about=f"top-10-{version}", version=version)
    await eventually(lambda: _rows(house, "select * from gateway.inbox where consumer = 'gateway-market'", 2))
    house.neighbours.answer(market_data.LIST_INDICES, away)
    house.neighbours.answer(market_data.GET_INDEX, away)
    listed = await house.http.get("/api/indices", headers=house.headers(ada))
    assert [item["version"] for item in listed.json()["items"]] == [2]
    assert (await house.http.get("/api/indices/top-10", headers=house.headers(ada))).json()["version"] == 2
    unknown = await house.http.get("/api/indices/top-3", headers=house.headers(ada))
    assert (unknown.status_code, unknown.json()["code"]) == (503, "market_data_unavailable")


async def _handled(house: Any, count: int) -> bool:
    return len(await house.sql("select * from gateway.inbox")) >= count


async def _taken(house: Any, count: int) -> bool:
    """Whether so many messages came from execution, and none of them waits or is worked on."""
    told = await house.tester.jetstream().consumer_info("EXECUTION", GATEWAY_EXECUTION.name)
    return told.ack_floor is not None and told.ack_floor.consumer_seq >= count


async def _rows(house: Any, query: str, count: int) -> bool:
    return len(await house.sql(query)) == count


async def _async_contains(read: Any, wanted: str) -> bool:
    return wanted in await read()
