"""A town for the reconciler: real PostgreSQL, NATS and paper exchange; keys, execution and market-data in a few lines."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from kit.paper_process import running_paper_process
from nats.aio.client import Client
from nats.aio.msg import Msg

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from reconciler.settings import Settings
from reconciler.wiring import build
from shared.contracts.envelope import Envelope
from shared.contracts.execution import PositionActive, PositionView
from shared.contracts.fields import EventData
from shared.contracts.market import InstrumentView, QuoteView
from shared.contracts.registry import BY_MODEL
from shared.contracts.rpc import books as books_contract
from shared.contracts.rpc import market_data as market_contract
from shared.contracts.rpc import signing as keys_contract
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.orders import LimitOrder
from shared.runtime.bybit.outcomes import Accepted
from shared.runtime.bybit.public import PublicMarket
from shared.runtime.bybit.session import VenueSession
from shared.testing import eventually
from shared.trading.clock import SystemClock, epoch_ms, from_epoch_ms
from shared.trading.holding import Holding
from shared.trading.link_id import LinkId, position_tail
from shared.trading.status import PositionStatus, Side, VenueEnvironment

LINK_KEY = "00112233445566778899aabbccddeeff"
COINS = ("BTC", "ETH", "SOL")


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The paper exchange as a process of its own, prices frozen."""
    with running_paper_process(tmp_path_factory.mktemp("paper")) as process:
        yield process.url


