"""Two services, gateway and execution, with the tables that every service has."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from kit.rooms import Room, make_room
from pydantic import SecretStr

from basketry_local.servers.postgres import PostgresServer
from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import PASSWORD, ROLES
from shared.runtime.migrations import upgrade
from shared.runtime.provisioning import SCHEMAS, grant_database, provision_databases

MIGRATIONS = Path(__file__).parent / "sample_migrations"


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
