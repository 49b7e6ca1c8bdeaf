from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.contracts.rpc import keys, plans

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("path", "status"), [("/api/plans", 201), ("/api/positions", 202)])
async def test_an_account_is_named_either_way(house: Any, ada: UUID, build: Any, path: str, status: int) -> None:
    asked: list[plans.MakePlan] = []

    def planned(ask: plans.MakePlan) -> plans.PlanView:
        asked.append(ask)
        return build.plan(ask.user_id, account_id=ask.account_id)  # type: ignore[no-any-return]

    house.neighbours.answer(plans.MAKE_PLAN, planned)
    what, account = {"index": "top-10", "amount": "100"}, str(uuid4())
    for spelled in ({"account": account}, {"account_id": account}, {"account": account, "account_id": account}):
        answer = await house.http.post(path, json={**what, **spelled}, headers=house.headers(ada, str(uuid4())))
        assert (answer.status_code, answer.json().get("account_id")) == (status, account), answer.text
    assert [str(ask.account_id) for ask in asked] == [account] * 3
    for wrong in ({}, {"account": account, "account_id": str(uuid4())}, {"account": "mine"}):
        answer = await house.http.post(path, json={**what, **wrong}, headers=house.headers(ada, str(uuid4())))
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), wrong


async def test_both_spellings_are_one_order_under_its_key(house: Any, ada: UUID) -> None:
    what, account = {"index": "top-10", "amount": "100"}, str(uuid4())
    answers = [
        await house.http.post("/api/positions", json={**what, name: account}, headers=house.headers(ada, "k"))
        for name in ("account", "account_id")
    ]
    assert answers[0].status_code == 202
    assert answers[0].text == answers[1].text


async def test_an_account_beside_a_plan_is_refused(house: Any, ada: UUID) -> None:
    body = {"plan_id": str(uuid4()), "account": str(uuid4())}
    answer = await house.http.post("/api/positions", json=body, headers=house.headers(ada, "k"))
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_play_money_is_named_either_way_and_only_in_usdt(house: Any, ada: UUID, build: Any) -> None:
    asked: list[keys.OpenPaperAccount] = []

    def opened(ask: keys.OpenPaperAccount) -> Any:
        asked.append(ask)
        return build.key(ask.user_id, label=ask.label)

    house.neighbours.answer(keys.OPEN_PAPER_ACCOUNT, opened)

    async def post(body: dict[str, Any]) -> httpx.Response:
        answer: httpx.Response = await house.http.post("/api/paper-accounts", json=body, headers=house.headers(ada))
        return answer

    assert (await post({"balances": {"USDT": "2500"}})).status_code == 201
    assert [{coin: str(amount) for coin, amount in ask.balances.items()} for ask in asked] == [{"USDT": "2500"}]
    for body, pointer in (
        ({"balances": {"BTC": "1"}}, "#/balances/USDT"),
        ({"balances": {"USDT": "10", "BTC": "1"}}, "#/balances/BTC"),
        ({"balances": {"USDT": "0"}}, "#/balances/USDT"),
        ({"balances": {"USDT": "1000001"}}, "#/balances/USDT"),
        ({"balance": "10", "balances": {"USDT": "10"}}, "#"),
    ):
        answer = await post(body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), body
    assert len(asked) == 1


async def test_guesses_from_elsewhere_do_not_keep_the_owner_out(open_house: Any) -> None:
    house = await open_house(limits={"sign_in_account": "2/minute"})
    body = {"email": "Ada@Example.com", "password": "guess"}
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=house.url, transport=elsewhere, timeout=30) as stranger:
        guesses = [(await stranger.post("/api/account/login", json=body)).status_code for _ in range(5)]
    assert Counter(guesses) == {200: 2, 429: 3}
    assert (await house.http.post("/api/account/login", json=body)).status_code == 200
