from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from kit.market_builders import a_composition

from basketry_local.layout import migrations_folder
from basketry_local.testing.databases import TestDatabases
from market_data.domain.reconstitution import Reason
from market_data.inbound.views import index_view
from market_data.outbound.postgres.index_repository import PostgresIndexVersions
from market_data.outbound.postgres.tables import outbox
from shared.contracts.envelope import Envelope
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.migrations import check
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PAPER = VenueEnvironment.PAPER
MakeDatabase = Callable[..., Awaitable[TestDatabases]]


@pytest.fixture
async def databases(make_database: MakeDatabase) -> TestDatabases:
    return await make_database("market_data")


@pytest.fixture
async def database(databases: TestDatabases) -> AsyncIterator[Database]:
    database = Database(databases.dsn("market_data"), pool_size=2)
    yield database
    await database.close()


def a_repository(database: Database) -> PostgresIndexVersions:
    announcer = Outbox(outbox, source="market_data", clock=FakeClock(), ids=FakeIds())
    return PostgresIndexVersions(database, announcer, lambda made: IndexVersionPublished(index=index_view(made)))


async def test_the_event_is_written_with_the_version(database: Database, databases: TestDatabases) -> None:
    made = await a_repository(database).publish(PAPER, a_composition(), recipe="r1", reason=Reason.FIRST, after=0)
    [row] = await rows(databases, "outbox")
    envelope = Envelope[IndexVersionPublished].model_validate_json(row["body"])
    assert row["subject"] == "market.v1.index_version_published._.top-10"
    assert envelope.data.index == index_view(made)
    assert envelope.aggregate_version == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update market_data.constituent set weight = 0.5",
        "delete from market_data.index_version",
        "truncate market_data.exclusion",
    ],
)
async def test_a_published_version_cannot_be_changed(
    database: Database, databases: TestDatabases, statement: str
) -> None:
    await a_repository(database).publish(PAPER, a_composition(), recipe="r1", reason=Reason.FIRST, after=0)
    connection = await asyncpg.connect(databases.dsn("market_data"), timeout=5)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_migrations_make_the_tables_of_the_code(databases: TestDatabases) -> None:
    check(migrations_folder("market_data"), databases.owner_dsn("market_data"))
    own = databases.owner_dsn("market_data", database="user_data")
    check(migrations_folder("market_data", "migrations/own"), own)


async def rows(databases: TestDatabases, table: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(databases.admin_dsn("market_data"), timeout=5)
    try:
        return list(await connection.fetch(f"select * from market_data.{table}"))
    finally:
        await connection.close()
