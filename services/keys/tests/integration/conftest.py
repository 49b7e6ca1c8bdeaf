"""A keys service on the real PostgreSQL and the real paper exchange."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from pydantic import PostgresDsn, SecretStr
from pydantic import Secret as PydanticSecret

from basketry_local.testing.databases import TestDatabases
from keys.application.add_key import NewKey
from keys.application.approve_plan import ApprovedPlan
from keys.application.sign import AskAgain, CallToSign, Signed
from keys.domain.allowance import PlanCeiling
from keys.domain.endpoints import Caller
from keys.domain.lane import Lane
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, StoredKey
from keys.inbound.use_cases import UseCases
from keys.settings import Settings
from keys.wiring import make_use_cases
from shared.runtime.database import Database
from shared.runtime.settings import VenueHost
from shared.testing import eventually
from shared.trading.clock import SystemClock
from shared.trading.link_id import LinkId, position_tail, run_tail
from shared.trading.status import Side, VenueEnvironment

LINK_KEY = bytes(range(32))


class SkewedClock(SystemClock):
    """The machine's clock, moved by the test; with a `step` it also jumps at every look, as for a process held up."""

    def __init__(self) -> None:
        self.ahead, self.step = 0.0, 0.0

    def now(self) -> datetime:
        self.ahead += self.step
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass(frozen=True)
class Paper:
    """The running paper exchange."""

    url: str
    http: httpx.Client

    def open(self, **terms: Any) -> dict[str, str]:
        """An account made by the control path, with whatever rights the test wants."""
        reply = self.http.post(f"{self.url}/paper/v1/accounts", json={"balances": {"USDT": "10000"}, **terms})
        reply.raise_for_status()
        return dict(reply.json())

    def change(self, api_key: str, **terms: Any) -> None:
        """Change the rights of a key."""
        self.http.post(f"{self.url}/paper/v1/keys", json={"api_key": api_key, **terms}).raise_for_status()

    def revoke(self, api_key: str) -> None:
        self.http.delete(f"{self.url}/paper/v1/keys", params={"api_key": api_key}).raise_for_status()

    def fault(self, **terms: Any) -> None:
        self.http.post(f"{self.url}/paper/v1/faults", json=terms).raise_for_status()

    def heal(self) -> None:
        self.http.delete(f"{self.url}/paper/v1/faults").raise_for_status()

    def call(self, signed: Signed, method: str, path: str, payload: str) -> dict[str, Any]:
        """Send exactly the signed bytes."""
        url = f"{self.url}{path}" + (f"?{payload}" if method == "GET" and payload else "")
        body = payload if method == "POST" else None
        headers = {**signed.headers, **({"Content-Type": "application/json"} if body else {})}
        return dict(self.http.request(method, url, content=body, headers=headers).json())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    """The real paper exchange as a process of its own, its prices frozen."""
    port, folder = free_port(), tmp_path_factory.mktemp("paper")
    environment = {
        **os.environ,
        "PAPER_EXCHANGE_HTTP_PORT": str(port),
        "PAPER_EXCHANGE_COINGECKO_PORT": str(free_port()),
        "PAPER_EXCHANGE_DATA_FOLDER": str(folder),
        "PAPER_EXCHANGE_FEED": "frozen",
    }
    with (folder / "log").open("wb") as log, httpx.Client(timeout=10, trust_env=False) as http:
        process = subprocess.Popen(
            [sys.executable, "-m", "paper_exchange.main"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _until_ready(http, f"http://127.0.0.1:{port}", process, folder / "log")
            yield Paper(f"http://127.0.0.1:{port}", http)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _until_ready(http: httpx.Client, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the paper exchange is not ready: {log.read_text()[-2000:]}")


@dataclass
class Desk:
    """A keys service in the test's hand."""

    cases: UseCases
    database: Database
    databases: TestDatabases
    clock: SkewedClock
    settings: Settings
    paper: Paper
    user: UUID = field(default_factory=uuid4)

    async def add(
        self, account: dict[str, str], *, user: UUID | None = None, label: str = "my key", environment: str = "paper"
    ) -> StoredKey:
        credentials = Credentials(
            api_key=Secret.of_text(account["api_key"]), api_secret=Secret.of_text(account["api_secret"])
        )
        return await self.cases.add(
            NewKey(
                user_id=user or self.user,
                label=label,
                environment=VenueEnvironment(environment),
                credentials=credentials,
            )
        )

    async def sign(
        self,
        key: StoredKey,
        path: str,
        payload: str,
        *,
        method: str = "POST",
        caller: Caller = Caller.EXECUTION,
        lane: Lane = Lane.BUY,
        user: UUID | None = None,
        not_after: datetime | None = None,
    ) -> Signed | AskAgain:
        return await self.cases.sign(
            CallToSign(
                caller=caller,
                user_id=user or key.user_id,
                key_id=key.key_id,
                method=method,
                path=path,
                payload=payload,
                recv_window_ms=5000,
                lane=lane,
                not_after=not_after,
            )
        )

    async def signed(self, key: StoredKey, path: str, payload: str, **how: Any) -> Signed:
        """Sign, waiting where the governor asks for it."""

        async def ask() -> Signed | None:
            answer = await self.sign(key, path, payload, **how)
            return answer if isinstance(answer, Signed) else None

        found = await eventually(ask, every_s=0.05)
        assert found is not None
        return found

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What a superuser sees behind row-level security."""
        connection = await asyncpg.connect(self.databases.admin_dsn("keys"))
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def execute(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.databases.admin_dsn("keys"))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()


@dataclass(frozen=True)
class Plan:
    """An approved plan of a test, and the orders that belong to it."""

    position_id: UUID
    plan_id: UUID

    def link(self, leg: int, attempt: int = 0) -> str:
        return LinkId(
            environment=VenueEnvironment.PAPER,
            position=position_tail(self.position_id),
            run=run_tail(self.plan_id),
            leg=leg,
            attempt=attempt,
        ).encode(LINK_KEY)

    def order(
        self, leg: int = 0, *, symbol: str = "BTCUSDT", side: str = "Buy", qty: str = "0.001", price: str = "1000"
    ) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "side": side,
            "orderType": "Limit",
            "qty": qty,
            "price": price,
            "timeInForce": "IOC",
            "orderLinkId": self.link(leg),
        }

    def create(self, leg: int = 0, **terms: Any) -> str:
        return json.dumps({"category": "spot", **self.order(leg, **terms)})

    def batch(self, legs: range, **terms: Any) -> str:
        return json.dumps({"category": "spot", "request": [self.order(leg, **terms) for leg in legs]})


def a_plan() -> Plan:
    return Plan(uuid4(), uuid4())


async def approve(
    desk: Desk,
    key: StoredKey,
    plan: Plan,
    *,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    side: Side = Side.BUY,
    quantity: str = "1",
    notional: str = "1000000",
    limit: str | None = None,
    amount: str | None = None,
    life_s: float = 60,
    user: UUID | None = None,
) -> None:
    await desk.cases.approve(
        ApprovedPlan(
            user_id=user or key.user_id,
            key_id=key.key_id,
            environment=key.environment,
            position_id=plan.position_id,
            plan_id=plan.plan_id,
            side=side,
            ceilings=[
                PlanCeiling(
                    symbol=symbol,
                    side=side,
                    max_quantity=Decimal(quantity),
                    max_notional=Decimal(notional),
                    limit_price=None if limit is None else Decimal(limit),
                )
                for symbol in symbols
            ],
            expires_at=desk.clock.now() + timedelta(seconds=life_s),
            approved_amount=None if amount is None else Decimal(amount),
        )
    )


@pytest.fixture
def settings(tmp_path: Path, paper: Paper) -> Settings:
    kek = tmp_path / "kek"
    kek.write_text(secrets.token_hex(32))
    kek.chmod(0o600)
    host = VenueHost(rest=paper.url, private_stream="ws://127.0.0.1:1", public_stream="ws://127.0.0.1:1")
    return Settings(
        kek_file=kek,
        link_key=SecretStr(LINK_KEY.hex()),
        paper_control_url=paper.url,
        venues={VenueEnvironment.PAPER: host, VenueEnvironment.TESTNET: host, VenueEnvironment.DEMO: host},
    )


@pytest.fixture
async def desk(
    make_database: Callable[..., Awaitable[TestDatabases]], settings: Settings, paper: Paper
) -> AsyncIterator[Desk]:
    databases = await make_database("keys")
    dsn = databases.dsn("keys")
    settings = settings.model_copy(update={"database_dsn": PydanticSecret[PostgresDsn](PostgresDsn(dsn))})
    database, clock = Database(dsn, pool_size=8), SkewedClock()
    async with httpx.AsyncClient(trust_env=False) as http:
        cases = make_use_cases(settings, database, http, clock=clock)
        yield Desk(cases, database, databases, clock, settings, paper)
    await database.close()
    paper.heal()


__all__ = ["Desk", "Paper", "Plan", "a_plan", "approve"]
