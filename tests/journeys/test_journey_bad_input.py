"""What people and programs get wrong: each mistake is answered clearly, and no money moves."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from kit.stage import PASSWORD, Customer, Stage

from shared.contracts.registry import EVENTS
from shared.contracts.topology import CONSUMERS, ConsumerSpec
from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(180)]

Body = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def customer(stage: Stage) -> Customer:
    return await stage.customer(balance="2000")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(stage: Stage, customer: Customer) -> AsyncIterator[httpx.AsyncClient]:
    assert customer.client.tokens is not None
    headers = {"Authorization": f"Bearer {customer.client.tokens.access}"}
    async with httpx.AsyncClient(
        base_url=stage.platform.gateway_url, headers=headers, trust_env=False, timeout=30
    ) as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str | None = None) -> Body:
    """The answer is a problem of that status, well formed."""
    body: Body = answer.json()
    assert answer.status_code == status, (answer.status_code, body)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert body["type"] == f"urn:problem:{body['code']}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    if code is not None:
        assert body["code"] == code
    return body


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def buying(customer: Customer, *, index: str = "top-5", amount: str = "300") -> Body:
    return {"index": index, "amount": amount, "account_id": str(customer.account_id)}


async def test_an_unknown_index_is_named(http: httpx.AsyncClient, customer: Customer) -> None:
    problem(await http.post("/api/plans", json=buying(customer, index="top-11")), 404, "unknown_index")
    problem(await http.get("/api/indices/top-11"), 404, "unknown_index")


@pytest.mark.parametrize(
    "amount", ["0", "-1", "NaN", "Infinity", "9" * 30, "1e400", "ten", "", "0.123456789", 5.5, None]
)
async def test_an_impossible_amount_is_refused(http: httpx.AsyncClient, customer: Customer, amount: Any) -> None:
    body = {**buying(customer), "amount": amount}
    problem(await http.post("/api/plans", json=body), 422)
    problem(await http.post("/api/positions", json=body, headers=key()), 422)


async def test_too_small_an_amount_names_the_smallest_that_works(http: httpx.AsyncClient, customer: Customer) -> None:
    refused = problem(
        await http.post("/api/plans", json=buying(customer, index="top-10", amount="20")), 422, "amount_too_small"
    )
    smallest = Decimal(refused.get("minimum_amount") or refused["context"]["minimum_amount"])
    assert str(smallest) in refused["detail"]
    slack = str(smallest * Decimal("1.01"))[:8]
    made = await http.post("/api/plans", json=buying(customer, index="top-10", amount=slack))
    assert made.status_code == 201, made.json()
    assert {leg["check"] for leg in made.json()["legs"]} == {"ok"}


async def test_more_than_the_balance_is_refused(http: httpx.AsyncClient, customer: Customer) -> None:
    problem(await http.post("/api/plans", json=buying(customer, amount="2000.01")), 422, "insufficient_balance")


async def test_a_purchase_without_a_key_is_refused(http: httpx.AsyncClient, customer: Customer) -> None:
    problem(await http.post("/api/positions", json=buying(customer)), 400)


async def test_fifty_equal_requests_are_one_position(http: httpx.AsyncClient, customer: Customer, stage: Stage) -> None:
    headers = key()
    answers = await asyncio.gather(
        *(http.post("/api/positions", json=buying(customer), headers=headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    problem(await http.post("/api/positions", json=buying(customer, amount="301"), headers=headers), 422)
    position = await customer.settled(uuid.UUID(answers[0].json()["position_id"]))
    ledger = await stage.ledger(customer.uid)
    assert len(ledger["orders"]) == len(position["legs"]) == 5


async def test_an_expired_plan_buys_nothing(http: httpx.AsyncClient, customer: Customer, stage: Stage) -> None:
    plan = (await http.post("/api/plans", json=buying(customer))).json()
    books = await stage.books()
    try:
        for table in ("gateway.plans", "execution.plans"):
            await books.execute(
                f"update {table} set expires_at = now() - interval '1 second' where plan_id = $1",
                uuid.UUID(plan["plan_id"]),
            )
    finally:
        await books.close()
    problem(await http.post("/api/positions", json={"plan_id": plan["plan_id"]}, headers=key()), 409, "plan_expired")


async def test_keys_that_may_not_be_stored_are_refused_by_name(http: httpx.AsyncClient, stage: Stage) -> None:
    async def account(**terms: Any) -> Body:
        answer = await stage.venue.post("/paper/v1/accounts", json={"balances": {"USDT": "100"}, **terms})
        made: Body = answer.json()
        return made

    async def adding(made: Body, *, secret: str | None = None) -> httpx.Response:
        body = {
            "label": "k",
            "environment": "paper",
            "api_key": made["api_key"],
            "api_secret": secret or made["api_secret"],
        }
        return await http.post("/api/keys", json=body)

    withdraw = {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}
    refused = problem(await adding(await account(permissions=withdraw)), 422, "key_can_withdraw")
    assert "withdraw" in refused["detail"].lower()
    sound = await account()
    problem(await adding(sound, secret=sound["api_secret"][::-1]), 422, "key_rejected_by_venue")
    problem(await adding(await account(environment="testnet")), 422, "key_unknown_to_venue")
    problem(await adding(await account(read_only=True)), 422, "key_read_only")


async def test_tokens_that_are_not_ours_open_nothing(stage: Stage, customer: Customer) -> None:
    assert customer.client.tokens is not None
    head, body, signature = customer.client.tokens.access.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))

    def encoded(part: Body) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    tokens = [
        f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{body}.",
        f"{encoded({'alg': 'HS256', 'typ': 'at+jwt'})}.{body}.{signature}",
        f"{head}.{encoded({**claims, 'sub': str(uuid.uuid4())})}.{signature}",
        f"{head}.{encoded({**claims, 'exp': 1})}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "not-a-token",
    ]
    async with httpx.AsyncClient(base_url=stage.platform.gateway_url, trust_env=False) as http:
        for token in tokens:
            problem(await http.get("/api/me", headers={"Authorization": f"Bearer {token}"}), 401)
        problem(await http.get("/api/me"), 401)


async def test_a_body_of_ten_megabytes_is_not_read(http: httpx.AsyncClient) -> None:
    problem(await http.post("/api/plans", content=b"x" * 10_000_000, headers={"content-type": "application/json"}), 413)
    assert (await http.get("/api/me")).status_code == 200


async def test_signing_up_wrongly_says_what_to_do(stage: Stage, customer: Customer) -> None:
    async with httpx.AsyncClient(base_url=stage.platform.gateway_url, trust_env=False) as http:
        base = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD, "risk_accepted": True}
        for change, status in (
            ({"risk_accepted": False}, 422),
            ({"password": "short"}, 422),
            ({"email": "nobody"}, 422),
            ({"email": customer.email}, 409),
        ):
            problem(await http.post("/api/account/register", json={**base, **change}), status)
        wrong = {"email": customer.email, "password": "wrong-password-1"}
        problem(await http.post("/api/account/login", json=wrong), 401)


async def publish_nonsense(stage: Stage, consumer: ConsumerSpec) -> str:
    """With the rights of the service that owns an event of that consumer; what identifies it later."""
    domain = consumer.filter_subject.split(".")[0]
    event = next(
        spec for spec in EVENTS if spec.domain == domain and consumer.filter_subject.split(".")[2] in {">", spec.name}
    )
    mark = f"malformed-{uuid.uuid4().hex}"
    seed = stage.platform.keyring.seed(event.owner).get_secret_value()
    bus = await nats.connect(
        stage.platform.nats.url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX_{event.owner}".encode()
    )
    try:
        body = f'{{"id": "{mark}", "type": 7'.encode()
        await bus.jetstream().publish(event.subject(user=None, entity=None), body, stream=consumer.stream)
    finally:
        await bus.close()
    return mark


async def test_a_malformed_event_on_any_stream_becomes_a_dead_letter_and_the_next_one_flows(
    stage: Stage, customer: Customer
) -> None:
    marks = {spec.name: await publish_nonsense(stage, spec) for spec in CONSUMERS if spec.stream != "DLQ"}

    async def all_dead() -> bool:
        books = await stage.books()
        try:
            found = await books.fetch("select row_to_json(d)::text as text from gateway.dead_letters d")
        finally:
            await books.close()
        texts = " ".join(row["text"] for row in found)
        encoded = {name: base64.b64encode(mark.encode()).decode()[:20] for name, mark in marks.items()}
        missing = [name for name, mark in marks.items() if mark not in texts and encoded[name] not in texts]
        assert not missing, missing
        return True

    await eventually(all_dead, timeout_s=60, because="every malformed event is kept as a dead letter")
    position = await customer.settled(await customer.buys("top-5", "150"))
    assert position["status"] == "ACTIVE"
