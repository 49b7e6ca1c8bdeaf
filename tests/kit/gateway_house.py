"""A running gateway and everything around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import uvicorn
from nats.aio.client import Client

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from gateway.settings import Settings
from gateway.wiring import Gateway
from kit.gateway_builders import ACCOUNT
from kit.gateway_mint import TokenMint
from kit.gateway_neighbours import Neighbours
from shared.contracts.envelope import Envelope
from shared.contracts.fields import EventData
from shared.contracts.registry import BY_MODEL
from shared.runtime.sockets import SOCKETS
from shared.testing import eventually


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


@asynccontextmanager
async def serving(gateway: Gateway, settings: Settings) -> AsyncIterator[str]:
    """Serve on a free port; the address while the block lasts."""
    app = gateway.app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_config=None, access_log=False, timeout_graceful_shutdown=3, **SOCKETS
        )
    )
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started or task.done(), timeout_s=20, because="the gateway serves")
    if task.done():
        task.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        gateway.hub.close_all()
        server.should_exit = True
        await asyncio.wait_for(task, 30)
