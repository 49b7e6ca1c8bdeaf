"""Fresh, migrated databases for tests: copied from a template that is migrated from empty once per run."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
from pydantic import SecretStr

from basketry_local.layout import migrations_folder
from basketry_local.servers.postgres import ADMIN, PostgresServer
from shared.runtime.migrations import upgrade
from shared.runtime.provisioning import SCHEMAS, ServiceSchema, grant_connect, provision_databases

PASSWORD = "only-for-tests"  # noqa: S105 - a throw-away server on the loopback interface
ROLES = tuple(dict.fromkeys(role for schema in SCHEMAS for role in schema.roles))


@dataclass(frozen=True, slots=True)
class TestDatabases:
    """The two databases of one test, under names of their own.

    Args:
        server: Where they are.
        names: Real database name by logical one (`user_data`, `market_data`).
    """

    __test__ = False

    server: PostgresServer
    names: dict[str, str]

    def dsn(self, service: str, *, database: str | None = None) -> str:
        """For the service itself: its login role, bound by row-level security; `database` where it lives in two."""
        return self._dsn(service, service, database)

    def relay_dsn(self, service: str, *, database: str | None = None) -> str:
        """For the service's outbox relay."""
        return self._dsn(service, f"{service}_relay", database)

    def owner_dsn(self, service: str, *, database: str | None = None) -> str:
        """For migrations: owns the tables, but is bound by row-level security too."""
        return self._dsn(service, f"{service}_owner", database)

    def admin_dsn(self, service: str, *, database: str | None = None) -> str:
        """The superuser on the service's database: sees every row."""
        return self._dsn(service, ADMIN, database)

    def _dsn(self, service: str, role: str, database: str | None) -> str:
        return self.server.dsn(self.names[database or _schemas(service)[0].database], role, PASSWORD)


@dataclass(slots=True)
class DatabaseMaker:
    """Makes and drops databases on one server."""

    server: PostgresServer
    _templates: dict[tuple[str, ...], TestDatabases] = field(default_factory=dict)

    async def make(self, *services: str) -> TestDatabases:
        """Fresh databases in which the schemas of `services` are migrated to head."""
        template = await self._template(tuple(sorted(services)))
        names = {logical: f"{logical}_{secrets.token_hex(4)}" for logical in template.names}
        admin = await asyncpg.connect(self.server.admin_dsn, timeout=10)
        try:
            for logical, name in names.items():
                source = template.names[logical]
                await admin.execute(f'create database "{name}" template "{source}" strategy file_copy')
                await grant_connect(admin, name, _schemas_in(logical))
        finally:
            await admin.close()
        return TestDatabases(self.server, names)

    async def drop(self, databases: TestDatabases) -> None:
        """Remove them, whoever is still connected."""
        admin = await asyncpg.connect(self.server.admin_dsn, timeout=10)
        try:
            for name in databases.names.values():
                await admin.execute(f'drop database if exists "{name}" with (force)')
        finally:
            await admin.close()

    async def _template(self, services: tuple[str, ...]) -> TestDatabases:
        if services not in self._templates:
            logical = sorted({schema.database for service in services for schema in _schemas(service)})
            names = {one: f"{one}_template_{len(self._templates)}" for one in logical}
            made = TestDatabases(self.server, names)
            await provision_databases(
                self.server.admin_dsn,
                passwords={role: SecretStr(PASSWORD) for role in ROLES},
                schemas=[schema for schema in SCHEMAS if schema.database in names],
                database_names=names,
                scram_iterations=16,
            )
            for schema in (one for service in services for one in _schemas(service)):
                folder = migrations_folder(schema.service, schema.migrations)
                await asyncio.to_thread(upgrade, folder, made.owner_dsn(schema.service, database=schema.database))
            self._templates[services] = made
        return self._templates[services]


def _schemas(service: str) -> Sequence[ServiceSchema]:
    return [schema for schema in SCHEMAS if schema.service == service]


def _schemas_in(logical: str) -> Sequence[ServiceSchema]:
    return [schema for schema in SCHEMAS if schema.database == logical]
