"""A gateway on the real PostgreSQL and the real NATS server; its neighbours are stand-ins that answer on the same bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from kit.gateway_builders import Builders
from kit.gateway_house import House, serving
from kit.gateway_mint import TokenMint
from kit.gateway_neighbours import Neighbours
from pydantic import PostgresDsn, Secret

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from gateway.settings import Settings
from gateway.wiring import Gateway
from shared.testing import eventually

OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
def build() -> Builders:
    return Builders()


@pytest.fixture
def mint() -> TokenMint:
    return TokenMint()


@pytest.fixture
async def open_house(
    make_database: Callable[..., Awaitable[TestDatabases]], bus: Bus, mint: TokenMint
) -> AsyncIterator[OpenHouse]:
    async with AsyncExitStack() as stack:
        databases = await make_database("gateway")
        neighbours = Neighbours(mint)

        async def open_it(*, away: tuple[str, ...] = (), **settings: Any) -> House:
            for service in {"auth", "keys", "market_data", "execution", "reconciler"} - set(away):
                client = await stack.enter_async_context(bus.connect(service))
                await neighbours.listen(client, service)
            known = Settings(
                database_dsn=Secret(PostgresDsn(databases.dsn("gateway"))),
                relay_dsn=Secret(PostgresDsn(databases.relay_dsn("gateway"))),
                nats_url=bus.url,
                nats_seed=bus.seed("gateway"),
                cors_origins=["http://localhost:3000"],
                log_level="WARNING",
                **settings,
            )
            gateway = Gateway(known)
            url = await stack.enter_async_context(serving(gateway, known))
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
