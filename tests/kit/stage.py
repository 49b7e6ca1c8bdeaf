"""The whole platform for a test: real servers, real services, the paper exchange as venue, and customers who buy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from basketry_cli.gateway import GatewayClient
from basketry_cli.problems import ApiProblem
from basketry_cli.sse import ServerEvent
from basketry_local.data_folder import DataFolder
from basketry_local.environment import EXCHANGE, Ports, choose_ports
from basketry_local.keyring import POSTGRES_ADMIN
from basketry_local.launchers import Launcher
from basketry_local.local_platform import LocalPlatform
from basketry_local.servers.postgres import ADMIN
from basketry_local.testing.interpreters import shared_launcher
from kit.proxy import VenueProxy
from shared.testing import eventually

PASSWORD = "violet lantern 93 orbits"
FREE = {"gateway": 0, EXCHANGE: 0, "coingecko": 0}
"""Free ports everywhere: a developer's own platform may be up."""


@dataclass
class Customer:
    """Somebody with an account on the paper exchange."""

    client: GatewayClient
    user_id: UUID
    account_id: UUID
    uid: str
    email: str

    async def buys(self, index: str, amount: str) -> UUID:
        """Plan and buy; returns at the 202."""
        plan = await self.client.plan(index=index, amount=amount, account=str(self.account_id))
        accepted = await self.client.open_position(plan["plan_id"])
        return UUID(accepted["position_id"])

    async def settled(self, position_id: UUID, *, timeout_s: float = 60) -> dict[str, Any]:
        """The position once it is neither pending nor trading."""

        async def look() -> dict[str, Any]:
            try:
                position = await self.client.position(str(position_id))
            except (httpx.TransportError, ApiProblem) as error:
                # Something was killed: the door may be shut for a moment, which is not what is tested here.
                if isinstance(error, ApiProblem) and error.status not in {500, 503}:
                    raise
                raise AssertionError(str(error)) from error
            assert position["status"] not in {"PENDING", "EXECUTING", "CLOSING"}, position["status"]
            return position

        return await eventually(look, timeout_s=timeout_s, because="the position settles")

    async def closed(self, position_id: UUID, *, timeout_s: float = 60) -> dict[str, Any]:
        """The position once it is shown closed: what shows it lags behind whoever told of it."""

        async def look() -> dict[str, Any]:
            position = await self.client.position(str(position_id))
            assert position["status"] == "CLOSED", (
                position["status"],
                position["blocked_reason"],
                position["reasons"],
            )
            return position

        return await eventually(look, timeout_s=timeout_s, because="the position is closed")


@dataclass
class Stage:
    """A running platform and the ways a test looks behind it."""

    platform: LocalPlatform
    venue: httpx.AsyncClient
    proxy: VenueProxy | None = None
    _customers: list[GatewayClient] = field(default_factory=list)

    async def customer(self, *, balance: str = "10000") -> Customer:
        """A new user with a paper account."""
        client = GatewayClient(self.platform.gateway_url)
        self._customers.append(client)
        email = f"{secrets.token_hex(6)}@example.org"
        user = await client.register(email, PASSWORD)
        await client.login(email, PASSWORD)
        key = await client._call("POST", "/api/paper-accounts", {"label": "play", "balance": balance})
        account = key.get("account_id") or key["key_id"]
        return Customer(client, UUID(user["user_id"]), UUID(account), key["venue_uid"], email)

    async def ledger(self, uid: str) -> dict[str, Any]:
        """What the venue knows of an account."""
        answer = await self.venue.get("/paper/v1/ledger", params={"uid": uid})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def order(self, **fault: Any) -> str:
        """Order a fault at the venue; returns its id."""
        answer = await self.venue.post("/paper/v1/faults", json=fault)
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def freeze_prices(self) -> None:
        """Prices stand still from here on."""
        (await self.venue.post("/paper/v1/feed", json={"mode": "frozen"})).raise_for_status()

    async def books(self) -> asyncpg.Connection[Any]:
        """A connection that sees every row of `user_data`; the caller closes it."""
        password = self.platform.keyring.password(POSTGRES_ADMIN).get_secret_value()
        return await asyncpg.connect(self.platform.postgres.dsn("user_data", ADMIN, password), timeout=10)

    async def closed(self) -> None:
        """Let go of every connection."""
        for client in self._customers:
            await client.__aexit__(None, None, None)
        await self.venue.aclose()


async def until(events: AsyncIterator[ServerEvent], kind: str, *, timeout_s: float = 60) -> ServerEvent:
    """The next event of a kind."""
    async with asyncio.timeout(timeout_s):
        async for event in events:
            if event.type == kind:
                return event
    raise AssertionError(f"the stream ended before {kind}")


def operator_header(platform: LocalPlatform) -> dict[str, str]:
    """What the paper exchange's control paths ask for."""
    return {"X-Admin-Token": platform.keyring.paper_admin_token.get_secret_value()}


@contextlib.asynccontextmanager
async def running_stage(
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    through_proxy: bool = False,
    durable: bool = False,
    launcher: Launcher | None = None,
) -> AsyncIterator[Stage]:
    """Everything up inside the block, watched as `./basketry up` watches it.

    Args:
        folder: Empty; an unprivileged account must be able to enter it.
        settings: By full name, for every process.
        through_proxy: Put a proxy on the wire between execution and the venue.
        durable: Servers sync to disk as in production; tests that only kill processes do without.
        launcher: How services are started, where it matters.
    """
    ports = choose_ports(FREE)
    proxy = VenueProxy(target_port=ports[EXCHANGE]) if through_proxy else None
    if proxy is not None:
        await proxy.start()
    extra = {**(settings or {}), **({"EXECUTION_VENUES": _venues(proxy.port)} if proxy is not None else {})}
    platform = _platform(folder, ports, extra, durable=durable, launcher=launcher)
    venue = httpx.AsyncClient(
        base_url=platform.exchange_url, headers=operator_header(platform), trust_env=False, timeout=30
    )
    stage = Stage(platform, venue, proxy)
    try:
        await platform.start()
        async with platform.watched():
            yield stage
    finally:
        await stage.closed()
        if proxy is not None:
            await proxy.stop()
        await asyncio.to_thread(platform.stop)


def _platform(
    folder: Path, ports: Ports, settings: Mapping[str, str], *, durable: bool, launcher: Launcher | None
) -> LocalPlatform:
    data = DataFolder(folder)
    data.run.mkdir(mode=0o755, parents=True, exist_ok=True)
    return LocalPlatform(data, ports=ports, settings=settings, durable=durable, launcher=launcher or shared_launcher())


def _venues(port: int) -> str:
    host = f"127.0.0.1:{port}"
    return json.dumps(
        {
            "paper": {
                "rest": f"http://{host}",
                "private_stream": f"ws://{host}/v5/private",
                "public_stream": f"ws://{host}/v5/public/spot",
            }
        }
    )
