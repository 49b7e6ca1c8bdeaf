from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
from kit.market_builders import a_composition

from basketry_local.testing.databases import TestDatabases
from market_data.domain.index_version import IndexVersion
from market_data.domain.reconstitution import Reason
from market_data.inbound.views import index_view
from market_data.outbound.postgres.own_repository import PostgresOwnIndices
from market_data.outbound.postgres.own_tables import outbox
from shared.contracts.envelope import Envelope
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PAPER = VenueEnvironment.PAPER
ADA, BOB = UUID(int=1), UUID(int=2)
MakeDatabase = Callable[..., Awaitable[TestDatabases]]


@pytest.fixture
async def databases(make_database: MakeDatabase) -> TestDatabases:
    return await make_database("market_data")


@pytest.fixture
async def users(databases: TestDatabases) -> AsyncIterator[Database]:
    database = Database(databases.dsn("market_data", database="user_data"), pool_size=2)
    yield database
    await database.close()


def a_repository(database: Database) -> PostgresOwnIndices:
    announcer = Outbox(outbox, source="market_data", clock=FakeClock(), ids=FakeIds())
    return PostgresOwnIndices(database, announcer, lambda made: IndexVersionPublished(index=index_view(made)))


async def made_by(own: PostgresOwnIndices, user_id: UUID) -> IndexVersion:
    return await own.publish(user_id, PAPER, a_composition(), recipe="r", reason=Reason.FIRST, after=0)


async def test_the_rows_themselves_are_closed_to_other_users(users: Database, databases: TestDatabases) -> None:
    await made_by(a_repository(users), ADA)
    connection = await asyncpg.connect(databases.dsn("market_data", database="user_data"), timeout=5)
    try:
        for user, expected in ((ADA, 1), (BOB, 0)):
            async with connection.transaction():
                await connection.execute("select set_config('app.user_id', $1, true)", str(user))
                for table in ("own_index", "index_version"):
                    assert await connection.fetchval(f"select count(*) from market_data.{table}") == expected
                updated = await connection.execute("update market_data.own_index set deleted_at = null")
                assert updated == f"UPDATE {expected}"
        for statement in ("update market_data.index_version set name = 'x'", "delete from market_data.constituent"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_event_carries_the_user(users: Database, databases: TestDatabases) -> None:
    made = await made_by(a_repository(users), ADA)
    connection = await asyncpg.connect(databases.admin_dsn("market_data", database="user_data"), timeout=5)
    try:
        [row] = await connection.fetch("select * from market_data.outbox")
    finally:
        await connection.close()
    envelope = Envelope[IndexVersionPublished].model_validate_json(row["body"])
    assert row["subject"] == f"market.v1.index_version_published.{ADA}.top-10"
    assert envelope.data.index == index_view(made)
    assert envelope.data.index.owner == "custom"
