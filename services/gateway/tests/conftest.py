"""A gateway on the real PostgreSQL and the real NATS server; its neighbours are stand-ins that answer on the same bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from nats.aio.client import Client
from nats.aio.msg import Msg

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from gateway.settings import Settings
from gateway.wiring import Gateway
from shared.contracts.account import KeyView, UserView
from shared.contracts.envelope import Envelope
from shared.contracts.execution import FillView, LegView, PositionView
from shared.contracts.fields import Contract, EventData
from shared.contracts.market import ConstituentView, IndexVersionView
from shared.contracts.orders import Ceiling
from shared.contracts.problem import Problem
from shared.contracts.registry import BY_MODEL
from shared.contracts.rpc import auth, execution, keys, market_data
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.testing import eventually
from shared.trading.errors import Invalid, NotFound, PlatformError
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

ACCOUNT = UUID("aaaaaaaa-0000-4000-8000-000000000001")


class _EdDsa(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@dataclass
class TokenMint:
    """Auth's signing key in the test's hand."""

    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "first"}))

    def token(
        self,
        user_id: UUID,
        *,
        life_s: int = 600,
        header: dict[str, Any] | None = None,
        key: OKPKey | None = None,
        **claims: Any,
    ) -> str:
        now = int(datetime.now(UTC).timestamp())
        body = {
            "iss": "urn:basketry:auth",
            "aud": "basketry",
            "sub": str(user_id),
            "role": "user",
            "iat": now if life_s > 0 else now + life_s - 60,
            "exp": now + life_s,
        }
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": "first", **(header or {})}
        return jwt.encode(head, {**body, **claims}, key or self.key, registry=_EdDsa(strict_check_header=False))


def a_key(user_id: UUID, **other: Any) -> KeyView:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "key_id": ACCOUNT,
        "user_id": user_id,
        "label": "Paper account",
        "environment": VenueEnvironment.PAPER,
        "venue_uid": "1000001",
        "hint": "abcd…wxyz",
        "permissions": {"Spot": ["SpotTrade"]},
        "read_only": False,
        "ips": [],
        "status": "active",
        "warnings": [],
        "created_at": now,
        "checked_at": now,
    }
    return KeyView(**{**facts, **other})


def an_index(version: int = 1, environment: VenueEnvironment = VenueEnvironment.PAPER) -> IndexVersionView:
    coin = ConstituentView(
        asset="BTC",
        symbol="BTCUSDT",
        source_id="bitcoin",
        name="Bitcoin",
        market_cap=Decimal(2_000_000_000_000),
        price=Decimal(100_000),
        weight=Decimal(1),
        rank=1,
    )
    return IndexVersionView(
        index_id="top-10",
        name="Top 10",
        description="The ten largest coins.",
        environment=environment,
        version=version,
        weighting="market_cap",
        weight_cap=Decimal("0.3"),
        as_of=datetime.now(UTC),
        constituents=[coin],
        exclusions=[],
    )


def a_plan(user_id: UUID, *, amount: Decimal = Decimal(250), life_s: float = 60, **other: Any) -> execution.PlanView:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "plan_id": uuid4(),
        "user_id": user_id,
        "account_id": ACCOUNT,
        "environment": VenueEnvironment.PAPER,
        "kind": "buy",
        "index_id": "top-10",
        "index_version": 3,
        "amount": amount,
        "legs": [],
        "total_notional": amount,
        "total_fee": Decimal("0.25"),
        "cash_after": Decimal(0),
        "available": Decimal(10_000),
        "minimum_amount": Decimal("57.3"),
        "price_band": Decimal("0.01"),
        "ceilings": [
            Ceiling(
                symbol="BTCUSDT",
                side=Side.BUY,
                max_quantity=Decimal("0.0025"),
                max_notional=Decimal("252.5"),
                limit_price=Decimal(101_000),
            )
        ],
        "warnings": [],
        "created_at": now,
        "expires_at": now + timedelta(seconds=life_s),
    }
    return execution.PlanView(**{**facts, **other})


Answer = Callable[[Any], Contract]


class Neighbours:
    """The other services: each verb has an answer, which a test may replace; questions are counted."""

    def __init__(self, mint: TokenMint) -> None:
        self.mint = mint
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.verbs: dict[str, RpcVerb[Any, Any]] = {}
        self._plain_answers()

    def answer(self, verb: RpcVerb[Any, Any], answer: Answer) -> None:
        self.verbs[verb.subject] = verb
        self.answers[verb.subject] = answer

    def count(self, verb: RpcVerb[Any, Any]) -> int:
        return self.asked.count(verb.subject)

    async def listen(self, client: Client, service: str) -> None:
        await client.subscribe(f"rpc.{service}.v1.>", queue=service, cb=self._reply)
        await client.flush()

    async def _reply(self, message: Msg) -> None:
        self.asked.append(message.subject)
        verb = self.verbs[message.subject]
        try:
            reply: Contract = self.answers[message.subject](verb.request.model_validate_json(message.data))
        except PlatformError as error:
            await self._problem(message, error)
            return
        await message.respond(reply.model_dump_json().encode())

    @staticmethod
    async def _problem(message: Msg, error: PlatformError) -> None:
        body = Problem.of(error).model_dump_json().encode()
        await message._client.publish(message.reply, body, headers={"problem": error.family})

    def _plain_answers(self) -> None:
        now = datetime.now(UTC)

        def user(user_id: UUID, email: str = "ada@example.com") -> UserView:
            return UserView(user_id=user_id, email=email, role="user", created_at=now, risk_accepted_at=now)

        def pair(email: str) -> auth.TokenPair:
            user_id = uuid4()
            return auth.TokenPair(
                access_token=self.mint.token(user_id),
                expires_in_s=600,
                refresh_token="refresh-1",
                refresh_expires_at=now + timedelta(days=30),
                user=user(user_id, email),
            )

        self.answer(auth.JWKS, lambda _: auth.Jwks(keys=[self.mint.key.as_dict(private=False)]))
        self.answer(auth.ME, lambda ask: user(ask.user_id))
        self.answer(auth.REGISTER, lambda ask: user(uuid4(), ask.email))
        self.answer(auth.LOGIN, lambda ask: pair(ask.email))
        self.answer(auth.REFRESH, lambda _: pair("ada@example.com"))
        self.answer(auth.LOGOUT, lambda _: Empty())
        self.answer(keys.LIST, lambda ask: keys.KeyList(items=[a_key(ask.user_id)]))
        self.answer(keys.ADD, lambda ask: a_key(ask.user_id, label=ask.label, environment=ask.environment))
        self.answer(keys.CHECK, lambda ask: a_key(ask.user_id))
        self.answer(keys.DESCRIBE, lambda ask: a_key(ask.user_id))
        self.answer(keys.DELETE, lambda _: Empty())
        self.answer(keys.OPEN_PAPER_ACCOUNT, lambda ask: a_key(ask.user_id, label=ask.label))
        self.answer(market_data.LIST_INDICES, lambda _: market_data.IndexList(items=[an_index()]))
        self.answer(market_data.GET_INDEX, self._index)
        self.answer(execution.MAKE_PLAN, self._buy_plan)
        self.answer(
            execution.MAKE_CLOSE_PLAN,
            lambda ask: a_plan(ask.user_id, kind="close", position_id=ask.position_id),
        )

    @staticmethod
    def _index(ask: market_data.GetIndex) -> IndexVersionView:
        if ask.index_id != "top-10":
            raise NotFound("There is no index of that name.", code="index_not_found")
        return an_index(ask.version or 1)

    @staticmethod
    def _buy_plan(ask: execution.MakePlan) -> execution.PlanView:
        if ask.index_id != "top-10":
            raise NotFound("There is no index of that name.", code="index_not_found", context={"pointer": "#/index"})
        if ask.amount < Decimal("57.3"):
            raise Invalid(
                "The smallest amount that works is 57.3 USDT.",
                code="amount_too_small",
                context={"pointer": "#/amount", "minimum_amount": "57.3"},
            )
        if ask.amount > Decimal(10_000):
            raise Invalid(
                "The account has 10000 USDT.",
                code="amount_above_balance",
                context={"pointer": "#/amount", "available": "10000"},
            )
        return a_plan(ask.user_id, amount=ask.amount, account_id=ask.account_id)


@dataclass
class House:
    """A running gateway and everything around it."""

    url: str
    http: httpx.AsyncClient
    gateway: Gateway
    neighbours: Neighbours
    mint: TokenMint
    bus: Bus
    databases: TestDatabases
    tester: Client
    _versions: dict[str, int] = field(default_factory=dict)

    def headers(self, user_id: UUID, key: str | None = None, **claims: Any) -> dict[str, str]:
        headers = {"authorization": f"Bearer {self.mint.token(user_id, **claims)}"}
        return {**headers, "idempotency-key": key} if key else headers

    async def plan(self, user_id: UUID, amount: str = "250") -> str:
        answer = await self.http.post(
            "/api/plans",
            json={"index": "top-10", "amount": amount, "account_id": str(ACCOUNT)},
            headers=self.headers(user_id),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["plan_id"])

    async def bought(self, user_id: UUID) -> dict[str, Any]:
        plan_id = await self.plan(user_id)
        answer = await self.http.post(
            "/api/positions", json={"plan_id": plan_id}, headers=self.headers(user_id, str(uuid4()))
        )
        assert answer.status_code == 202, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    async def say(self, data: EventData, *, user: UUID | None, about: UUID | str, version: int = 1) -> Envelope[Any]:
        """Publish an event as its owner would."""
        spec = BY_MODEL[type(data)]
        event = Envelope[EventData](
            id=uuid4(),
            source=spec.owner,
            type=spec.type,
            version=spec.version,
            time=datetime.now(UTC),
            subject=spec.subject(user=user, entity=about),
            aggregate_id=str(about),
            aggregate_version=version,
            correlation_id=uuid4(),
            data=data,
        )
        await self.deliver(event)
        return event

    async def deliver(self, event: Envelope[Any], *, under: str | None = None) -> None:
        """Publish, under the event's id; under another one the stream stores it a second time."""
        body = event.model_dump_json(serialize_as_any=True).encode()
        await self.tester.jetstream().publish(event.subject, body, headers={"Nats-Msg-Id": under or str(event.id)})

    async def sql(self, statement: str, *arguments: Any) -> list[Any]:
        """Look behind row-level security."""
        connection = await asyncpg.connect(self.databases.admin_dsn("gateway"))
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    async def status(self, user_id: UUID, position_id: str) -> str:
        answer = await self.http.get(f"/api/positions/{position_id}", headers=self.headers(user_id))
        return str(answer.json()["status"])


