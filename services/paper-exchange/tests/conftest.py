"""An exchange of the test's own: in memory for rules, as a process for the protocol."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from kit.paper_process import PaperProcess, plain_client

from paper_exchange.application.accounts import Accounts, KeyTerms
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.market import Market
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.account import Account
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.domain.records import Record
from paper_exchange.outbound.dataset import load_listings
from paper_exchange.outbound.rsa_signatures import RsaSignatures
from shared.testing import FakeClock

LISTINGS = [listing for listing in load_listings() if listing.symbol in {"BTCUSDT", "ETHUSDT", "DOGEUSDT", "STETHUSDT"}]


@dataclass
class MemoryJournal:
    """Remembers records; everything is on disk at once."""

    records: list[Record] = field(default_factory=list)

    def append(self, record: Record) -> int:
        self.records.append(record)
        return len(self.records)

    @property
    def position(self) -> int:
        return len(self.records)

    async def durable(self, position: int) -> None:
        assert position <= len(self.records)


@dataclass
class RecordingFeed:
    """Writes down what the streams were told."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def order_changed(self, order: Order) -> None:
        self.told.append(("order", order.status))

    def executed(self, execution: Execution) -> None:
        self.told.append(("execution", execution.exec_id))

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        self.told.append(("wallet", ",".join(coins)))


@dataclass
class CountingSecrets:
    """Key material in order."""

    made: int = 0

    def api_key(self) -> str:
        self.made += 1
        return f"key{self.made}"

    def api_secret(self) -> str:
        return f"secret{self.made}"


class Floor:
    """A trading floor in memory: an exchange whose prices stand still unless moved."""

    def __init__(self) -> None:
        self.clock = FakeClock(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
        self.journal = MemoryJournal()
        self.feed = RecordingFeed()
        self.ledger = Ledger({listing.symbol: listing for listing in LISTINGS})
        walk = PriceWalk(LISTINGS, random.Random(7))
        self.market = Market(LISTINGS, walk, self.clock, frozen=True)
        self.exchange = Exchange(
            ledger=self.ledger,
            market=self.market,
            journal=self.journal,
            feed=self.feed,
            milestones=Milestones(),
            clock=self.clock,
        )
        self.secrets = CountingSecrets()
        self.accounts = Accounts(self.exchange, self.secrets, self.feed, RsaSignatures())
        self.events = VenueEvents(self.exchange, self.feed)

    def account(self, **balances: str) -> Account:
        terms = KeyTerms()
        key = self.accounts.open({coin: Decimal(amount) for coin, amount in balances.items()}, terms)
        return self.ledger.accounts[key.uid]

    def place(self, account: Account, *, match: bool = True, **fields: Any) -> Order:
        order = self.exchange.place(account.uid, {"category": "spot", **fields})
        if match:
            self.match_all()
        return order

    def match_all(self) -> None:
        for order_id in self.exchange.matcher.take():
            self.exchange.matcher.match(order_id)

    def tick(self) -> None:
        self.clock.advance(1.0)
        self.market.tick()
        self.exchange.matcher.match_resting()

    def ask(self, symbol: str) -> Decimal:
        return self.market.listings[symbol].price_of(self.market.best(symbol)[1])

    def bid(self, symbol: str) -> Decimal:
        return self.market.listings[symbol].price_of(self.market.best(symbol)[0])


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
def make_floor() -> Callable[[], Floor]:
    return Floor


@dataclass
class VenueProcess(PaperProcess):
    """The real thing as a child process, with its control path and its customers."""

    client: httpx.Client = field(default_factory=plain_client)

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        reply = self.client.request(method, f"{self.url}/paper/v1/{path}", json=body)
        assert reply.status_code == 200, reply.text
        value: dict[str, Any] = reply.json()
        return value

    def customer(self, usdt: str = "10000", **terms: Any) -> Customer:
        opened = self.control("POST", "accounts", {"balances": {"USDT": usdt}, **terms})
        return Customer(self, opened["uid"], opened["api_key"], opened["api_secret"])


@dataclass
class Customer:
    """Signs its own calls, by the book and without pybit."""

    venue: VenueProcess
    uid: str
    api_key: str
    api_secret: str
    client: httpx.Client = field(default_factory=plain_client)

    def headers(self, payload: str, *, timestamp: int | None = None, window: str = "5000") -> dict[str, str]:
        stamp = str(timestamp if timestamp is not None else int(time.time() * 1000))
        origin = f"{stamp}{self.api_key}{window}{payload}".encode()
        return {
            "X-BAPI-API-KEY": self.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": hmac.new(self.api_secret.encode(), origin, hashlib.sha256).hexdigest(),
        }

    def raw_get(self, path: str, query: str = "", **signing: Any) -> httpx.Response:
        return self.client.get(f"{self.venue.url}{path}?{query}", headers=self.headers(query, **signing))

    def raw_post(self, path: str, body: dict[str, Any], **signing: Any) -> httpx.Response:
        text = json.dumps(body)
        headers = self.headers(text, **signing) | {"content-type": "application/json"}
        return self.client.post(f"{self.venue.url}{path}", content=text, headers=headers)

    def get(self, path: str, query: str = "", **signing: Any) -> dict[str, Any]:
        value: dict[str, Any] = self.raw_get(path, query, **signing).json()
        return value

    def post(self, path: str, body: dict[str, Any], **signing: Any) -> dict[str, Any]:
        value: dict[str, Any] = self.raw_post(path, body, **signing).json()
        return value

    def close(self) -> None:
        self.client.close()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    """One venue for a module, frozen prices, no delay."""
    process = VenueProcess(tmp_path_factory.mktemp("venue"), {"PAPER_EXCHANGE_FEED": "frozen"})
    process.start()
    try:
        yield process
    finally:
        process.stop()
        process.client.close()


@pytest.fixture
def own_venue(tmp_path: Path) -> Iterator[VenueProcess]:
    """A venue of the test's own, to be killed and started again; not started yet."""
    process = VenueProcess(tmp_path)
    try:
        yield process
    finally:
        process.kill()
        process.client.close()


@pytest.fixture
def customer(venue: VenueProcess) -> Iterator[Customer]:
    someone = venue.customer()
    try:
        yield someone
    finally:
        someone.close()
        venue.control("DELETE", "faults")
