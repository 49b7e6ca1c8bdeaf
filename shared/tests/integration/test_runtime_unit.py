"""Units on the driver itself keep what transactions promise, on the real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from kit.rooms import Room
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from basketry_local.servers.postgres import ADMIN, PostgresServer
from shared.runtime.database import Database, DatabaseUnavailable
from shared.runtime.keeper import Keeper
from shared.runtime.statement import Finder, Statement
from shared.runtime.unit import ServerGone, UnitPool, not_now
from shared.testing.patience import eventually

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    id: UUID
    user_id: UUID


@pytest.fixture
def notes(execution_room: Room) -> Keeper[Note]:
    return Keeper(Note, execution_room.notes, key="id")


async def seen(room: Room, user: UUID | None) -> list[UUID]:
    everything = Finder(Note, room.notes, order=[room.notes.c.id])
    async with room.database.unit(user) as unit:
        return [note.id for note in await everything.all(unit)]


async def write(room: Room, notes: Keeper[Note], user: UUID, *owners: UUID) -> list[UUID]:
    made = [Note(id=uuid4(), user_id=owner) for owner in owners or (user,)]
    async with room.database.unit(user) as unit:
        await notes.add(unit, made)
    return sorted(note.id for note in made)


async def test_each_user_sees_their_own_rows_and_nobody_sees_none(execution_room: Room, notes: Keeper[Note]) -> None:
    mine, yours = uuid4(), uuid4()
    made = await write(execution_room, notes, mine, mine, mine)
    assert await seen(execution_room, mine) == made
    assert await seen(execution_room, yours) == []
    assert await seen(execution_room, None) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await write(execution_room, notes, mine, yours)


async def test_a_pooled_connection_forgets_its_user(execution_room: Room, notes: Keeper[Note]) -> None:
    user = uuid4()
    await write(execution_room, notes, user)
    single = Database(execution_room.dsn("execution"), pool_size=1)
    count = Statement(sa.select(sa.func.count()).select_from(execution_room.notes))
    for who, rows in ((user, 1), (None, 0), (uuid4(), 0), (user, 1)):
        async with single.unit(who) as unit:
            assert await count.value(unit) == rows
    await single.close()


@pytest.mark.parametrize("how", ["error", "cancelled", "refused"])
async def test_what_does_not_end_well_leaves_nothing_behind(
    execution_room: Room, notes: Keeper[Note], how: str
) -> None:
    user, inside = uuid4(), asyncio.Event()
    single = Database(execution_room.dsn("execution"), pool_size=1)
    twice = Note(id=uuid4(), user_id=user)

    async def work() -> None:
        async with single.unit(user) as unit:
            await notes.add(unit, [twice])
            if how == "error":
                raise ZeroDivisionError
            if how == "refused":
                await notes.add(unit, [twice])
            inside.set()
            await asyncio.Event().wait()

    task: asyncio.Task[Any] = asyncio.create_task(work())
    if how == "cancelled":
        await inside.wait()
        task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled() or isinstance(task.exception(), (ZeroDivisionError, asyncpg.UniqueViolationError))
    assert await seen(execution_room, user) == []
    async with single.unit(user) as unit:  # the only connection is of use again
        await notes.add(unit, [twice])
    await single.close()
    assert await seen(execution_room, user) == [twice.id]


async def test_lists_are_one_argument_and_updates_find_their_row(execution_room: Room, notes: Keeper[Note]) -> None:
    user = uuid4()
    first, second, _ = await write(execution_room, notes, user, user, user, user)
    column = execution_room.notes.c.id
    wanted = sa.bindparam("wanted", type_=ARRAY(PG_UUID(as_uuid=True)))
    among = Finder(Note, execution_room.notes, column == sa.func.any(wanted), order=[column])
    async with execution_room.database.unit(user) as unit:
        assert [note.id for note in await among.all(unit, wanted={first, second})] == [first, second]
        assert await among.first(unit, wanted=[]) is None
        await notes.put(unit, [Note(id=first, user_id=user)])
        await notes.save(unit, [Note(id=first, user_id=user)])


def taken(connection: asyncpg.pool.PoolConnectionProxy[Any]) -> bool:
    """Whether the pool has taken a dead connection from its borrower."""
    try:
        connection.is_closed()
    except asyncpg.InterfaceError:
        return True
    return False


async def test_a_server_that_is_away_is_said_to_be_away(postgres_server: PostgresServer, execution_room: Room) -> None:
    user = uuid4()
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/none", pool_size=1)
    with pytest.raises(DatabaseUnavailable):
        async with nowhere.unit(user):
            pytest.fail("there is no server")
    await nowhere.close()
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'execution'"
    admin = await asyncpg.connect(postgres_server.admin_dsn)
    ask = Statement(sa.text("select 1"))

    async def lose_it_inside(*, heard: bool) -> None:
        async with execution_room.database.unit(user) as unit:
            await admin.execute(cut)
            if heard:
                await eventually(lambda: taken(unit.connection), because="the pool takes the dead connection")
            await ask.value(unit)

    for heard in (False, True):  # the server's farewell comes while it is asked, or before
        with pytest.raises(DatabaseUnavailable):
            await lose_it_inside(heard=heard)
    assert await seen(execution_room, user) == []  # the next one is a new connection
    await admin.execute(cut)
    assert await seen(execution_room, user) == []  # an idle connection that died is replaced before it is used
    await admin.close()


async def test_what_is_kept_ready_is_opened_at_once_and_again_after_the_server_cut_it(
    postgres_server: PostgresServer, execution_room: Room
) -> None:
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/none", ready=2)
    await nowhere.open()  # the first unit will try again
    await nowhere.close()

    mine = "from pg_stat_activity where application_name = 'execution' and datname = $1"
    admin = await asyncpg.connect(postgres_server.admin_dsn)
    before = await admin.fetchval(f"select count(*) {mine}", execution_room.name)
    ready = Database(execution_room.dsn("execution"), ready=3)
    await ready.open()
    assert await admin.fetchval(f"select count(*) {mine}", execution_room.name) == before + 3
    await admin.fetch(f"select pg_terminate_backend(pid) {mine}", execution_room.name)
    for _ in range(4):
        async with ready.unit() as unit:
            assert await unit.connection.fetchval("select 1") == 1
    await ready.close()
    await admin.close()


async def silent_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event) -> None:
    """Lets a client in as PostgreSQL does, and never says another word: a host that lost its power."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!I", len(body) + 4) + body

    (length,) = struct.unpack("!I", await reader.readexactly(4))
    body = await reader.readexactly(length - 4)
    if body[:4] == struct.pack("!I", 80877103):  # asks for TLS first
        writer.write(b"N")
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        await reader.readexactly(length - 4)
    settings = (b"server_version\x0016.0\x00", b"client_encoding\x00UTF8\x00", b"standard_conforming_strings\x00on\x00")
    writer.write(message(b"R", struct.pack("!I", 0)) + b"".join(message(b"S", one) for one in settings))
    writer.write(message(b"K", struct.pack("!II", 1, 2)) + message(b"Z", b"I"))
    await writer.drain()
    await reader.readexactly(1)
    asked.set()
    await reader.read()


