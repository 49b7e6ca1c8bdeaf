from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from basketry_local.testing.databases import TestDatabases
from execution.outbound.postgres.tables import APPEND_ONLY, OWNED
from shared.runtime.migrations import check

MIGRATIONS = Path(__file__).parents[2] / "migrations"


async def test_the_tables_of_the_newest_revision_are_those_of_the_code(make_database: object) -> None:
    databases: TestDatabases = await make_database("execution")  # type: ignore[operator]
    await asyncio.to_thread(check, MIGRATIONS, databases.owner_dsn("execution"))


async def test_every_table_of_a_user_is_guarded_row_by_row_its_owner_included(make_database: object) -> None:
    databases: TestDatabases = await make_database("execution")  # type: ignore[operator]
    connection = await asyncpg.connect(databases.admin_dsn("execution"))
    try:
        rows = await connection.fetch(
            "select c.relname, c.relrowsecurity and c.relforcerowsecurity as guarded from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'execution' and c.relkind = 'r'"
        )
    finally:
        await connection.close()
    guarded = {row["relname"] for row in rows if row["guarded"]}
    assert guarded == {*OWNED, *APPEND_ONLY, "outbox"}
    assert {row["relname"] for row in rows} - guarded == {"desks", "inbox", "alembic_version"}