def a_leg(position_id: UUID, run_id: UUID, number: int = 0, **other: Any) -> LegView:
    facts: dict[str, Any] = {
        "leg_id": UUID(int=position_id.int ^ (number + 1)),
        "position_id": position_id,
        "run_id": run_id,
        "number": number,
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "side": Side.BUY,
        "status": LegStatus.FILLED,
        "target_weight": Decimal(1),
        "quantity": Decimal("0.0025"),
        "limit_price": Decimal("101000.5"),
        "filled_quantity": Decimal("0.0025"),
        "average_price": Decimal("100000.1"),
        "notional": Decimal("250.00025"),
        "fee": Decimal("0.0000025"),
        "fee_asset": "BTC",
        "residual": Decimal(0),
        "version": 3,
    }
    return LegView(**{**facts, **other})


def a_position(user_id: UUID, accepted: dict[str, Any], *, version: int, **other: Any) -> PositionView:
    position_id, run_id = UUID(accepted["position_id"]), UUID(accepted["plan_id"])
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "position_id": position_id,
        "user_id": user_id,
        "account_id": ACCOUNT,
        "environment": VenueEnvironment.PAPER,
        "index_id": "top-10",
        "index_version": 3,
        "status": PositionStatus.ACTIVE,
        "complete": True,
        "reasons": [],
        "run_id": run_id,
        "run_kind": "buy",
        "approved_amount": Decimal(250),
        "invested": Decimal("250.00025"),
        "proceeds": Decimal(0),
        "legs": [a_leg(position_id, run_id)],
        "created_at": now,
        "updated_at": now,
        "version": version,
    }
    return PositionView(**{**facts, **other})


