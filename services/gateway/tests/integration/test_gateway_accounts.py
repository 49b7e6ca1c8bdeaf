from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import execution
from shared.contracts.rpc import execution as questions
from shared.contracts.rpc import keys
from shared.testing import eventually
from shared.trading.errors import NotFound
from shared.trading.flow import FlowKind

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_flow(number: int) -> execution.FlowView:
    return execution.FlowView(
        flow_id=f"log:{number}",
        kind=FlowKind.TRANSFER_OUT,
        venue_type="TRANSFER_OUT",
        asset="BTC",
        amount=Decimal("-0.5"),
        counter_amount=Decimal(0),
        fee=Decimal(0),
        at=NOW - timedelta(minutes=number),
        booked_at=NOW,
    )


async def test_flows_are_listed_page_by_page(house: Any, ada: UUID) -> None:
    asked: list[questions.ListFlows] = []
    everything = [a_flow(number) for number in range(3)]

    def answer(ask: questions.ListFlows) -> questions.FlowList:
        asked.append(ask)
        older = [flow for flow in everything if ask.before_at is None or flow.at < ask.before_at]
        return questions.FlowList(items=older[: ask.limit])

    house.neighbours.answer(questions.LIST_FLOWS, answer)
    account = uuid4()
    first = (await house.http.get(f"/api/accounts/{account}/flows?limit=2", headers=house.headers(ada))).json()
    assert [(flow["flow_id"], flow["amount"]) for flow in first["items"]] == [("log:0", "-0.5"), ("log:1", "-0.5")]
    rest = (
        await house.http.get(
            f"/api/accounts/{account}/flows?limit=2&cursor={first['next_cursor']}", headers=house.headers(ada)
        )
    ).json()
    assert ([flow["flow_id"] for flow in rest["items"]], rest["next_cursor"]) == (["log:2"], None)
    assert [(ask.user_id, ask.account_id, ask.before_id) for ask in asked] == [
        (ada, account, None),
        (ada, account, "log:1"),
    ]


async def test_somebody_elses_account_is_not_there(house: Any, ada: UUID) -> None:
    house.neighbours.answer(questions.LIST_FLOWS, lambda _: questions.FlowList(items=[]))

    def none(_: keys.KeyRef) -> Any:
        raise NotFound(code="key_not_found")

    house.neighbours.answer(keys.DESCRIBE, none)
    answer = await house.http.get(f"/api/accounts/{uuid4()}/flows", headers=house.headers(ada))
    assert answer.status_code == 404
    bad = await house.http.get(f"/api/accounts/{uuid4()}/flows?cursor=nonsense", headers=house.headers(ada))
    assert (bad.status_code, bad.json()["code"]) == (422, "cursor_invalid")


async def test_what_happened_makes_a_line_in_the_feed(house: Any, ada: UUID) -> None:
    account = uuid4()
    event = execution.AccountFlowsBooked(user_id=ada, account_id=account, flows=[a_flow(0), a_flow(1)])
    await house.say(event, user=ada, about=account, version=1)

    async def line() -> str:
        items = (await house.http.get("/api/activity", headers=house.headers(ada))).json()["items"]
        assert items
        return str(items[0]["sentence"])

    assert await eventually(line) == "0.5 BTC left the account. Another 1 came with it."


def a_shortage(account: UUID, **changes: Any) -> execution.ShortageView:
    values: dict[str, Any] = {
        "shortage_id": UUID(int=9),
        "account_id": account,
        "asset": "BTC",
        "quantity": Decimal("0.25"),
        "state": "open",
        "shares": [execution.ShortageShare(position_id=UUID(int=5), quantity=Decimal("0.25"))],
        "found_at": NOW,
        "changed_at": NOW,
        "version": 1,
    }
    return execution.ShortageView(**(values | changes))


async def test_a_shortage_is_shown_and_answered(house: Any, ada: UUID) -> None:
    account = uuid4()
    asked: list[questions.ResolveShortage] = []

    def resolve(ask: questions.ResolveShortage) -> execution.ShortageView:
        asked.append(ask)
        return a_shortage(account, state="resolved", how=ask.how, version=2)

    house.neighbours.answer(questions.LIST_SHORTAGES, lambda _: questions.ShortageList(items=[a_shortage(account)]))
    house.neighbours.answer(questions.RESOLVE_SHORTAGE, resolve)
    path = f"/api/accounts/{account}/shortages"
    [shown] = (await house.http.get(path, headers=house.headers(ada))).json()["items"]
    assert (shown["asset"], shown["quantity"], shown["state"]) == ("BTC", "0.25", "open")
    assert shown["shares"] == [{"position_id": str(UUID(int=5)), "quantity": "0.25"}]
    body = {"how": "sold", "shortage_id": shown["shortage_id"]}
    answer = await house.http.post(f"{path}/BTC/resolve", json=body, headers=house.headers(ada))
    assert (answer.status_code, answer.json()["state"], answer.json()["how"]) == (200, "resolved", "sold")
    assert [(ask.user_id, ask.asset, ask.how) for ask in asked] == [(ada, "BTC", "sold")]
    for wrong in ({"how": "lost"}, {}, {"how": "sold", "more": 1}):
        refused = await house.http.post(f"{path}/BTC/resolve", json=wrong, headers=house.headers(ada))
        assert refused.status_code == 422
    assert (await house.http.post(f"{path}/BTC/resolve", json=body)).status_code == 401
    odd = await house.http.post(f"{path}/b%20c/resolve", json=body, headers=house.headers(ada))
    assert odd.status_code == 422


async def test_a_shortage_makes_a_line_in_the_feed(house: Any, ada: UUID) -> None:
    account = uuid4()
    for number, (state, how) in enumerate([("open", None), ("waiting", "will_return"), ("resolved", "returned")], 1):
        event = execution.ShortageChanged(
            user_id=ada, shortage=a_shortage(account, state=state, how=how, version=number)
        )
        await house.say(event, user=ada, about=account, version=number)

    async def lines() -> list[str]:
        items = (await house.http.get("/api/activity", headers=house.headers(ada))).json()["items"]
        assert len(items) == 3
        return [item["sentence"] for item in items]

    assert sorted(await eventually(lines)) == [
        "0.25 BTC are back.",
        "0.25 BTC of your positions are missing on the account. Say whether they were sold, withdrawn or will return.",
        "0.25 BTC of your positions are missing on the account; you said that they will return.",
    ]
