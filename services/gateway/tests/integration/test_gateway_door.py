from __future__ import annotations

import asyncio
import base64
import hmac
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from joserfc.jwk import OKPKey

from gateway.outbound.postgres.tables import OWN_ROWS
from shared.contracts import execution
from shared.contracts.rpc import auth, keys
from shared.testing import eventually
from shared.trading.errors import Denied
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PROBLEM = "application/problem+json"


async def buy(house: Any, user: UUID, body: Any, path: str = "/api/positions") -> tuple[int, dict[str, Any]]:
    answer = await house.http.post(path, json=body, headers=house.headers(user, str(uuid4())))
    assert answer.headers["content-type"] == PROBLEM, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:problem:{problem['code']}"
    assert problem["instance"] == path
    assert len(problem["trace_id"]) == 32
    return answer.status_code, problem


@pytest.mark.parametrize("path", ["/api/positions", "/api/plans"])
async def test_amounts_that_cannot_be_are_refused_by_name(house: Any, ada: UUID, build: Any, path: str) -> None:
    amounts: tuple[object, ...] = (
        "0",
        "-5",
        "NaN",
        "Infinity",
        "1" * 30,
        "1e40",
        "0.0000000001",
        "abc",
        "",
        12.5,
        True,
        None,
        [],
        "1e999999",
    )
    for amount in amounts:
        body = {"index": "top-10", "amount": amount, "account_id": str(build.account)}
        status, problem = await buy(house, ada, body, path)
        assert (status, problem["code"]) == (422, "validation_failed"), amount
        assert problem["errors"][0]["pointer"] == ("#" if amount is None else "#/amount"), amount
        assert len(problem["errors"][0]["detail"]) > 10
    headers = {**house.headers(ada, "nan"), "content-type": "application/json"}
    text = f'{{"index": "top-10", "amount": NaN, "account_id": "{build.account}"}}'
    answer = await house.http.post(path, content=text, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/amount")
    assert not await house.sql("select * from gateway.synthetic_positions")


async def test_what_execution_refuses_keeps_its_reason(house: Any, ada: UUID, build: Any) -> None:
    small = {"index": "top-10", "amount": "5", "account_id": str(build.account)}
    status, problem = await buy(house, ada, small)
    assert (status, problem["code"], problem["context"]["minimum_amount"]) == (422, "amount_too_small", "57.3")
    assert problem["errors"][0]["pointer"] == "#/amount"
    status, problem = await buy(house, ada, {**small, "amount": "20000"})
    assert (status, problem["code"], problem["context"]["available"]) == (422, "insufficient_balance", "10000")
    status, problem = await buy(house, ada, {**small, "index": "top-3", "amount": "100"})
    assert (status, problem["code"]) == (404, "unknown_index")


async def test_bodies_that_make_no_sense_are_refused_by_name(house: Any, ada: UUID, build: Any) -> None:
    account = str(build.account)
    wrong: list[tuple[Any, str]] = [
        ({}, "#"),
        ({"plan_id": "x"}, "#/plan_id"),
        ({"plan_id": str(uuid4()), "amount": "5"}, "#"),
        ({"index": "top-10", "amount": "100", "account_id": account, "leverage": 3}, "#/leverage"),
        ({"index": "x" * 65, "amount": "100", "account_id": account}, "#/index"),
        ([], "#"),
        ("text", "#"),
    ]
    for body, pointer in wrong:
        status, problem = await buy(house, ada, body)
        assert (status, problem["errors"][0]["pointer"]) == (422, pointer), body
    headers = {**house.headers(ada, "k"), "content-type": "application/json"}
    answer = await house.http.post("/api/positions", content=b'{"plan_id": ', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    for body in (b'{"plan_id": "\xff"}', b"[" * 60_000):
        answer = await house.http.post("/api/positions", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), body[:20]
    nowhere = (await house.http.get("/api/nowhere")).json()
    assert (nowhere["code"], nowhere["instance"], "/docs" in nowhere["detail"]) == ("not_found", "/api/nowhere", True)
    wrong_verb = (await house.http.put("/api/plans")).json()
    assert (wrong_verb["code"], "take PUT" in wrong_verb["detail"]) == ("method_not_allowed", True)
    assert (await house.http.get("/api/positions/x", headers=house.headers(ada))).status_code == 422


async def test_a_body_of_ten_megabytes_is_refused_without_being_kept(house: Any, ada: UUID) -> None:
    headers = {**house.headers(ada, "k"), "content-type": "application/json"}
    tracemalloc.start()
    try:
        announced = await house.http.post("/api/positions", content=b"x" * 10_000_000, headers=headers)
        before = tracemalloc.take_snapshot()
        tracemalloc.reset_peak()
        dripped = await house.http.post("/api/positions", content=_ten_megabytes(), headers=headers)
        _, peak = tracemalloc.get_traced_memory()
        kept = sum(one.size for one in before.statistics("filename"))
    finally:
        tracemalloc.stop()
    for answer in (announced, dripped):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert peak - kept < 3_000_000
    assert (await house.http.get("/api/me", headers=house.headers(ada))).status_code == 200


async def _ten_megabytes() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b"x" * 100_000


async def test_tokens_that_are_not_auths_speak_for_nobody(house: Any, ada: UUID, mint: Any) -> None:
    def unsigned(header: dict[str, Any]) -> str:
        parts = [
            header,
            {"sub": str(ada), "iss": "urn:basketry:auth", "aud": "basketry", "iat": 1, "exp": 9_999_999_999},
        ]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, ""])

    stranger = OKPKey.generate_key("Ed25519", {"kid": "first"})
    good = mint.token(ada)
    head, body, signature = good.split(".")
    tokens = [
        "",
        "x",
        "a.b.c",
        unsigned({"alg": "none", "typ": "at+jwt", "kid": "first"}),
        unsigned({"alg": "None"}),
        unsigned({"alg": "EdDSA", "typ": "at+jwt", "kid": "first"}),
        mint.token(ada, key=stranger),
        _signed_with_the_public_key(mint, good),
        mint.token(ada, header={"kid": "unknown"}),
        mint.token(ada, header={"typ": "JWT"}),
        mint.token(ada, header={"jwk": stranger.as_dict(private=False)}, key=stranger),
        mint.token(ada, header={"jku": "http://localhost/keys"}),
        mint.token(ada, life_s=-10),
        mint.token(ada, life_s=86_400),
        mint.token(ada, iss="somebody"),
        mint.token(ada, aud="other"),
        mint.token(ada, sub="not-a-uuid"),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body[:-4]}AAAA.{signature}",
        good * 20,
    ]
    for token in tokens:
        answer = await house.http.get("/api/me", headers={"authorization": f"Bearer {token}".strip()})
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM), token
        assert answer.json()["code"] in {"token_invalid", "token_missing"}
        assert "bearer" in answer.headers["www-authenticate"].lower()
    assert (await house.http.get("/api/me", headers={"authorization": f"Bearer {good}"})).status_code == 200
    assert house.neighbours.count(auth.JWKS) <= 3, "unknown key ids do not become a flood of questions"