async def test_a_server_that_falls_silent_is_given_up_and_a_cancelled_wait_ends() -> None:
    clients: set[asyncio.Task[None]] = set()
    asked = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the client may cut the line
            await silent_server(reader, writer, asked)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def come_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(asyncio.create_task(served(reader, writer)))

    server = await asyncio.start_server(come_in, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def work(pool: UnitPool) -> None:
        async with pool.unit(uuid4()):
            pytest.fail("nobody answered")

    pool = UnitPool(f"postgresql://u:p@127.0.0.1:{port}/d", size=1, settings={}, command_s=0.3)
    with pytest.raises(ServerGone):
        await asyncio.wait_for(work(pool), 10)
    patient = UnitPool(f"postgresql://u:p@127.0.0.1:{port}/d", size=1, settings={}, command_s=60)
    asked.clear()
    task = asyncio.create_task(work(patient))
    await asyncio.wait_for(asked.wait(), 10)  # now it waits for an answer that never comes
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    assert done
    assert task.cancelled()
    await pool.close()
    await patient.close()
    server.close()
    await asyncio.wait_for(asyncio.gather(*clients), 10)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (asyncpg.LockNotAvailableError("x"), True),
        (asyncpg.QueryCanceledError("x"), True),
        (asyncpg.DeadlockDetectedError("x"), True),
        (asyncpg.ReadOnlySQLTransactionError("x"), True),
        (asyncpg.DiskFullError("x"), True),
        (asyncpg.UniqueViolationError("x"), False),
        (asyncpg.UndefinedTableError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_is_refused(error: Exception, passes: bool) -> None:
    assert not_now(error) is passes


@pytest.mark.parametrize("way", ["unit", "transaction"])
async def test_a_migration_under_a_running_process_costs_another_try_and_nothing_else(
    execution_room: Room, way: str
) -> None:
    single = Database(execution_room.dsn("execution"), pool_size=1)
    question = "select * from execution.note"

    async def ask() -> None:
        if way == "unit":
            async with single.unit(uuid4()) as unit:
                await unit.connection.fetch(question)
        else:
            async with single.transaction(uuid4()) as session:
                await session.execute(sa.text(question))

    await ask()
    admin = await asyncpg.connect(execution_room.dsn(ADMIN))
    await admin.execute("alter table execution.note add column later text")
    await admin.close()
    with pytest.raises(DatabaseUnavailable):
        await ask()
    await ask()
    await single.close()
