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
from shared.trading.errors import Conflict
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


async def test_a_version_comes_back_to_the_last_digit(database: Database) -> None:
    made = await a_repository(database).publish(PAPER, a_composition(), recipe="r1", reason=Reason.FIRST, after=0)
    fresh = a_repository(database)
    assert await fresh.newest(PAPER, "top-10") == made
    assert await fresh.get(PAPER, "top-10", 1) == made
    assert sum(item.weight for item in made.composition.constituents) == 1


async def test_environments_and_versions_are_kept_apart(database: Database) -> None:
    repository = a_repository(database)
    await repository.publish(PAPER, a_composition(), recipe="r1", reason=Reason.FIRST, after=0)
    await repository.publish(PAPER, a_composition("0.4"), recipe="r1", reason=Reason.FIRST, after=1)
    newest = await repository.newest(PAPER, "top-10")
    assert newest is not None
    assert newest.version == 2
    assert await repository.newest(VenueEnvironment.TESTNET, "top-10") is None
    assert await repository.get(PAPER, "top-10", 3) is None


async def test_two_replicas_cannot_publish_the_same_number(database: Database, databases: TestDatabases) -> None:
    await a_repository(database).publish(PAPER, a_composition(), recipe="r1", reason=Reason.FIRST, after=0)
    with pytest.raises(Conflict) as caught:
        await a_repository(database).publish(PAPER, a_composition("0.4"), recipe="r1", reason=Reason.FIRST, after=0)
    assert caught.value.code == "version_taken"
    assert len(await rows(databases, "outbox")) == 1


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
