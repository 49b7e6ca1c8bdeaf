"""The whole service on the real bus: who may ask what, where approvals come from, and no secret anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from kit.keys_paper import Paper
from kit.keys_plan import Plan, a_plan
from pydantic import PostgresDsn, SecretStr
from pydantic import Secret as PydanticSecret

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from keys.outbound.postgres.tables import SCHEMA
from keys.settings import Settings
from keys.wiring import make_process
from shared.contracts.account import KeyView
from shared.contracts.envelope import Envelope
from shared.contracts.orders import Ceiling, PlaceBasketOrder
from shared.contracts.problem import Problem
from shared.contracts.registry import BY_MODEL
from shared.contracts.rpc import keys, signing
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.migrations import check
from shared.testing import eventually
from shared.trading.clock import SystemClock
from shared.trading.status import Side, VenueEnvironment

pytestmark = pytest.mark.integration

MIGRATIONS = Path(__file__).parents[2] / "migrations"


class Service:
    """The running process, asked as other services would."""

    def __init__(self, bus: Bus, databases: TestDatabases, user: UUID) -> None:
        self.bus, self.databases, self.user = bus, databases, user

    async def ask(self, who: str, verb: RpcVerb[Any, Any], request: Any) -> Any:
        async with self.bus.connect(who) as client:
            reply = await client.request(verb.subject, request.model_dump_json().encode(), timeout=10)
        if (reply.headers or {}).get("problem"):
            return Problem.model_validate_json(reply.data)
        return verb.reply.model_validate_json(reply.data)

    async def order(self, plan: Plan, key: KeyView) -> None:
        """Publish the command as the gateway's relay does."""
        now = SystemClock().now()
        data = PlaceBasketOrder(
            position_id=plan.position_id,
            user_id=self.user,
            account_id=key.key_id,
            environment=key.environment,
            plan_id=plan.plan_id,
            index_id="top-10",
            approved_amount=Decimal(100),
            ceilings=[
                Ceiling(
                    symbol="BTCUSDT",
                    side=Side.BUY,
                    max_quantity=Decimal(1),
                    max_notional=Decimal(200),
                    limit_price=Decimal(1500),
                )
            ],
            expires_at=now + timedelta(seconds=60),
        )
        spec = BY_MODEL[PlaceBasketOrder]
        subject = spec.subject(user=self.user, entity=plan.position_id)
        envelope = Envelope[PlaceBasketOrder](
            id=uuid4(),
            source="gateway",
            type=spec.type,
            version=spec.version,
            time=now,
            subject=subject,
            aggregate_id=str(plan.position_id),
            aggregate_version=1,
            correlation_id=uuid4(),
            data=data,
        )
        async with self.bus.connect("gateway") as client:
            await client.jetstream().publish(
                subject, envelope.model_dump_json().encode(), headers={"Nats-Msg-Id": str(envelope.id)}
            )


def sign_request(
    user: UUID, key: KeyView, payload: str, *, path: str = "/v5/order/create", method: str = "POST"
) -> signing.SignRequest:
    return signing.SignRequest(
        user_id=user,
        key_id=key.key_id,
        method="POST" if method == "POST" else "GET",
        path=path,
        payload=payload,
        recv_window_ms=1500,
        lane=signing.Lane.BUY,
    )


@pytest.fixture
async def service(
    make_database: Callable[..., Awaitable[TestDatabases]], bus: Bus, settings: Settings
) -> AsyncIterator[Service]:
    databases = await make_database("keys")
    process = make_process(
        settings.model_copy(
            update={
                "database_dsn": PydanticSecret[PostgresDsn](PostgresDsn(databases.dsn("keys"))),
                "relay_dsn": PydanticSecret[PostgresDsn](PostgresDsn(databases.relay_dsn("keys"))),
                "nats_url": bus.url,
                "nats_seed": bus.seed("keys"),
            }
        )
    )
    async with process.running():
        yield Service(bus, databases, uuid4())


async def test_a_key_is_added_approved_and_signs_over_the_bus(service: Service, paper: Paper) -> None:
    opened = keys.OpenPaperAccount(user_id=service.user, label="play", balances={"USDT": Decimal(1000)})
    key = await service.ask("gateway", keys.OPEN_PAPER_ACCOUNT, opened)
    assert isinstance(key, KeyView)
    plan = a_plan()
    request = sign_request(service.user, key, plan.create())
    pending = await service.ask("execution", signing.SIGN, request)
    assert (pending.headers, pending.retry_reason) == (None, "ceilings_pending")
    await service.order(plan, key)

    async def sign() -> signing.Signature | None:
        answer = await service.ask("execution", signing.SIGN, request)
        return answer if isinstance(answer, signing.Signature) and answer.headers else None

    signed = await eventually(sign, every_s=0.05, timeout_s=30)
    assert signed is not None
    assert set(signed.headers or {}) == {"X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW", "X-BAPI-SIGN"}
    late = request.model_copy(update={"not_after": SystemClock().now() - timedelta(seconds=1)})
    for other, code in (
        (sign_request(service.user, key, plan.create(qty="2")), "link_id_reused"),
        (sign_request(service.user, key, plan.create(1, price="1501")), "price_beyond_plan"),
        (sign_request(service.user, key, plan.create(1, qty="0.1")), "ceiling_exceeded"),
        (late, "signature_too_late"),
    ):
        refused = await service.ask("execution", signing.SIGN, other)
        assert (refused.family, refused.code) == ("denied", code)
    read = sign_request(service.user, key, "category=spot", path="/v5/order/realtime", method="GET")
    assert (await service.ask("reconciler", signing.SIGN_READ, read)).headers
    denied = await service.ask("reconciler", signing.SIGN_READ, request)
    assert (denied.family, denied.code) == ("denied", "endpoint_not_allowed")
    login = await service.ask("execution", signing.SIGN_STREAM, keys.KeyRef(user_id=service.user, key_id=key.key_id))
    assert login.expires_ms > 0
    listed = await service.ask("gateway", keys.LIST, keys.OwnKeys(user_id=service.user))
    assert [one.key_id for one in listed.items] == [key.key_id]
    assert listed.items[0].last_used_at is not None


