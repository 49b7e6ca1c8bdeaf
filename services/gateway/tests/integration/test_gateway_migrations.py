from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from basketry_local.testing.databases import TestDatabases
from gateway.outbound.postgres.plan_repository import PostgresPruning
from shared.runtime.database import Database
from shared.runtime.migrations import check

pytestmark = pytest.mark.integration
MIGRATIONS = Path(__file__).parents[2] / "migrations"
MakeDatabase = Callable[..., Awaitable[TestDatabases]]


async def test_the_newest_revision_is_what_the_code_expects(make_database: MakeDatabase) -> None:
    databases = await make_database("gateway")
    check(MIGRATIONS, databases.owner_dsn("gateway"))


async def test_pruning_takes_what_is_old_and_sees_nothing_else(make_database: MakeDatabase) -> None:
    databases = await make_database("gateway")
    admin = await asyncpg.connect(databases.admin_dsn("gateway"))
    database = Database(databases.relay_dsn("gateway"), pool_size=2)
    try:
        for days in (31, 29):
            await admin.execute(
                "insert into gateway.idempotency_keys values (gen_random_uuid(), $1, 'f', '{}', now() - $2::interval)",
                f"{days} days",
                timedelta(days=days),
            )
        assert await PostgresPruning(database).prune() == 1
        assert [row["key"] for row in await admin.fetch("select key from gateway.idempotency_keys")] == ["29 days"]
        relay = await asyncpg.connect(databases.relay_dsn("gateway"))
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await relay.fetch("select answer from gateway.idempotency_keys")
            assert await relay.fetchval("select count(created_at) from gateway.idempotency_keys") == 0
        finally:
            await relay.close()
    finally:
        await database.close()
        await admin.close()
