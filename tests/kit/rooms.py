"""A service's place in a test's own database, for tests of what every service runs on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import asyncpg
import sqlalchemy as sa
from pydantic import PostgresDsn, Secret

from basketry_local.servers.postgres import ADMIN, PostgresServer
from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import PASSWORD
from shared.runtime.database import Database
from shared.runtime.inbox import inbox_table
from shared.runtime.leases import lease_table
from shared.runtime.outbox import Outbox, outbox_table
from shared.runtime.settings import ServiceSettings
from shared.trading.clock import SystemClock, SystemIds


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
