from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from basketry_local.servers.postgres import PostgresServer
from basketry_local.testing.databases import PASSWORD
from shared.runtime.provisioning import SCHEMAS, provision_databases

NAMES = {"user_data": "isolation_user_data", "market_data": "isolation_market_data"}
PASSWORDS = {role: SecretStr(f"pw-{role}") for schema in SCHEMAS for role in schema.roles}


@pytest.fixture
async def provisioned(postgres_server: PostgresServer) -> AsyncIterator[PostgresServer]:
    for _ in range(2):  # the second run finds everything there
        await provision_databases(postgres_server.admin_dsn, passwords=PASSWORDS, database_names=NAMES)
    yield postgres_server
    admin = await asyncpg.connect(postgres_server.admin_dsn)
    for name in NAMES.values():
        await admin.execute(f"drop database {name} with (force)")
    for role in PASSWORDS:  # back to what the other tests of this run expect
        await admin.execute(f"alter role {role} password '{PASSWORD}'")
    await admin.close()


async def _as(server: PostgresServer, role: str, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(server.dsn(NAMES[database], role, f"pw-{role}"))


async def test_the_owner_makes_tables_and_the_login_role_works_with_rows(provisioned: PostgresServer) -> None:
    owner = await _as(provisioned, "execution_owner", "user_data")
    await owner.execute("create table execution.leg (id int generated always as identity, note text)")
    await owner.close()
    service = await _as(provisioned, "execution", "user_data")
    await service.execute("insert into execution.leg (note) values ('a')")
    assert await service.fetchval("select count(*) from execution.leg") == 1
    for forbidden in ("drop table execution.leg", "create table execution.mine (x int)", "truncate execution.leg"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(forbidden)
    await service.close()


async def test_a_service_sees_no_other_schema_no_public_and_no_other_database(provisioned: PostgresServer) -> None:
    owner = await _as(provisioned, "keys_owner", "user_data")
    await owner.execute("create table keys.wrapped (id int)")
    await owner.close()
    service = await _as(provisioned, "execution", "user_data")
    for forbidden in ("select * from keys.wrapped", "create table public.mine (x int)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(forbidden)
    await service.close()
    for database, role in (("market_data", "execution"), ("market_data", "gateway")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _as(provisioned, role, database)


async def test_a_wrong_password_is_refused(provisioned: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(provisioned.dsn(NAMES["user_data"], "execution", "guess"))


async def test_no_role_may_bypass_row_level_security(provisioned: PostgresServer) -> None:
    admin = await asyncpg.connect(provisioned.admin_dsn)
    powers = "rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication"
    mighty = await admin.fetch(f"select rolname from pg_roles where rolname = any($1) and ({powers})", list(PASSWORDS))
    await admin.close()
    assert mighty == []