def _signed_with_the_public_key(mint: Any, good: str) -> str:
    """The old confusion: a public key taken for a shared secret."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"at+jwt","kid":"first"}').decode().rstrip("=")
    signing = f"{head}.{good.split('.')[1]}"
    digest = hmac.new(mint.key.as_pem(private=False), signing.encode(), sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


async def test_a_rotated_key_is_fetched_when_it_appears(house: Any, ada: UUID, mint: Any) -> None:
    assert (await house.http.get("/api/me", headers=house.headers(ada))).status_code == 200
    second = OKPKey.generate_key("Ed25519", {"kid": "second"})
    both = [key.as_dict(private=False) for key in (mint.key, second)]
    house.neighbours.answer(auth.JWKS, lambda _: auth.Jwks(keys=both))
    token = mint.token(ada, header={"kid": "second"}, key=second)

    async def accepted() -> bool:
        answer = await house.http.get("/api/me", headers={"authorization": f"Bearer {token}"})
        return bool(answer.status_code == 200)

    await eventually(accepted, timeout_s=60, every_s=0.5)


async def test_the_cookie_writes_only_from_our_own_pages(house: Any, ada: UUID, mint: Any) -> None:
    cookie = {"cookie": f"__Host-basketry_access={mint.token(ada)}"}
    ours = {"origin": "http://localhost:3000", "x-basketry-client": "web"}
    assert (await house.http.get("/api/me", headers=cookie)).status_code == 200
    for extra in ({}, {"origin": "http://evil.example", "x-basketry-client": "web"}, {"origin": ours["origin"]}):
        answer = await house.http.post("/api/paper-accounts", json={}, headers={**cookie, **extra})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_refused")
    assert (await house.http.post("/api/paper-accounts", json={}, headers={**cookie, **ours})).status_code == 201


async def test_only_our_own_pages_may_read_answers_from_a_browser(house: Any) -> None:
    ask = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    fine = await house.http.options("/api/plans", headers=ask)
    assert fine.headers["access-control-allow-origin"] == "http://localhost:3000"
    other = await house.http.options("/api/plans", headers={**ask, "origin": "http://localhost:3000.evil.example"})
    assert "access-control-allow-origin" not in other.headers
    front = await house.http.get("/")
    assert front.headers["x-content-type-options"] == "nosniff"
    assert front.headers["content-security-policy"].startswith("default-src 'none'")
    assert front.headers["cache-control"] == "no-store"
    assert len(front.headers["x-trace-id"]) == 32


async def test_the_trace_of_a_request_goes_on_in_its_command(house: Any, ada: UUID) -> None:
    plan_id = await house.plan(ada)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {**house.headers(ada, "k"), "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await house.http.post("/api/positions", json={"plan_id": plan_id}, headers=headers)
    assert answer.headers["x-trace-id"] == trace
    [row] = await house.sql("select body from gateway.outbox")
    assert UUID(json.loads(row["body"])["correlation_id"]).hex == trace


async def test_too_many_requests_are_told_when_to_come_back(open_house: Any, ada: UUID) -> None:
    house = await open_house(limits={"user": "3/minute", "sign_in_account": "2/minute"})
    answers = [await house.http.get("/api/me", headers=house.headers(ada)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"user";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"user";r=2;t=')
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert answers[3].json()["code"] == "rate_limited"
    assert (await house.http.get("/api/me", headers=house.headers(uuid4()))).status_code == 200
    body = {"email": "Ada@Example.com", "password": "guess"}
    tries = [(await house.http.post("/api/account/login", json=body)).status_code for _ in range(3)]
    assert tries == [200, 200, 429]


async def test_signing_in_takes_the_form_and_json(house: Any) -> None:
    form = {"grant_type": "password", "username": "ada@example.com", "password": "correct horse"}
    by_form = await house.http.post("/api/account/login", data=form)
    by_json = await house.http.post("/login", json={"email": "ada@example.com", "password": "correct horse"})
    for answer in (by_form, by_json):
        assert answer.status_code == 200, answer.text
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 600)
        token = answer.json()["access_token"]
        assert (await house.http.get("/me", headers={"authorization": f"Bearer {token}"})).status_code == 200
    refreshed = await house.http.post("/api/account/refresh", json={"refresh_token": "refresh-1"})
    assert refreshed.status_code == 200
    assert (await house.http.post("/api/account/logout", json={"refresh_token": "refresh-1"})).status_code == 204
    incomplete = await house.http.post("/api/account/login", json={"email": "ada@example.com"})
    assert (incomplete.status_code, incomplete.json()["errors"][0]["pointer"]) == (422, "#/password")
    garbled = await house.http.post("/api/account/login", content=b"%%%", headers={"content-type": "text/plain"})
    assert (garbled.status_code, garbled.json()["code"]) == (400, "malformed_json")

    def refused(_: Any) -> Any:
        raise Denied("E-mail or password is wrong.", code="credentials_invalid")

    house.neighbours.answer(auth.LOGIN, refused)
    wrong = await house.http.post("/api/account/login", data=form)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "credentials_invalid")


async def test_the_old_spellings_answer_too(house: Any, ada: UUID) -> None:
    body = {"email": "ada@example.com", "password": "correct horse", "risk_accepted": True}
    assert (await house.http.post("/register", json=body)).status_code == 201
    key = {"label": "mine", "environment": "paper", "api_key": "k", "api_secret": "s"}
    added = await house.http.post("/exchange-keys", json=key, headers=house.headers(ada))
    assert added.status_code == 201
    assert "api_secret" not in added.text
    assert len((await house.http.get("/exchange-keys", headers=house.headers(ada))).json()["items"]) == 1
    gone = await house.http.delete(f"/exchange-keys/{uuid4()}", headers=house.headers(ada))
    assert gone.status_code == 204
    assert (await house.http.get("/")).json()["name"] == "Basketry"
    page = await house.http.get("/docs")
    assert "positions_open" in page.text
    assert "script" not in page.text + page.headers["content-security-policy"]


async def test_a_key_pair_is_made_listed_and_completed_without_any_secret(house: Any, ada: UUID, build: Any) -> None:
    now = datetime.now(UTC)
    pair = keys.KeyPairView(
        pair_id=uuid4(),
        label="mine",
        environment=VenueEnvironment.TESTNET,
        public_key="PEM",
        created_at=now,
        expires_at=now,
    )
    completed: list[keys.CompletePair] = []

    def complete(ask: keys.CompletePair) -> Any:
        completed.append(ask)
        return build.key(ask.user_id)

    house.neighbours.answer(keys.MAKE_PAIR, lambda ask: pair.model_copy(update={"label": ask.label}))
    house.neighbours.answer(keys.LIST_PAIRS, lambda _: keys.KeyPairList(items=[pair]))
    house.neighbours.answer(keys.COMPLETE_PAIR, complete)
    ask = {"label": "mine", "environment": "testnet"}
    made = await house.http.post("/api/keys/pairs", json=ask, headers=house.headers(ada))
    assert (made.status_code, made.json()["public_key"]) == (201, "PEM")
    listed = await house.http.get("/api/keys/pairs", headers=house.headers(ada))
    assert [row["pair_id"] for row in listed.json()["items"]] == [str(pair.pair_id)]
    path = f"/api/keys/pairs/{pair.pair_id}/complete"
    secret = await house.http.post(path, json={"api_key": "k", "api_secret": "s"}, headers=house.headers(ada))
    assert secret.status_code == 422
    done = await house.http.post(path, json={"api_key": "the-id"}, headers=house.headers(ada))
    assert (done.status_code, done.headers["location"]) == (201, f"/api/keys/{done.json()['key_id']}")
    assert [(item.user_id, item.pair_id) for item in completed] == [(ada, pair.pair_id)]
    assert completed[0].api_key.get_secret_value() == "the-id"


async def test_play_money_has_a_default_and_a_ceiling(house: Any, ada: UUID, build: Any) -> None:
    asked: list[keys.OpenPaperAccount] = []

    def opened(ask: keys.OpenPaperAccount) -> Any:
        asked.append(ask)
        return build.key(ask.user_id, label=ask.label)

    house.neighbours.answer(keys.OPEN_PAPER_ACCOUNT, opened)
    assert (await house.http.post("/api/paper-accounts", headers=house.headers(ada))).status_code == 201
    assert (
        await house.http.post("/api/paper-accounts", json={"balance": "50"}, headers=house.headers(ada))
    ).status_code == 201
    assert [str(ask.balances["USDT"]) for ask in asked] == ["10000", "50"]
    much = await house.http.post("/api/paper-accounts", json={"balance": "1000001"}, headers=house.headers(ada))
    assert (much.status_code, much.json()["errors"][0]["pointer"]) == (422, "#/balance")


async def test_nobody_sees_or_touches_what_belongs_to_somebody_else(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    await eventually(lambda: _active(house, ada, accepted))
    theirs = house.headers(bob, "k")
    position, plan = accepted["position_id"], accepted["plan_id"]
    for method, path, body in (
        ("GET", f"/api/positions/{position}", None),
        ("POST", f"/api/positions/{position}/close", {}),
        ("GET", f"/api/plans/{plan}", None),
        ("POST", "/api/positions", {"plan_id": plan}),
    ):
        answer = await house.http.request(method, path, json=body, headers=theirs)
        assert answer.status_code == 404, (method, path, answer.text)
        missing = await house.http.request(method, path.replace(position, str(uuid4())), json=body, headers=theirs)
        assert missing.json()["detail"] == answer.json()["detail"] or method == "GET"
    assert (await house.http.get("/api/positions", headers=theirs)).json()["items"] == []
    assert (await house.http.get("/api/activity", headers=theirs)).json()["items"] == []


async def test_every_users_table_is_protected_and_shows_a_stranger_nothing(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    await eventually(lambda: _active(house, ada, accepted))
    rows = await house.sql(
        "select c.relname, c.relrowsecurity, c.relforcerowsecurity from pg_class c"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'"
        " where c.relnamespace = 'gateway'::regnamespace and c.relkind = 'r'"
    )
    assert {row["relname"] for row in rows} == {table.name for table in OWN_ROWS} | {"outbox"}
    assert all(row["relrowsecurity"] and row["relforcerowsecurity"] for row in rows)
    for dsn in (house.databases.dsn("gateway"), house.databases.owner_dsn("gateway")):
        connection = await asyncpg.connect(dsn)
        try:
            for user, sees in ((ada, True), (bob, False), (None, False)):
                async with connection.transaction():
                    await connection.execute("select set_config('app.user_id', $1, true)", str(user or ""))
                    found = await connection.fetchval("select count(*) from gateway.synthetic_positions")
                    assert bool(found) is sees
        finally:
            await connection.close()


async def test_health_names_the_part_that_is_down(house: Any) -> None:
    fine = await house.http.get("/api/system/health")
    assert fine.json() == {"status": "ok", "parts": {"database": "ok", "bus": "ok", "live_feed": "ok"}}
    await asyncio.to_thread(house.bus.server.kill)

    async def told() -> bool:
        answer = await house.http.get("/api/system/health")
        return bool(answer.status_code == 503 and answer.json()["parts"]["bus"] == "down")

    await eventually(told, timeout_s=20)
    await asyncio.to_thread(house.bus.server.start)


async def _active(house: Any, user: UUID, accepted: dict[str, Any]) -> bool:
    return bool(await house.status(user, accepted["position_id"]) == "ACTIVE")
