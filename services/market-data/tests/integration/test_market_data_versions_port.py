"""What every implementation of index versions and levels promises: PostgreSQL, and the ones in memory of simulations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest
from kit.market_builders import a_composition
from kit.memory_house import House, Transaction
from kit.memory_market_levels import MemoryLevels
from kit.memory_market_versions import MemoryIndexVersions, MemoryOwnIndices

from basketry_local.testing.databases import TestDatabases
from market_data.application.ports import IndexVersions, LevelStore, OwnIndices
from market_data.domain.index_version import IndexVersion
from market_data.domain.level import LevelBase, LevelPoint
from market_data.domain.reconstitution import Reason
from market_data.inbound.views import index_view
from market_data.outbound.postgres.index_repository import PostgresIndexVersions
from market_data.outbound.postgres.level_repository import PostgresLevels
from market_data.outbound.postgres.own_repository import PostgresOwnIndices
from market_data.outbound.postgres.own_tables import outbox as own_outbox
from market_data.outbound.postgres.tables import outbox
from shared.contracts.envelope import Envelope
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PAPER, TESTNET = VenueEnvironment.PAPER, VenueEnvironment.TESTNET
ADA, BOB = UUID(int=1), UUID(int=2)
Told = list[tuple[str, int]]


@dataclass
class Rooms:
    """The ports over one kind of storage; each call of a factory is another replica of the service.

    Attributes:
        told: Index and version of every event that committed.
    """

    versions: Callable[[], IndexVersions]
    own: Callable[[], OwnIndices]
    levels: LevelStore
    told: Callable[[], Awaitable[Told]]


@pytest.fixture(params=["postgres", "memory"])
async def rooms(
    request: pytest.FixtureRequest, make_database: Callable[..., Awaitable[TestDatabases]]
) -> AsyncIterator[Rooms]:
    if request.param == "memory":
        yield in_memory()
        return
    databases = await make_database("market_data")
    facts = Database(databases.dsn("market_data"), pool_size=2)
    users = Database(databases.dsn("market_data", database="user_data"), pool_size=2)
    yield in_postgres(databases, facts, users)
    await facts.close()
    await users.close()


def in_memory() -> Rooms:
    facts, users, heard = House(), House(), Told()

    async def announce(transaction: Transaction, made: IndexVersion) -> None:
        transaction.on_commit(lambda: heard.append((made.index_id, made.version)))

    async def told() -> Told:
        return heard

    return Rooms(
        versions=lambda: MemoryIndexVersions(facts, announce),
        own=lambda: MemoryOwnIndices(users, announce),
        levels=MemoryLevels(users),
        told=told,
    )


def in_postgres(databases: TestDatabases, facts: Database, users: Database) -> Rooms:
    clock, ids = FakeClock(), FakeIds()

    def event(made: IndexVersion) -> IndexVersionPublished:
        return IndexVersionPublished(index=index_view(made))

    async def told() -> Told:
        found: Told = []
        for database in ("market_data", "user_data"):
            connection = await asyncpg.connect(databases.admin_dsn("market_data", database=database), timeout=5)
            try:
                rows = await connection.fetch("select body from market_data.outbox order by position")
            finally:
                await connection.close()
            found += [_told(Envelope[IndexVersionPublished].model_validate_json(row["body"])) for row in rows]
        return found

    return Rooms(
        versions=lambda: PostgresIndexVersions(
            facts, Outbox(outbox, source="market_data", clock=clock, ids=ids), event
        ),
        own=lambda: PostgresOwnIndices(users, Outbox(own_outbox, source="market_data", clock=clock, ids=ids), event),
        levels=PostgresLevels(facts, users),
        told=told,
    )


def _told(event: Envelope[IndexVersionPublished]) -> tuple[str, int]:
    return event.data.index.index_id, event.data.index.version


async def published(rooms: Rooms, first_weight: str = "0.3", *, after: int = 0) -> IndexVersion:
    reason = Reason.RULES_CHANGED if after else Reason.FIRST
    return await rooms.versions().publish(PAPER, a_composition(first_weight), recipe="r", reason=reason, after=after)


async def made_by(rooms: Rooms, user_id: UUID, *, after: int = 0, first_weight: str = "0.3") -> IndexVersion:
    reason = Reason.RULES_CHANGED if after else Reason.FIRST
    composition = a_composition(first_weight)
    return await rooms.own().publish(user_id, PAPER, composition, recipe="r", reason=reason, after=after)


async def test_a_version_comes_back_to_the_last_digit(rooms: Rooms) -> None:
    made = await published(rooms, "0.300000000001")
    fresh = rooms.versions()
    assert await fresh.newest(PAPER, "top-10") == made
    assert await fresh.get(PAPER, "top-10", 1) == made
    assert sum(item.weight for item in made.composition.constituents) == 1


async def test_environments_and_versions_are_kept_apart(rooms: Rooms) -> None:
    first, second = await published(rooms), await published(rooms, "0.4", after=1)
    versions = rooms.versions()
    assert await versions.newest(PAPER, "top-10") == second
    assert await versions.get(PAPER, "top-10", 1) == first
    assert await versions.get(PAPER, "top-10", 3) is None
    assert await versions.newest(TESTNET, "top-10") is None
    assert await versions.newest(PAPER, "top-5") is None
    assert [(one.version, one.reason, one.constituents) for one in await versions.heads(PAPER, "top-10")] == [
        (2, "rules_changed", 2),
        (1, "first", 2),
    ]
    assert await versions.heads(TESTNET, "top-10") == []


async def test_two_replicas_cannot_publish_the_same_number_and_one_event_is_told(rooms: Rooms) -> None:
    made = await published(rooms)
    with pytest.raises(Conflict) as caught:
        await published(rooms, "0.4")
    assert caught.value.code == "version_taken"
    assert await rooms.versions().newest(PAPER, "top-10") == made
    assert await rooms.told() == [("top-10", 1)]


async def test_an_index_of_ones_own_comes_back_and_nobody_else_can_see_it(rooms: Rooms) -> None:
    made = await made_by(rooms, ADA)
    own = rooms.own()
    assert made.user_id == ADA
    assert await own.newest(ADA, PAPER, "top-10") == made
    assert await own.of_user(ADA, PAPER) == [made]
    for user in (BOB, UUID(int=3)):
        assert await own.newest(user, PAPER, "top-10") is None
        assert await own.get(user, PAPER, "top-10", 1) is None
        assert await own.of_user(user, PAPER) == []
        assert await own.heads(user, PAPER, "top-10") == []
        assert not await own.delete(user, PAPER, "top-10")
    assert await own.newest(ADA, TESTNET, "top-10") is None
    assert await own.of_user(ADA, TESTNET) == []
    assert not await own.delete(ADA, TESTNET, "top-10")
    assert await rooms.told() == [("top-10", 1)]


async def test_an_edit_is_a_new_version_and_earlier_ones_stay(rooms: Rooms) -> None:
    first = await made_by(rooms, ADA)
    second = await made_by(rooms, ADA, after=1, first_weight="0.4")
    own = rooms.own()
    assert await own.newest(ADA, PAPER, "top-10") == second
    assert await own.get(ADA, PAPER, "top-10", 1) == first
    assert [(one.version, one.reason, one.constituents) for one in await own.heads(ADA, PAPER, "top-10")] == [
        (2, "rules_changed", 2),
        (1, "first", 2),
    ]
    for user, after in ((ADA, 1), (BOB, 0), (BOB, 2)):
        with pytest.raises(Conflict) as caught:
            await made_by(rooms, user, after=after)
        assert caught.value.code == "version_taken"
    assert await rooms.told() == [("top-10", 1), ("top-10", 2)]


async def test_a_deleted_index_is_gone_but_what_it_held_stays_true(rooms: Rooms) -> None:
    first = await made_by(rooms, ADA)
    own = rooms.own()
    assert [one.user_id for one in await own.everybodys(PAPER)] == [ADA]
    assert await own.everybodys(TESTNET) == []
    assert await own.delete(ADA, PAPER, "top-10")
    assert not await own.delete(ADA, PAPER, "top-10")
    assert await own.newest(ADA, PAPER, "top-10") is None
    assert await own.of_user(ADA, PAPER) == []
    assert await own.everybodys(PAPER) == []
    assert await rooms.own().get(ADA, PAPER, "top-10", 1) == first
    for after in (0, 1):
        with pytest.raises(Conflict):
            await made_by(rooms, ADA, after=after)


def a_base(level: str) -> LevelBase:
    one = {"BTCUSDT": Decimal("0.3"), "ETHUSDT": Decimal("0.7")}
    return LevelBase(version=1, level=Decimal(level), weights=one, prices=one, last=one)


def followed(owner: UUID | None, environment: VenueEnvironment = PAPER) -> IndexVersion:
    return IndexVersion(environment=environment, version=1, recipe="r", composition=a_composition(), user_id=owner)


@pytest.mark.parametrize("owner", [None, ADA])
async def test_levels_are_kept_apart_and_thinned_with_age(rooms: Rooms, owner: UUID | None) -> None:
    levels, version = rooms.levels, followed(owner)
    start = FakeClock().now().replace(hour=0, minute=0)
    assert await levels.base(version) is None

    async def minutes() -> list[int]:
        return [int((one.at - start).total_seconds() / 60) for one in await levels.points(version, None)]

    for minute in range(0, 180, 5):
        point = LevelPoint(at=start + timedelta(minutes=minute), level=Decimal(1000), version=1, pinned=minute == 65)
        await levels.record(version, a_base(str(minute)), point, thin=False)
    assert await levels.base(version) == a_base("175")
    assert len(await levels.points(version, start + timedelta(minutes=160))) == 4
    late = LevelPoint(at=start + timedelta(days=3), level=Decimal("1234.5"), version=1, stale=("BTCUSDT",))
    await levels.record(version, a_base("1"), late, thin=True)
    assert await minutes() == [0, 60, 65, 120, 3 * 24 * 60], "an hour's first, and where a version began"
    assert (await levels.points(version, None))[-1] == late
    later = LevelPoint(at=start + timedelta(days=70), level=Decimal(1), version=1)
    await levels.record(version, a_base("1"), later, thin=True)
    assert await minutes() == [0, 65, 3 * 24 * 60, 70 * 24 * 60]
    strangers = [followed(BOB), followed(owner, TESTNET), followed(ADA if owner is None else None)]
    for stranger in strangers:
        assert await levels.points(stranger, None) == []
        assert await levels.base(stranger) is None


async def test_of_two_levels_at_one_moment_the_first_stays_and_points_come_by_time(rooms: Rooms) -> None:
    levels, version, start = rooms.levels, followed(None), FakeClock().now()
    first, other, earlier = (
        LevelPoint(at=start + timedelta(minutes=minute), level=Decimal(level), version=1)
        for minute, level in ((5, 1000), (5, 1001), (0, 999))
    )
    for number, point in enumerate((first, other, earlier), start=1):
        await levels.record(version, a_base(str(number)), point, thin=False)
    assert await levels.points(version, None) == [earlier, first]
    assert await levels.points(version, first.at) == [first]
    assert await levels.base(version) == a_base("3")
