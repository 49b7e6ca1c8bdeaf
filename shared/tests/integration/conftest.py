"""Two services, gateway and execution, with the tables that every service has."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from pydantic import PostgresDsn, Secret, SecretStr

from basketry_local.servers.postgres import ADMIN, PostgresServer
from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import PASSWORD, ROLES
from shared.runtime.database import Database
from shared.runtime.inbox import inbox_table
from shared.runtime.leases import lease_table
from shared.runtime.migrations import upgrade
from shared.runtime.outbox import Outbox, outbox_table
from shared.runtime.provisioning import SCHEMAS, grant_database, provision_databases
from shared.runtime.settings import ServiceSettings
from shared.trading.clock import SystemClock, SystemIds

MIGRATIONS = Path(__file__).parent / "sample_migrations"


@dataclass(slots=True)
class Room:
    """One service's place in a test's own database, and its settings."""

    service: str
    server: PostgresServer
    name: str
    settings: ServiceSettings
    database: Database
    metadata: sa.MetaData = field(init=False)
    outbox: sa.Table = field(init=False)
    inbox: sa.Table = field(init=False)
    leases: sa.Table = field(init=False)
    notes: sa.Table = field(init=False)
    events: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.metadata = sa.MetaData(schema=self.service)
        self.outbox, self.inbox = outbox_table(self.metadata), inbox_table(self.metadata)
        self.leases = lease_table(self.metadata)
        columns = (sa.Column("id", sa.Uuid, primary_key=True), sa.Column("user_id", sa.Uuid))
        self.notes = sa.Table("note", self.metadata, *columns)
        self.events = Outbox(self.outbox, source=self.service, clock=SystemClock(), ids=SystemIds())

    def dsn(self, role: str, password: str = PASSWORD) -> str:
        return self.server.dsn(self.name, role, password)

    async def look(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Behind row-level security."""
        connection = await asyncpg.connect(self.dsn(ADMIN), timeout=10)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def unsent(self) -> int:
        found = await self.look(f"select count(*) as n from {self.service}.outbox where sent_at is null")
        return int(found[0]["n"])


USER_DATA = [schema for schema in SCHEMAS if schema.database == "user_data"]


@pytest.fixture(scope="session")
def sample_template(postgres_server: PostgresServer) -> str:
    """A `user_data` database in which gateway and execution are migrated; copied for each test."""
    name = f"user_data_template_{secrets.token_hex(4)}"
    asyncio.run(
        provision_databases(
            postgres_server.admin_dsn,
            passwords={role: SecretStr(PASSWORD) for role in ROLES},
            schemas=USER_DATA,
            database_names={"user_data": name},
        )
    )
    for service in ("gateway", "execution"):
        upgrade(MIGRATIONS, postgres_server.dsn(name, f"{service}_owner", PASSWORD))
    return name


@pytest.fixture
async def sample_database(postgres_server: PostgresServer, sample_template: str) -> AsyncIterator[str]:
    """A copy of the template, gone after the test."""
    name = f"user_data_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.admin_dsn, timeout=10)
    await admin.execute(f'create database "{name}" template "{sample_template}" strategy file_copy')
    await admin.close()
    await grant_database(postgres_server.admin_dsn, name, USER_DATA)
    yield name
    admin = await asyncpg.connect(postgres_server.admin_dsn, timeout=10)
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


def make_room(service: str, server: PostgresServer, name: str, bus: Bus | None) -> Room:
    where: dict[str, Any] = {"nats_url": bus.url, "nats_seed": bus.seed(service)} if bus else {}
    settings = ServiceSettings(
        database_dsn=Secret(PostgresDsn(server.dsn(name, service, PASSWORD))),
        relay_dsn=Secret(PostgresDsn(server.dsn(name, f"{service}_relay", PASSWORD))),
        **where,
        log_level="INFO",
        log_json=True,
    )
    return Room(service, server, name, settings, Database(server.dsn(name, service, PASSWORD), pool_size=4))


@pytest.fixture
async def execution_room(postgres_server: PostgresServer, sample_database: str) -> AsyncIterator[Room]:
    """Execution's, without a bus."""
    room = make_room("execution", postgres_server, sample_database, None)
    yield room
    await room.database.close()


@pytest.fixture
async def gateway(postgres_server: PostgresServer, sample_database: str, bus: Bus) -> AsyncIterator[Room]:
    """Gateway's, on a bus of the test's own."""
    room = make_room("gateway", postgres_server, sample_database, bus)
    yield room
    await room.database.close()


@pytest.fixture
async def execution(postgres_server: PostgresServer, sample_database: str, bus: Bus) -> AsyncIterator[Room]:
    """Execution's, on the same bus."""
    room = make_room("execution", postgres_server, sample_database, bus)
    yield room
    await room.database.close()