class Town:
    """One user with one paper account, and the neighbours' answers."""

    def __init__(self, paper: str, bus: Bus) -> None:
        self.paper, self.bus = paper, bus
        self.user_id, self.account_id, self.position_id = uuid4(), uuid4(), uuid4()
        self.account: dict[str, str] = {}
        self.connections = VenueConnections(paper, order_threads=2, query_threads=4)
        self.market = PublicMarket(connections=self.connections)
        self.unbooked: set[str] = set()
        self.status = PositionStatus.ACTIVE
        self.signed: list[str] = []
        self.heard: list[Any] = []
        self.legs = 0
        self.link_key = bytes.fromhex(LINK_KEY)

    async def open(self, **balances: str) -> None:
        reply = await asyncio.to_thread(
            httpx.post, f"{self.paper}/paper/v1/accounts", json={"balances": balances or {"USDT": "10000"}}
        )
        self.account = reply.json()

    async def control(self, method: str, path: str, **json: Any) -> Any:
        reply = await asyncio.to_thread(
            lambda: httpx.request(method, f"{self.paper}/paper/v1/{path}", json=json or None, timeout=10)
        )
        reply.raise_for_status()
        return reply.json()

    async def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.control("GET", f"ledger?uid={self.account['uid']}")
        return found

    async def sign(
        self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Any
    ) -> keys_contract.Signature:
        stamp = epoch_ms(datetime.now(UTC))
        text = f"{stamp}{self.account['api_key']}{recv_window_ms}{payload}"
        digest = hmac.new(self.account["api_secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-BAPI-API-KEY": self.account["api_key"],
            "X-BAPI-TIMESTAMP": str(stamp),
            "X-BAPI-RECV-WINDOW": str(recv_window_ms),
            "X-BAPI-SIGN": digest,
        }
        self.signed.append(f"{method} {path}")
        return keys_contract.Signature(headers=headers, timestamp_ms=stamp)

    def session(self) -> VenueSession:
        return VenueSession(environment=VenueEnvironment.PAPER, connections=self.connections, signer=self)

    async def trade(self, asset: str, side: Side, notional: str, *, ours: bool = True) -> None:
        """An order at the venue: of ours with a link id, or by hand."""
        quotes = await self.market.tickers(f"{asset}USDT")
        rules = await self.market.instruments()
        assert isinstance(quotes, Accepted)
        assert isinstance(rules, Accepted)
        ticker = quotes.reply.rows[0]
        rule = next(row.to_domain() for row in rules.reply.rows if row.symbol == ticker.symbol)
        price = ticker.ask if side is Side.BUY else ticker.bid
        factor = Decimal("1.005") if side is Side.BUY else Decimal("0.995")
        limit = price * factor // rule.tick_size * rule.tick_size
        quantity = Decimal(notional) / price // rule.lot_size * rule.lot_size
        link = LinkId(
            environment=VenueEnvironment.PAPER,
            position=position_tail(self.position_id),
            run=1,
            leg=self.legs,
            attempt=0,
        )
        self.legs += 1
        text = link.encode(self.link_key) if ours else f"by-hand-{self.legs}"
        order = LimitOrder(client_order_id=text, symbol=ticker.symbol, side=side, quantity=quantity, price=limit)
        outcome = await self.session().create_order(order)
        assert isinstance(outcome, Accepted), outcome

        async def done() -> bool:
            found = await self.session().order_by_link_id(text)
            return isinstance(found, Accepted) and any(row.final for row in found.reply)

        await eventually(done)

    async def booked(self) -> books_contract.Books:
        """Our books as execution would keep them: from the venue's ledger, without what the test hides."""
        held = {asset: Holding() for asset in COINS}
        rows = [
            row
            for row in (await self.ledger())["executions"]
            if row["orderLinkId"].startswith("bp") and row["execId"] not in self.unbooked
        ]
        for row in rows:
            asset = row["symbol"].removesuffix("USDT")
            figures = {name: Decimal(row[name]) for name in ("execQty", "execValue", "execFee")}
            quantity, notional, fee = figures["execQty"], figures["execValue"], figures["execFee"]
            held[asset] = (
                held[asset].bought(quantity=quantity, paid=notional, base_fee=fee)
                if row["side"] == "Buy"
                else held[asset].sold(quantity=quantity, proceeds=notional, quote_fee=fee)
            )
        bought = [row for row in rows if row["side"] == "Buy"]
        sold = [row for row in rows if row["side"] != "Buy"]
        last = max((from_epoch_ms(int(row["execTime"])) for row in rows), default=datetime.now(UTC))
        return books_contract.Books(
            user_id=self.user_id,
            account_id=self.account_id,
            environment=VenueEnvironment.PAPER,
            positions=[
                books_contract.BookedPosition(
                    position_id=self.position_id,
                    status=self.status,
                    index_id="top-3",
                    version=1,
                    invested=sum((Decimal(row["execValue"]) for row in bought), Decimal(0)),
                    proceeds=sum((Decimal(row["execValue"]) - Decimal(row["execFee"]) for row in sold), Decimal(0)),
                    fees=Decimal(0),
                    holdings=[
                        books_contract.BookedHolding(
                            asset=asset,
                            symbol=f"{asset}USDT",
                            quantity=holding.quantity,
                            cost=holding.cost,
                            realised=holding.realised,
                            target_weight=Decimal("0.333333333333"),
                        )
                        for asset, holding in held.items()
                    ],
                    traded_at=last,
                )
            ],
            open_orders=[],
            first_trade_at=min((from_epoch_ms(int(row["execTime"])) for row in rows), default=None),
        )

    async def get_books(self, _: Any) -> books_contract.Books:
        return await self.booked()

    async def list_accounts(self, request: books_contract.ListAccounts) -> books_contract.AccountList:
        own = books_contract.AccountRef(
            user_id=self.user_id, account_id=self.account_id, environment=VenueEnvironment.PAPER
        )
        return books_contract.AccountList(items=[] if request.after else [own])

    async def missing(self, request: books_contract.KnownExecutions) -> books_contract.MissingExecutions:
        return books_contract.MissingExecutions(
            exec_ids=[one for one in request.exec_ids if one in self.unbooked],
            flow_ids=[one for one in request.flow_ids if one in self.unbooked],
        )

    async def sign_read(self, request: keys_contract.SignRequest) -> keys_contract.Signature:
        assert (request.user_id, request.key_id) == (self.user_id, self.account_id)
        return await self.sign(
            method=request.method,
            path=request.path,
            payload=request.payload,
            recv_window_ms=request.recv_window_ms,
            lane=request.lane,
        )

    async def quotes(self, _: Any) -> market_contract.QuoteList:
        found = await self.market.tickers()
        assert isinstance(found, Accepted)
        now = datetime.now(UTC)
        return market_contract.QuoteList(
            items=[
                QuoteView(symbol=row.symbol, bid=row.bid, ask=row.ask, last=row.last, at=now)
                for row in found.reply.rows
            ]
        )

    async def instruments(self, _: Any) -> market_contract.InstrumentList:
        found = await self.market.instruments()
        assert isinstance(found, Accepted)
        return market_contract.InstrumentList(items=[InstrumentView.of(row.to_domain()) for row in found.reply.rows])

    async def tell(self, client: Client, data: EventData, *, user: UUID, entity: UUID) -> None:
        """Publish an event as its owner would."""
        spec = BY_MODEL[type(data)]
        subject = spec.subject(user=user, entity=entity)
        envelope = Envelope[EventData](
            id=uuid4(),
            source=spec.owner,
            type=spec.type,
            version=1,
            time=datetime.now(UTC),
            subject=subject,
            aggregate_id=str(entity),
            aggregate_version=1,
            correlation_id=uuid4(),
            data=data,
        )
        await client.jetstream().publish(
            subject,
            envelope.model_dump_json(serialize_as_any=True).encode(),
            headers={"Nats-Msg-Id": str(envelope.id)},
        )

    def view(self) -> PositionView:
        now = datetime.now(UTC)
        return PositionView(
            position_id=self.position_id,
            user_id=self.user_id,
            account_id=self.account_id,
            environment=VenueEnvironment.PAPER,
            index_id="top-3",
            index_version=1,
            status=self.status,
            complete=True,
            reasons=[],
            run_id=uuid4(),
            run_kind="buy",
            approved_amount=Decimal(1000),
            invested=Decimal(0),
            proceeds=Decimal(0),
            legs=[],
            created_at=now,
            updated_at=now,
            version=1,
        )

    def of(self, model: type[EventData]) -> list[Any]:
        """Payloads heard of one kind, oldest first; an event that was published again counts once, as at every reader."""
        spec = BY_MODEL[model]
        events = {row["id"]: row["data"] for row in self.heard if row.get("type") == spec.type}
        return [model.model_validate(data) for data in events.values()]

    async def active(self, client: Client) -> None:
        """Tell that the position is active."""
        await self.tell(client, PositionActive(position=self.view()), user=self.user_id, entity=self.position_id)


@asynccontextmanager
async def answering(
    client: Client, verb: RpcVerb[Any, Any], answer: Callable[[Any], Awaitable[Any]]
) -> AsyncIterator[None]:
    """Answer a verb over the real bus, with the rights of its service."""

    async def respond(message: Msg) -> None:
        reply = await answer(verb.request.model_validate_json(message.data))
        await message.respond(reply.model_dump_json().encode())

    subscription = await client.subscribe(verb.subject, queue=verb.service, cb=respond)
    yield
    await subscription.unsubscribe()


@pytest.fixture
async def town(paper: str, bus: Bus) -> AsyncIterator[Town]:
    """The neighbours answer; the reconciler is not running yet."""
    place = Town(paper, bus)
    await place.open()
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(bus.connect(name)) for name in ("keys", "execution", "market_data")
        }
        for verb, answer in (
            (keys_contract.SIGN_READ, place.sign_read),
            (books_contract.GET_BOOKS, place.get_books),
            (books_contract.LIST_ACCOUNTS, place.list_accounts),
            (books_contract.MISSING_EXECUTIONS, place.missing),
            (market_contract.GET_QUOTES, place.quotes),
            (market_contract.GET_INSTRUMENTS, place.instruments),
        ):
            await stack.enter_async_context(answering(clients[verb.service], verb, answer))
        tester = await stack.enter_async_context(bus.connect())

        async def hear(message: Msg) -> None:
            import json  # noqa: PLC0415

            place.heard.append(json.loads(message.data))

        for subject in ("portfolio.>", "tasks.>", "dlq.>"):
            await tester.subscribe(subject, cb=hear)
        yield place
    place.connections.close()


@pytest.fixture
async def database(make_database: Callable[..., Awaitable[TestDatabases]]) -> TestDatabases:
    """The schema, migrated from empty."""
    return await make_database("reconciler")


@pytest.fixture
async def reconciler(town: Town, bus: Bus, database: TestDatabases) -> AsyncIterator[Any]:
    """The service itself; protocol times are a thirtieth, a slot is a minute."""
    settings = Settings.model_validate(
        {
            "database_dsn": database.dsn("reconciler"),
            "relay_dsn": database.relay_dsn("reconciler"),
            "nats_url": bus.url,
            "nats_seed": bus.seed("reconciler"),
            "log_json": False,
            "venues": {
                "paper": {
                    "rest": town.paper,
                    "private_stream": "ws://127.0.0.1:1/",
                    "public_stream": "ws://127.0.0.1:1/",
                }
            },
            "link_key": LINK_KEY,
            "times_scale": 30,
            "slot_s": 1800,
            "revalue_every_s": 0.3,
        }
    )
    process = build(settings)
    async with process.running():
        yield process


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()
