from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from basketry_local.testing.databases import TestDatabases
from shared.runtime.migrations import check

pytestmark = pytest.mark.integration
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
IDS_ONLY = {"agenda", "active_position", "thinning"}


async def test_the_newest_revision_is_what_the_code_expects(database: TestDatabases) -> None:
    check(MIGRATIONS, database.owner_dsn("reconciler"))


async def test_every_table_with_a_user_is_guarded_row_by_row(database: TestDatabases) -> None:
    admin = await asyncpg.connect(database.admin_dsn("reconciler"))
    try:
        rows = await admin.fetch(
            """select c.relname, c.relrowsecurity and c.relforcerowsecurity as guarded
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
               where n.nspname = 'reconciler' and c.relkind = 'r'"""
        )
    finally:
        await admin.close()
    assert {row["relname"] for row in rows if not row["guarded"]} == IDS_ONLY
    assert len(rows) >= 7
