"""A town for execution: real PostgreSQL, the real paper exchange, and neighbours of a few lines."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from kit.paper_process import PaperProcess

from basketry_local.testing.databases import TestDatabases
from execution.application.accepting import Command
from execution.application.ports import Account
from execution.domain.plan import Plan
from execution.settings import Settings
from execution.wiring import Rooms, furnish
from shared.contracts.account import KeyView
from shared.contracts.market import ConstituentView, DepthView, IndexVersionView, InstrumentView, QuoteView
from shared.contracts.rpc import guards, keys, market_data, signing
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.outcomes import Accepted
from shared.runtime.bybit.public import PublicMarket
from shared.runtime.logging import configure_logging
from shared.runtime.settings import VenueHost
from shared.testing import eventually
from shared.trading.clock import SystemClock, epoch_ms
from shared.trading.errors import NotFound
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

COINS = ("BTC", "ETH", "XRP", "BNB", "SOL", "DOGE", "TRX", "ADA", "LINK", "HYPE")
INDICES = {
    "top-10": (["0.3", "0.2", "0.12", "0.1", "0.08", "0.06", "0.05", "0.04", "0.03", "0.02"], "0.3"),
    "top-3": (["0.5", "0.3", "0.2"], "0.5"),
    "top-2": (["0.5", "0.5"], "0.5"),
}
"""Weights and cap."""
LINK_KEY = "00112233445566778899aabbccddeeff"


@dataclass
class Exchange(PaperProcess):
    """The paper exchange as a process of its own, and its control path."""

    @property
    def rest(self) -> str:
        return self.url

    def ask(self, method: str, where: str, **json: Any) -> Any:
        reply = httpx.request(method, f"{self.rest}/paper/v1/{where}", json=json or None, timeout=15)
        assert reply.status_code < 300, reply.text
        return reply.json()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    venue = Exchange(tmp_path_factory.mktemp("exchange"), {"PAPER_EXCHANGE_FEED": "frozen"})
    try:
        venue.start()
        yield venue
    finally:
        venue.kill()


@dataclass
class Neighbours:
    """keys and market-data in one object: signs with the paper account's secret, reads the paper exchange's prices."""

    exchange: Exchange
    accounts: dict[UUID, tuple[UUID, dict[str, str]]] = field(default_factory=dict)
    connections: VenueConnections | None = None
    refuse_signing: Exception | None = None
    refuse_symbol: tuple[str, Exception] | None = None
    refused: int = 0
    tells_limits_unasked: bool = True
    weights: dict[str, tuple[list[str], str]] = field(default_factory=lambda: dict(INDICES))
    signed: list[str] = field(default_factory=list)
    asks: int = 0
    room: guards.TradingRoom = field(
        default_factory=lambda: guards.TradingRoom(
            halts=[],
            order_max=Decimal(1_000_000),
            slippage_bps_max=Decimal(300),
            room=Decimal(1_000_000),
            room_limit="hour",
            room_max=Decimal(1_000_000),
        )
    )

    async def ask(self, verb: Any, request: Any, *, timeout_s: float | None = None) -> Any:
        self.asks += 1
        answers: dict[Any, Callable[[Any], Awaitable[Any]]] = {
            signing.SIGN.subject: self._sign,
            signing.SIGN_STREAM.subject: self._login,
            keys.DESCRIBE.subject: self._describe,
            guards.CHECK_LIMITS.subject: self._room,
            market_data.GET_INDEX.subject: self._index,
            market_data.LIST_INDICES.subject: self._indices,
            market_data.GET_INSTRUMENTS.subject: self._instruments,
            market_data.GET_QUOTES.subject: self._quotes,
            market_data.GET_DEPTH.subject: self._depth,
        }
        return await answers[verb.subject](request)

    def _own(self, request: Any) -> dict[str, str]:
        owner, secret = self.accounts.get(request.key_id, (None, {}))
        if owner != request.user_id:
            raise NotFound(code="key_not_found")
        return secret

    async def _sign(self, request: signing.SignRequest) -> signing.Signature:
        if self.refuse_signing is not None and request.method == "POST":
            raise self.refuse_signing
        if self.refuse_symbol is not None and self.refuse_symbol[0] in request.payload and request.method == "POST":
            self.refused += 1
            raise self.refuse_symbol[1]
        secret = self._own(request)
        stamp = epoch_ms(datetime.now(UTC))
        text = f"{stamp}{secret['api_key']}{request.recv_window_ms}{request.payload}"
        if request.method == "POST":
            self.signed.append(request.payload)
        headers = {
            "X-BAPI-API-KEY": secret["api_key"],
            "X-BAPI-TIMESTAMP": str(stamp),
            "X-BAPI-RECV-WINDOW": str(request.recv_window_ms),
            "X-BAPI-SIGN": _hmac(secret["api_secret"], text),
        }
        return signing.Signature(headers=headers, timestamp_ms=stamp)

    async def _login(self, request: keys.KeyRef) -> signing.StreamLogin:
        secret = self._own(request)
        expires = epoch_ms(datetime.now(UTC)) + 1000
        signature = _hmac(secret["api_secret"], f"GET/realtime{expires}")
        return signing.StreamLogin.model_validate(
            {"api_key": secret["api_key"], "expires_ms": expires, "signature": signature}
        )

    async def _describe(self, request: keys.KeyRef) -> KeyView:
        self._own(request)
        now = datetime.now(UTC)
        return KeyView.model_validate(
            {
                "key_id": request.key_id,
                "user_id": request.user_id,
                "label": "paper",
                "environment": "paper",
                "venue_uid": "1",
                "hint": "abcd…wxyz",
                "permissions": {"Spot": ["SpotTrade"]},
                "read_only": False,
                "ips": [],
                "status": "active",
                "warnings": [],
                "created_at": now,
                "checked_at": now,
            }
        )

    async def _room(self, request: keys.KeyRef) -> guards.TradingRoom:
        self._own(request)
        return self.room

    async def _index(self, request: market_data.GetIndex) -> IndexVersionView:
        if request.index_id not in self.weights:
            raise NotFound(code="unknown_index")
        return self._an_index(request.index_id, request.environment)

    async def _indices(self, request: market_data.ListIndices) -> market_data.IndexList:
        return market_data.IndexList(items=[self._an_index(name, request.environment) for name in self.weights])

    def _an_index(self, index_id: str, environment: VenueEnvironment) -> IndexVersionView:
        weights, cap = self.weights[index_id]
        return _an_index(index_id, environment, weights, cap)

    def _market(self) -> PublicMarket:
        if self.connections is None:
            self.connections = VenueConnections(self.exchange.rest, order_threads=1, query_threads=2)
        return PublicMarket(connections=self.connections)

    async def _instruments(self, request: market_data.GetSymbols) -> market_data.InstrumentList:
        outcome = await self._market().instruments()
        assert isinstance(outcome, Accepted)
        rows = [row.to_domain() for row in outcome.reply.rows if row.symbol in request.symbols]
        return market_data.InstrumentList(items=[InstrumentView.of(row) for row in rows])

    async def _depth(self, request: market_data.GetDepth) -> market_data.DepthList:
        found = await asyncio.gather(*(self._market().order_book(symbol, levels=50) for symbol in request.symbols))
        rows = [outcome.reply.to_domain(SystemClock().now()) for outcome in found if isinstance(outcome, Accepted)]
        return market_data.DepthList(items=[DepthView.of(row) for row in rows])

    async def _quotes(self, request: market_data.GetQuotes) -> market_data.QuoteList:
        outcome = await self._market().tickers()
        assert isinstance(outcome, Accepted)
        now = SystemClock().now()
        rows = [row.to_domain(now) for row in outcome.reply.rows if row.symbol in request.symbols]
        limits = self.tells_limits_unasked or request.limits_age_s is not None
        return market_data.QuoteList(items=await asyncio.gather(*(self._quote(row, limits=limits) for row in rows)))

    async def _quote(self, row: Quote, *, limits: bool) -> QuoteView:
        view = QuoteView(symbol=row.symbol, bid=row.bid, ask=row.ask, last=row.last, at=row.at)
        if not limits:
            return view
        outcome = await self._market().price_limit(row.symbol)
        assert isinstance(outcome, Accepted)
        said = outcome.reply
        return view.model_copy(update={"buy_limit": said.highest_buy, "sell_limit": said.lowest_sell})


def _an_index(index_id: str, environment: VenueEnvironment, weights: Sequence[str], cap: str) -> IndexVersionView:
    rows = [
        ConstituentView(
            asset=coin,
            symbol=f"{coin}USDT",
            source_id=coin.lower(),
            name=coin,
            market_cap=Decimal(1000),
            price=Decimal(1),
            weight=Decimal(weight),
            rank=rank,
        )
        for rank, (coin, weight) in enumerate(zip(COINS, weights, strict=False), 1)
        if Decimal(weight)
    ]
    return IndexVersionView(
        index_id=index_id,
        name=index_id.replace("-", " ").title(),
        description="",
        environment=environment,
        version=1,
        weighting="cap",
        weight_cap=Decimal(cap),
        as_of=datetime.now(UTC),
        constituents=rows,
        exclusions=[],
    )


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Trader:
    """A user with a paper account."""

    account: Account
    uid: str


@dataclass
class Town:
    """Execution among its neighbours."""

    databases: TestDatabases
    exchange: Exchange
    neighbours: Neighbours
    settings: Settings
    rooms: Rooms
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    admin: asyncpg.Connection | None = None

    def open_account(self, usdt: str = "10000") -> Trader:
        made = self.exchange.ask("POST", "accounts", balances={"USDT": usdt} if usdt != "0" else {"BTC": "0.0001"})
        user_id, key_id = uuid4(), uuid4()
        self.neighbours.accounts[key_id] = (user_id, made)
        account = Account(user_id=user_id, account_id=key_id, environment=VenueEnvironment.PAPER)
        return Trader(account=account, uid=made["uid"])

    def start_desks(self) -> None:
        self.tasks.append(asyncio.create_task(self.rooms.office.run()))

    async def stop_desks(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    async def another_process(self) -> None:
        """The desks die without a word, and a process with no memory takes over."""
        await self.stop_desks()
        await self.close_rooms()
        self.rooms = furnish(self.settings, self.neighbours)

    async def close_rooms(self) -> None:
        self.rooms.venue.close()
        await self.rooms.database.close()

    async def plan(self, trader: Trader, amount: str = "1000", index_id: str = "top-10") -> Plan:
        return await self.rooms.make_plan.execute(
            user_id=trader.account.user_id,
            account_id=trader.account.account_id,
            index_id=index_id,
            amount=Decimal(amount),
        )

    async def order(self, trader: Trader, plan: Plan, **changes: Any) -> Command:
        command = Command(
            message_id=changes.pop("message_id", uuid4()),
            position_id=changes.pop("position_id", uuid4()),
            account=trader.account,
            plan_id=changes.pop("plan_id", plan.plan_id),
            index_id=plan.index_id,
            approved=plan.amount,
            expires_at=changes.pop("expires_at", datetime.now(UTC) + timedelta(minutes=10)),
        )
        await self.rooms.accept.execute(command)
        return command

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """What the database holds, behind row-level security."""
        if self.admin is None:
            self.admin = await asyncpg.connect(self.databases.admin_dsn("execution"))
        return await self.admin.fetch(query, *arguments)

    async def status(self, position_id: UUID) -> str:
        rows = await self.rows("select status from execution.positions where position_id = $1", position_id)
        return rows[0]["status"] if rows else "NONE"

    async def becomes(self, position_id: UUID, *statuses: str, timeout_s: float = 60) -> str:
        async def there() -> str:
            status = await self.status(position_id)
            legs = await self.rows(
                "select symbol, status, reason from execution.legs where position_id = $1", position_id
            )
            assert status in statuses, (status, [tuple(leg) for leg in legs])
            return status

        return await eventually(there, timeout_s=timeout_s, every_s=0.1, because=f"position becomes {statuses}")

    def ledger(self, trader: Trader) -> Any:
        return self.exchange.ask("GET", f"ledger?uid={trader.uid}")


@pytest.fixture
async def town(make_database: Callable[..., Awaitable[TestDatabases]], exchange: Exchange) -> AsyncIterator[Town]:
    # Not structlog's own default, which draws every local variable of a traceback: seconds during which nothing runs.
    configure_logging("execution", level="INFO", json=True)
    databases = await make_database("execution")
    exchange.ask("DELETE", "faults")
    settings = Settings.model_validate(
        {
            "database_dsn": databases.dsn("execution"),
            "link_key": LINK_KEY,
            "times_scale": 30,
            "batch_size": 3,
            "lease_s": 3.0,
            "venues": {
                "paper": VenueHost(
                    rest=exchange.rest,
                    private_stream=f"ws://127.0.0.1:{exchange.port}/v5/private",
                    public_stream=f"ws://127.0.0.1:{exchange.port}/v5/public/spot",
                )
            },
        }
    )
    neighbours = Neighbours(exchange)
    town = Town(databases, exchange, neighbours, settings, furnish(settings, neighbours))
    yield town
    await town.stop_desks()
    await town.close_rooms()
    if town.admin is not None:
        await town.admin.close()
    if neighbours.connections is not None:
        neighbours.connections.close()
