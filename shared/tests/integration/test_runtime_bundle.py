"""Writes that leave together keep what statements one by one would promise, on the real PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from kit.rooms import Room
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from basketry_local.servers.postgres import ADMIN
from shared.runtime.bundle import Bundle, Removal
from shared.runtime.columns import Word
from shared.runtime.keeper import Keeper
from shared.runtime.statement import Finder, Statement
from shared.runtime.unit import Unit

pytestmark = pytest.mark.integration


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    box_id: UUID
    colour: Colour = Colour.RED
    amount: Decimal = Decimal(0)
    label: str | None = None
    words: tuple[str, ...] = ()
    packed_at: datetime = datetime(2026, 11, 21, tzinfo=UTC)
    open: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    thing_id: UUID
    box_id: UUID


class Store:
    """Two tables, one of which points to the other, and how they are written."""

    def __init__(self) -> None:
        metadata = sa.MetaData(schema="pg_temp")
        identity = PG_UUID(as_uuid=True)
        self.boxes = sa.Table(
            "box",
            metadata,
            sa.Column("box_id", identity, primary_key=True),
            sa.Column("paint", Word(Colour), key="colour", nullable=False),
            sa.Column("amount", sa.Numeric(), nullable=False),
            sa.Column("label", sa.Text),
            sa.Column("words", ARRAY(sa.Text), nullable=False),
            sa.Column("packed_at", TIMESTAMP(timezone=True), nullable=False),
            sa.Column("open", sa.Boolean, nullable=False),
            sa.Column("number", sa.Integer, nullable=False),
        )
        self.things = sa.Table(
            "thing",
            metadata,
            sa.Column("thing_id", identity, primary_key=True),
            sa.Column("box_id", identity, nullable=False),
        )
        self.box_keeper = Keeper(Box, self.boxes, key="box_id")
        self.thing_keeper = Keeper(Thing, self.things, key="thing_id")
        self.gone = Removal(self.things.c.box_id)
        self.all_boxes = Finder(Box, self.boxes, order=[self.boxes.c.number])
        self.count = Statement(sa.select(sa.func.count()).select_from(self.things))


TABLES = """
    create temporary table box (box_id uuid primary key, paint text not null, amount numeric not null
        check (amount >= 0), label text, words text[] not null, packed_at timestamptz not null, open boolean not null,
        number integer not null) on commit drop;
    create temporary table thing (thing_id uuid primary key, box_id uuid not null references box) on commit drop
"""


@pytest.fixture
def store() -> Store:
    return Store()


@contextlib.asynccontextmanager
async def unit_of(room: Room) -> AsyncIterator[Unit]:
    """A transaction in which both tables exist."""
    connection = await asyncpg.connect(room.dsn(ADMIN), timeout=10)
    try:
        async with connection.transaction():
            await connection.execute(TABLES)
            yield Unit(connection)
    finally:
        await connection.close()


def box(number: int = 0) -> Box:
    return Box(box_id=uuid4(), number=number)


class Counting:
    """A connection that counts what is sent over it."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection
        self.sent = 0

    async def execute(self, text: str, *values: object) -> None:
        self.sent += 1
        await self._connection.execute(text, *values)


async def test_every_type_comes_back_as_it_was(execution_room: Room, store: Store) -> None:
    east = timezone(timedelta(hours=3))
    full = Box(
        box_id=uuid4(),
        colour=Colour.BLUE,
        amount=Decimal("12345678901234567890.000000000100"),
        label='"quoted" \\ ünïcode \n',
        words=("a,b", "{c}", '"d"'),
        packed_at=datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=east),
        open=True,
        number=1,
    )
    async with unit_of(execution_room) as unit:
        await store.box_keeper.add(unit, [full, box(2)])
        found = await store.all_boxes.all(unit)
    assert found == [full, Box(box_id=found[1].box_id, number=2)]
    assert str(found[0].amount) == "12345678901234567890.000000000100"


async def test_parents_and_children_leave_in_one_statement(execution_room: Room, store: Store) -> None:
    one, other = box(1), box(2)
    async with unit_of(execution_room) as unit:
        line = Counting(unit)
        writes = Bundle(Unit(line))
        for rows in store.box_keeper.adding([one, other]):
            await writes.write(rows)
        for rows in store.thing_keeper.adding([Thing(thing_id=uuid4(), box_id=one.box_id)]):
            await writes.write(rows)
        await writes.write(store.box_keeper.saving([replace(one, amount=Decimal(7))]))
        assert line.sent == 0
        await writes.flush()
        await writes.flush()
        assert line.sent == 1
        assert [row.amount for row in await store.all_boxes.all(unit)] == [Decimal(7), Decimal(0)]
        assert await store.count.value(unit) == 1


async def test_the_last_state_wins_and_the_order_of_removals_stays(execution_room: Room, store: Store) -> None:
    kept = box()
    first, second = (Thing(thing_id=uuid4(), box_id=kept.box_id) for _ in range(2))
    async with unit_of(execution_room) as unit:
        await store.box_keeper.add(unit, [kept])
        writes = Bundle(unit)
        await writes.write(store.thing_keeper.putting([first]))
        await writes.remove(store.gone, [kept.box_id])  # after the write: it goes
        await writes.write(store.thing_keeper.putting([second]))  # after the removal: it stays
        for amount in (1, 2, 3):
            await writes.write(store.box_keeper.saving([replace(kept, amount=Decimal(amount))]))
        await writes.flush()
        assert await store.count.value(unit) == 1
        assert [row.amount for row in await store.all_boxes.all(unit)] == [Decimal(3)]


@pytest.mark.parametrize("bundled", [True, False])
async def test_a_row_added_twice_is_refused(execution_room: Room, store: Store, bundled: bool) -> None:
    twice = box()

    async def work() -> None:
        async with unit_of(execution_room) as unit:
            if not bundled:
                await store.box_keeper.add(unit, [twice, twice])
            writes = Bundle(unit)
            for rows in [*store.box_keeper.adding([twice]), *store.box_keeper.adding([twice])]:
                await writes.write(rows)
            await writes.flush()

    with pytest.raises(asyncpg.UniqueViolationError):
        await work()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"amount": Decimal(-1)}, asyncpg.CheckViolationError),
        ({"number": 2**40}, asyncpg.DataError),
        ({"label": "a\x00b"}, asyncpg.DataError),
        ({"colour": None}, asyncpg.NotNullViolationError),
    ],
)
async def test_one_bad_row_is_refused_with_the_error_of_its_own(
    execution_room: Room, store: Store, wrong: dict[str, object], error: type[Exception]
) -> None:
    """And takes with it what left in the same statement."""
    good, bad = box(), replace(box(), **wrong)  # type: ignore[arg-type]
    async with unit_of(execution_room) as unit:
        writes = Bundle(unit)
        await store.box_keeper.add(unit, [good])
        for rows in [
            *store.thing_keeper.adding([Thing(thing_id=uuid4(), box_id=good.box_id)]),
            *store.box_keeper.adding([bad]),
        ]:
            await writes.write(rows)
        await unit.connection.execute("savepoint before")
        with pytest.raises(error):
            await writes.flush()
        await unit.connection.execute("rollback to savepoint before")
        assert await store.count.value(unit) == 0
        await writes.flush()  # what was refused does not wait to be refused again
        assert len(await store.all_boxes.all(unit)) == 1


async def test_a_missing_parent_is_refused(execution_room: Room, store: Store) -> None:
    async with unit_of(execution_room) as unit:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await store.thing_keeper.add(unit, [Thing(thing_id=uuid4(), box_id=uuid4())])
