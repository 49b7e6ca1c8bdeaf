from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
from kit.market_builders import a_composition

from basketry_local.testing.databases import TestDatabases
from market_data.domain.index_version import IndexVersion
from market_data.domain.level import LevelBase, LevelPoint
from market_data.domain.reconstitution import Reason
from market_data.inbound.views import index_view
from market_data.outbound.postgres.level_repository import PostgresLevels
from market_data.outbound.postgres.own_repository import PostgresOwnIndices
from market_data.outbound.postgres.own_tables import outbox
from shared.contracts.envelope import Envelope
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Conflict
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


@pytest.fixture
async def facts(databases: TestDatabases) -> AsyncIterator[Database]:
    database = Database(databases.dsn("market_data"), pool_size=2)
    yield database
    await database.close()


def a_repository(database: Database) -> PostgresOwnIndices:
    announcer = Outbox(outbox, source="market_data", clock=FakeClock(), ids=FakeIds())
    return PostgresOwnIndices(database, announcer, lambda made: IndexVersionPublished(index=index_view(made)))


async def made_by(own: PostgresOwnIndices, user_id: UUID, *, after: int = 0, first_weight: str = "0.3") -> IndexVersion:
    reason = Reason.RULES_CHANGED if after else Reason.FIRST
    return await own.publish(user_id, PAPER, a_composition(first_weight), recipe="r", reason=reason, after=after)


async def test_an_index_of_ones_own_comes_back_and_nobody_else_can_see_it(users: Database) -> None:
    made = await made_by(a_repository(users), ADA)
    fresh = a_repository(users)
    assert await fresh.newest(ADA, PAPER, "top-10") == made
    assert await fresh.of_user(ADA, PAPER) == [made]
    for user in (BOB, UUID(int=3)):
        assert await fresh.newest(user, PAPER, "top-10") is None
        assert await fresh.get(user, PAPER, "top-10", 1) is None
        assert await fresh.of_user(user, PAPER) == []
        assert await fresh.heads(user, PAPER, "top-10") == []
        assert not await fresh.delete(user, PAPER, "top-10")
    assert await fresh.newest(ADA, VenueEnvironment.TESTNET, "top-10") is None


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


async def test_an_edit_is_a_new_version_and_earlier_ones_stay(users: Database) -> None:
    own = a_repository(users)
    first = await made_by(own, ADA)
    second = await made_by(own, ADA, after=1, first_weight="0.4")
    assert await own.newest(ADA, PAPER, "top-10") == second
    assert await own.get(ADA, PAPER, "top-10", 1) == first
    assert [(one.version, one.reason, one.constituents) for one in await own.heads(ADA, PAPER, "top-10")] == [
        (2, "rules_changed", 2),
        (1, "first", 2),
    ]
    with pytest.raises(Conflict):
        await made_by(own, ADA, after=1)
    with pytest.raises(Conflict):
        await made_by(own, BOB, after=2)


async def test_a_deleted_index_is_gone_but_what_it_held_stays_true(users: Database) -> None:
    own = a_repository(users)
    first = await made_by(own, ADA)
    assert [one.user_id for one in await own.everybodys(PAPER)] == [ADA]
    assert await own.delete(ADA, PAPER, "top-10")
    assert not await own.delete(ADA, PAPER, "top-10")
    assert await own.newest(ADA, PAPER, "top-10") is None
    assert await own.everybodys(PAPER) == []
    assert await a_repository(users).get(ADA, PAPER, "top-10", 1) == first
    with pytest.raises(Conflict):
        await made_by(own, ADA, after=1)


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


def a_base(level: str) -> LevelBase:
    one = {"BTCUSDT": Decimal("0.3"), "ETHUSDT": Decimal("0.7")}
    return LevelBase(version=1, level=Decimal(level), weights=one, prices=one, last=one)


@pytest.mark.parametrize("owner", [None, ADA])
async def test_levels_are_kept_apart_and_thinned_with_age(facts: Database, users: Database, owner: UUID | None) -> None:
    levels = PostgresLevels(facts, users)
    version = IndexVersion(environment=PAPER, version=1, recipe="r", composition=a_composition(), user_id=owner)
    start = FakeClock().now().replace(hour=0, minute=0)
    assert await levels.base(version) is None
    for minute in range(0, 180, 5):
        point = LevelPoint(at=start + timedelta(minutes=minute), level=Decimal(1000), version=1, pinned=minute == 65)
        await levels.record(version, a_base(str(minute)), point, thin=False)
    assert await levels.base(version) == a_base("175")
    assert len(await levels.points(version, start + timedelta(minutes=160))) == 4
    late = LevelPoint(at=start + timedelta(days=3), level=Decimal("1234.5"), version=1, stale=("BTCUSDT",))
    await levels.record(version, a_base("1"), late, thin=True)
    kept = [int((one.at - start).total_seconds() / 60) for one in await levels.points(version, None)]
    assert kept == [0, 60, 65, 120, 3 * 24 * 60], "an hour's first, and where a version began"
    assert (await levels.points(version, None))[-1] == late
    later = LevelPoint(at=start + timedelta(days=70), level=Decimal(1), version=1)
    await levels.record(version, a_base("1"), later, thin=True)
    kept = [int((one.at - start).total_seconds() / 60) for one in await levels.points(version, None)]
    assert kept == [0, 65, 3 * 24 * 60, 70 * 24 * 60]
    if owner is not None:
        stranger = IndexVersion(environment=PAPER, version=1, recipe="r", composition=a_composition(), user_id=BOB)
        assert await levels.points(stranger, None) == []
        assert await levels.base(stranger) is None
