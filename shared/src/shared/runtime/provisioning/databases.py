"""Databases, schemas and roles: made once, checked on every start, the same locally, in compose and on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from shared.runtime.provisioning.scram import ITERATIONS, scram_verifier

_LOCK = 7_201_960_001
"""Advisory lock: two provisioners at the same time take turns."""


@dataclass(frozen=True, slots=True)
class ServiceSchema:
    """One service's room in one database.

    Args:
        service: The schema's name and the login role's.
        database: The logical database: `user_data` or `market_data`.
        migrations: The folder of its history, in the service's own.
    """

    service: str
    database: str
    migrations: str = "migrations"

    @property
    def owner(self) -> str:
        """The role that owns the tables and runs the migrations."""
        return f"{self.service}_owner"

    @property
    def relay(self) -> str:
        """The role that reads the outbox of all users and nothing else; migrations grant it that table."""
        return f"{self.service}_relay"

    @property
    def roles(self) -> tuple[str, str, str]:
        """Owner, login role and relay."""
        return (self.owner, self.service, self.relay)


SCHEMAS: tuple[ServiceSchema, ...] = (
    ServiceSchema("auth", "user_data"),
    ServiceSchema("keys", "user_data"),
    ServiceSchema("execution", "user_data"),
    ServiceSchema("reconciler", "user_data"),
    ServiceSchema("gateway", "user_data"),
    ServiceSchema("market_data", "market_data"),
    # Users' own indices are users' data: the same roles, a schema of their own beside the other services'.
    ServiceSchema("market_data", "user_data", "migrations/own"),
)


async def provision_databases(
    admin_dsn: str,
    *,
    passwords: Mapping[str, SecretStr],
    schemas: Sequence[ServiceSchema] = SCHEMAS,
    database_names: Mapping[str, str] | None = None,
    scram_iterations: int = ITERATIONS,
) -> None:
    """Bring databases, roles and schemas to what `schemas` asks for; a second run changes nothing.

    Args:
        admin_dsn: Opens the maintenance database as a superuser.
        passwords: Of every role: `<service>_owner`, `<service>`, `<service>_relay`.
        schemas: Which service has a room where.
        database_names: Real names of the logical databases, where they differ (tests).
        scram_iterations: Fewer let tests connect faster.
    """
    names = dict(database_names or {})
    admin = await asyncpg.connect(admin_dsn, timeout=10)
    try:
        await admin.execute("select pg_advisory_lock($1)", _LOCK)
        for schema in schemas:
            for role in schema.roles:
                await _ensure_role(admin, role, passwords[role], scram_iterations)
        for logical in sorted({schema.database for schema in schemas}):
            await _ensure_database(admin, names.get(logical, logical), [s for s in schemas if s.database == logical])
        await admin.execute("revoke connect on database postgres from public")
    finally:
        await admin.close()
    for logical in sorted({schema.database for schema in schemas}):
        await _ensure_schemas(admin_dsn, names.get(logical, logical), [s for s in schemas if s.database == logical])


async def grant_database(admin_dsn: str, database: str, schemas: Sequence[ServiceSchema] = SCHEMAS) -> None:
    """`grant_connect` on a connection of its own."""
    admin = await asyncpg.connect(admin_dsn, timeout=10)
    try:
        await grant_connect(admin, database, schemas)
    finally:
        await admin.close()


async def _ensure_role(admin: asyncpg.Connection, role: str, password: SecretStr, iterations: int) -> None:
    if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
        await admin.execute(f"create role {_quoted(role)}")
    # The verifier instead of the password: no server log can ever show it.
    verifier = scram_verifier(password.get_secret_value(), iterations=iterations)
    await admin.execute(
        f"alter role {_quoted(role)} login nosuperuser nocreatedb nocreaterole nobypassrls noreplication "
        f"password '{verifier}'"
    )
    await admin.execute(f"alter role {_quoted(role)} set idle_in_transaction_session_timeout = '60s'")


async def _ensure_database(admin: asyncpg.Connection, database: str, schemas: Sequence[ServiceSchema]) -> None:
    if not await admin.fetchval("select true from pg_database where datname = $1", database):
        await admin.execute(f"create database {_quoted(database)} template template0 encoding 'UTF8' locale 'C'")
    await grant_connect(admin, database, schemas)


async def grant_connect(admin: asyncpg.Connection, database: str, schemas: Sequence[ServiceSchema]) -> None:
    """Let only the roles of `schemas` connect to a database (a copy does not inherit these rights)."""
    await admin.execute(f"revoke all on database {_quoted(database)} from public")
    roles = ", ".join(_quoted(role) for schema in schemas for role in schema.roles)
    await admin.execute(f"grant connect on database {_quoted(database)} to {roles}")


async def _ensure_schemas(admin_dsn: str, database: str, schemas: Sequence[ServiceSchema]) -> None:
    connection = await asyncpg.connect(admin_dsn, database=database, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("revoke all on schema public from public")
            for schema in schemas:
                await connection.execute(_schema_statements(schema))
    finally:
        await connection.close()


def _schema_statements(schema: ServiceSchema) -> str:
    """The owner owns, the login role works with rows; what is append-only its migration takes away again."""
    name, owner, login, relay = (_quoted(one) for one in (schema.service, *schema.roles))
    defaults = f"alter default privileges for role {owner} in schema {name}"
    return (
        f"create schema if not exists {name} authorization {owner};"
        f"alter schema {name} owner to {owner};"
        f"revoke all on schema {name} from public;"
        f"grant usage on schema {name} to {login}, {relay};"
        f"{defaults} grant select, insert, update, delete on tables to {login};"
        f"{defaults} grant usage, select on sequences to {login};"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