def a_fill(accepted: dict[str, Any], exec_id: str = "e-1") -> FillView:
    position_id, run_id = UUID(accepted["position_id"]), UUID(accepted["plan_id"])
    return FillView(
        exec_id=exec_id,
        position_id=position_id,
        leg_id=UUID(int=position_id.int ^ 1),
        run_id=run_id,
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Decimal("100000.1"),
        quantity=Decimal("0.0025"),
        fee=Decimal("0.0000025"),
        fee_asset="BTC",
        at=datetime.now(UTC),
        client_order_id="bp0",
        venue_order_id="v-1",
    )


@dataclass(frozen=True)
class Builders:
    """One builder per noun, for tests (which cannot import this file)."""

    key = staticmethod(a_key)
    index = staticmethod(an_index)
    plan = staticmethod(a_plan)
    leg = staticmethod(a_leg)
    position = staticmethod(a_position)
    fill = staticmethod(a_fill)
    account: UUID = ACCOUNT


@pytest.fixture
def build() -> Builders:
    return Builders()


@pytest.fixture
def mint() -> TokenMint:
    return TokenMint()


@asynccontextmanager
async def _serving(gateway: Gateway, settings: Settings) -> AsyncIterator[str]:
    app = gateway.app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, timeout_graceful_shutdown=3)
    )
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started or serving.done(), timeout_s=20, because="the gateway serves")
    if serving.done():
        serving.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        gateway.hub.close_all()
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(
    make_database: Callable[..., Awaitable[TestDatabases]], bus: Bus, mint: TokenMint
) -> AsyncIterator[OpenHouse]:
    async with AsyncExitStack() as stack:
        databases = await make_database("gateway")
        neighbours = Neighbours(mint)

        async def open_it(*, away: tuple[str, ...] = (), **settings: Any) -> House:
            for service in {"auth", "keys", "market_data", "execution"} - set(away):
                client = await stack.enter_async_context(bus.connect(service))
                await neighbours.listen(client, service)
            known = Settings(
                database_dsn=databases.dsn("gateway"),
                relay_dsn=databases.relay_dsn("gateway"),
                nats_url=bus.url,
                nats_seed=bus.seed("gateway"),
                cors_origins=["http://localhost:3000"],
                log_level="WARNING",
                **settings,
            )
            gateway = Gateway(known)
            url = await stack.enter_async_context(_serving(gateway, known))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
            tester = await stack.enter_async_context(bus.connect())
            await eventually(lambda: gateway.hub.following, because="the feed is followed")
            return House(url, http, gateway, neighbours, mint, bus, databases, tester)

        yield open_it


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()


@pytest.fixture
def ada() -> UUID:
    return uuid4()


@pytest.fixture
def bob() -> UUID:
    return uuid4()
