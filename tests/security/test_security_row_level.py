"""Row-level security, read from the catalogue of freshly migrated databases: nobody has to remember a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from basketry_local.testing.databases import TestDatabases
from shared.contracts.topology import SERVICES

pytestmark = pytest.mark.integration

IDS_ONLY = frozenset(
    {
        "inbox",  # message ids
        "leases",  # names and holders
        "login_lookup",  # keyed e-mail hash to user id
        "venue_accounts",  # keyed hash of the venue uid, unique across users
        "desks",  # which venue account somebody trades for, and the lease's number
        "agenda",  # which venue account is due for reconciliation
        "active_position",  # which positions are valued, and when next
        "thinning",  # which positions have points to thin, and when next
    }
)
"""Tables that may hold a user's id without row-level security: catalogues and work queues without anyone's data."""

MakeDatabase = Callable[..., Awaitable[TestDatabases]]


async def _rows(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


async def _both(make_database: MakeDatabase, query: str) -> list[Any]:
    databases = await make_database(*SERVICES)
    rows = await _rows(databases.admin_dsn("execution"), query)
    return [*rows, *await _rows(databases.admin_dsn("market_data"), query)]


OURS = "('" + "','".join(SERVICES) + "')"


async def test_every_table_with_a_user_has_forced_row_level_security(make_database: MakeDatabase) -> None:
    rows = await _both(
        make_database,
        f"""select n.nspname as schema, c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
                   (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
            where c.relkind in ('r', 'p') and n.nspname in {OURS}""",
    )
    names = {f"{row['schema']}.{row['name']}" for row in rows}
    assert {"execution.positions", "execution.fills", "keys.audit", "auth.sessions"} <= names or len(names) >= 12
    open_tables = {
        f"{row['schema']}.{row['name']}"
        for row in rows
        if not (row["enabled"] and row["forced"] and row["policies"]) and row["name"] not in IDS_ONLY
    }
    assert open_tables == set()


async def test_no_service_role_owns_tables_or_passes_by_row_level_security(make_database: MakeDatabase) -> None:
    owners = await _both(
        make_database, f"select schemaname, tablename, tableowner from pg_tables where schemaname in {OURS}"
    )
    assert {row["tableowner"] for row in owners} == {f"{service}_owner" for service in SERVICES}
    roles = await _both(
        make_database, f"select rolname from pg_roles where (rolsuper or rolbypassrls) and rolname in {OURS}"
    )
    assert roles == []


async def test_no_service_role_may_truncate(make_database: MakeDatabase) -> None:
    rows = await _both(
        make_database,
        f"""select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname in {OURS}
            and has_table_privilege(n.nspname, c.oid, 'TRUNCATE')""",
    )
    assert rows == []


async def test_no_view_or_function_steps_around_the_policies(make_database: MakeDatabase) -> None:
    views = await _both(
        make_database,
        f"""select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'v' and n.nspname in {OURS}
            and not coalesce(c.reloptions::text like '%security_invoker=true%', false)""",
    )
    assert views == []
    functions = await _both(
        make_database,
        f"""select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            join pg_roles r on r.oid = p.proowner
            where p.prosecdef and r.rolsuper and n.nspname in {OURS}""",
    )
    assert functions == []


async def test_a_service_reads_no_other_services_schema(make_database: MakeDatabase) -> None:
    databases = await make_database(*SERVICES)
    rows = await _rows(
        databases.admin_dsn("execution"),
        f"""select r.rolname, n.nspname from pg_roles r cross join pg_namespace n
            where r.rolname in {OURS} and n.nspname in {OURS} and r.rolname <> n.nspname
            and has_schema_privilege(r.rolname, n.nspname, 'USAGE')""",
    )
    assert rows == []