async def test_each_service_may_ask_its_own_questions_only(service: Service) -> None:
    request = keys.KeyRef(user_id=service.user, key_id=uuid4())
    for who, verb in (("reconciler", signing.SIGN_STREAM), ("gateway", signing.SIGN), ("execution", keys.ADD)):
        async with service.bus.connect(who) as client:
            with pytest.raises(TimeoutError):
                await client.request(verb.subject, request.model_dump_json().encode(), timeout=1)


async def test_a_refused_key_answers_with_its_code_and_without_its_secret(
    service: Service, paper: Paper, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = paper.open(permissions={"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]})
    good = paper.open()
    for account, expected in (
        (bad, "key_can_withdraw"),
        (good | {"api_secret": good["api_secret"][:-1] + "_"}, "key_rejected_by_venue"),
    ):
        answer = await service.ask("gateway", keys.ADD, an_add(service.user, account))
        assert (answer.family, answer.code) == ("invalid", expected)
        assert account["api_secret"] not in answer.model_dump_json()
    stored = await service.ask("gateway", keys.ADD, an_add(service.user, good))
    read = sign_request(service.user, stored, "category=spot", path="/v5/order/realtime", method="GET")
    await service.ask("execution", signing.SIGN, read)
    await service.ask("execution", signing.SIGN, sign_request(service.user, stored, good["api_secret"]))
    await service.ask("gateway", keys.ADD, keys.OwnKeys(user_id=service.user))
    output = "".join(capfd.readouterr())
    dump = await everything(service.databases)
    assert good["api_secret"] not in good["api_key"]
    for secret in (good["api_secret"], bad["api_secret"]):
        for form in forms(secret):
            assert form not in output
            assert form not in dump
    assert good["api_key"] not in dump
    assert stored.hint in dump


def an_add(user: UUID, account: dict[str, str]) -> keys.AddKey:
    return keys.AddKey(
        user_id=user,
        label="mine",
        environment=VenueEnvironment.PAPER,
        api_key=SecretStr(account["api_key"]),
        api_secret=SecretStr(account["api_secret"]),
    )


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode().rstrip("=")]


async def everything(databases: TestDatabases) -> str:
    """Every row of every table as text."""
    connection = await asyncpg.connect(databases.admin_dsn("keys"))
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = $1", SCHEMA)
        rows = [await connection.fetch(f'select t::text from keys."{table["tablename"]}" t') for table in tables]
    finally:
        await connection.close()
    return json.dumps([[row["t"] for row in found] for found in rows], ensure_ascii=False)


async def test_a_command_for_somebody_elses_account_is_buried_and_the_next_one_flows(
    service: Service, paper: Paper
) -> None:
    opened = keys.OpenPaperAccount(user_id=service.user, label="play", balances={"USDT": Decimal(1000)})
    key = await service.ask("gateway", keys.OPEN_PAPER_ACCOUNT, opened)
    foreign, plan = a_plan(), a_plan()
    await service.order(foreign, key.model_copy(update={"key_id": uuid4()}))
    await service.order(plan, key)

    async def approved() -> list[Any]:
        connection = await asyncpg.connect(service.databases.admin_dsn("keys"))
        try:
            return list(await connection.fetch("select key_id, run_tail from keys.plan_ceilings"))
        finally:
            await connection.close()

    rows = await eventually(approved, timeout_s=30, every_s=0.1)
    assert [(row["key_id"], row["run_tail"]) for row in rows] == [(key.key_id, plan.plan_id.hex[-10:])]
    async with service.bus.connect() as client:

        async def buried() -> int:
            stream = await client.jetstream().stream_info("DLQ", subjects_filter="dlq.keys.>")
            return sum((stream.state.subjects or {}).values())

        assert await eventually(buried) == 1


async def test_tables_and_migrations_agree_and_every_users_row_is_protected(
    make_database: Callable[..., Awaitable[TestDatabases]],
) -> None:
    databases = await make_database("keys")
    check(MIGRATIONS, databases.owner_dsn("keys"))
    connection = await asyncpg.connect(databases.admin_dsn("keys"))
    try:
        rows = await connection.fetch(
            "select c.relname, c.relrowsecurity and c.relforcerowsecurity as protected from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
            " where n.nspname = 'keys' and c.relkind = 'r' and a.attname = 'user_id'"
        )
    finally:
        await connection.close()
    unprotected = {row["relname"] for row in rows if not row["protected"]}
    # Named exception: ids only, so that one venue account is never two users'.
    assert unprotected == {"venue_accounts"}
    assert {row["relname"] for row in rows} >= {"venue_keys", "audit", "outbox"}
