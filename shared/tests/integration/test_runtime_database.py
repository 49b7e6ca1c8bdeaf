"""Units of work, row-level security, migrations, leases and the outbox's rights, on the real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from kit.desk import an_order
from kit.rooms import Room
from sqlalchemy.exc import DBAPIError

from basketry_local.servers.postgres import PostgresServer
from shared.contracts.examples import example_of
from shared.contracts.execution import PositionClosing
from shared.runtime.database import Database, DatabaseUnavailable
from shared.runtime.inbox import first_delivery
from shared.runtime.leases import Leases
from shared.runtime.migrations import check, upgrade
from shared.runtime.outbox import UnknownEvent
from shared.runtime.outbox_rows import OutboxRows
from shared.testing import FakeClock, eventually

MIGRATIONS = Path(__file__).parent / "sample_migrations"

pytestmark = pytest.mark.integration


async def note(room: Room, user: UUID, *, owner: UUID | None = None, table: str = "note") -> UUID:
    made = uuid4()
    async with room.database.transaction(user) as session:
        await session.execute(
            sa.text(f"insert into execution.{table} (id, user_id) values (:id, :owner)"),
            {"id": made, "owner": owner or user},
        )
    return made


async def notes(room: Room, user: UUID | None) -> list[UUID]:
    async with room.database.transaction(user) as session:
        return list((await session.execute(sa.select(room.notes.c.id))).scalars())


async def test_each_user_sees_their_own_rows_and_nobody_sees_none(execution_room: Room) -> None:
    mine, yours = uuid4(), uuid4()
    made = await note(execution_room, mine)
    assert await notes(execution_room, mine) == [made]
    assert await notes(execution_room, yours) == []
    assert await notes(execution_room, None) == []


async def test_reads_that_must_fit_together_see_one_moment(execution_room: Room) -> None:
    user = uuid4()
    count = sa.select(sa.func.count()).select_from(execution_room.notes)
    for one_moment, then in ((True, 0), (False, 1)):
        async with execution_room.database.transaction(user, one_moment=one_moment) as session:
            before = (await session.execute(count)).scalar_one()
            await note(execution_room, user)
            assert (await session.execute(count)).scalar_one() == before + then


async def test_a_row_for_somebody_else_is_refused(execution_room: Room) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        await note(execution_room, uuid4(), owner=uuid4())


async def test_the_owner_of_the_table_is_bound_too(execution_room: Room) -> None:
    await note(execution_room, uuid4())
    owner = Database(execution_room.dsn("execution_owner"))
    async with owner.transaction() as session:
        assert (await session.execute(sa.select(execution_room.notes))).all() == []
    await owner.close()


async def test_a_pooled_connection_forgets_its_user(execution_room: Room) -> None:
    single, user = Database(execution_room.dsn("execution"), pool_size=1), uuid4()
    await note(execution_room, user)
    async with single.transaction(user) as session:
        assert len((await session.execute(sa.select(execution_room.notes))).all()) == 1
    async with single.transaction() as session:
        assert (await session.execute(sa.select(execution_room.notes))).all() == []
    await single.close()


async def test_append_only_rows_cannot_be_changed(execution_room: Room) -> None:
    user = uuid4()
    await note(execution_room, user, table="audit")
    for statement in ("update execution.audit set id = id", "delete from execution.audit", "truncate execution.audit"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await _execute(execution_room, statement, user)


async def _execute(room: Room, statement: str, user: UUID) -> None:
    async with room.database.transaction(user) as session:
        await session.execute(sa.text(statement))


async def test_an_error_rolls_everything_back(execution_room: Room) -> None:
    user = uuid4()

    async def work() -> None:
        async with execution_room.database.transaction(user) as session:
            await session.execute(sa.insert(execution_room.notes).values(id=uuid4(), user_id=user))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert await notes(execution_room, user) == []


async def test_a_cancelled_unit_of_work_leaves_nothing_behind(execution_room: Room) -> None:
    user, inside = uuid4(), asyncio.Event()

    async def work() -> None:
        async with execution_room.database.transaction(user) as session:
            await session.execute(sa.insert(execution_room.notes).values(id=uuid4(), user_id=user))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await notes(execution_room, user) == []


async def test_a_restarted_server_is_used_again_without_an_error(
    execution_room: Room, postgres_server: PostgresServer
) -> None:
    await execution_room.database.ping()
    postgres_server.kill()
    try:
        with pytest.raises(DatabaseUnavailable):
            await execution_room.database.ping()
    finally:
        postgres_server.start()
    await execution_room.database.ping()
    postgres_server.kill()
    postgres_server.start()
    await execution_room.database.ping()


async def test_a_connection_lost_in_the_middle_is_unavailable_too(execution_room: Room) -> None:
    async def work() -> None:
        async with execution_room.database.transaction() as session:
            pid = (await session.execute(sa.text("select pg_backend_pid()"))).scalar_one()
            await execution_room.look("select pg_terminate_backend($1)", pid)
            await session.execute(sa.text("select 1"))

    with pytest.raises(DatabaseUnavailable):
        await work()


async def test_a_refused_statement_is_not_called_unavailable(execution_room: Room) -> None:
    with pytest.raises(DBAPIError):
        await _execute(execution_room, "select 1/0", uuid4())


async def test_migrations_run_again_change_nothing_and_fit_the_code(execution_room: Room) -> None:
    dsn = execution_room.dsn("execution_owner")
    await asyncio.to_thread(upgrade, MIGRATIONS, dsn)
    upgrade(MIGRATIONS, dsn)
    await asyncio.to_thread(check, MIGRATIONS, dsn)


async def test_two_migrations_at_once_take_turns(execution_room: Room) -> None:
    dsn = execution_room.dsn("execution_owner")
    await asyncio.gather(*(asyncio.to_thread(upgrade, MIGRATIONS, dsn) for _ in range(3)))


async def test_a_message_is_first_once_also_at_the_same_time(execution_room: Room) -> None:
    message = uuid4()

    async def take() -> bool:
        async with execution_room.database.transaction() as session:
            first = await first_delivery(session, execution_room.inbox, "a-consumer", message)
            await asyncio.sleep(0.01)
            return first

    assert sorted(await asyncio.gather(*(take() for _ in range(4)))) == [False, False, False, True]


async def test_a_rolled_back_delivery_is_first_again(execution_room: Room) -> None:
    message = uuid4()

    async def fails() -> None:
        async with execution_room.database.transaction() as session:
            assert await first_delivery(session, execution_room.inbox, "a-consumer", message)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with execution_room.database.transaction() as session:
        assert await first_delivery(session, execution_room.inbox, "a-consumer", message)
        assert await first_delivery(session, execution_room.inbox, "another-consumer", message)


async def test_one_holds_a_lease_until_it_expires_and_each_fence_is_larger(execution_room: Room) -> None:
    clock = FakeClock()
    leases = Leases(execution_room.database, execution_room.leases, clock)
    first = await leases.acquire("run:1", "a", 10)
    assert first is not None
    assert await leases.acquire("run:1", "b", 10) is None
    assert await leases.renew("run:1", "a", first, 10)
    clock.advance(11)
    second = await leases.acquire("run:1", "b", 10)
    assert second is not None
    assert second > first
    assert not await leases.renew("run:1", "a", first, 10)
    await leases.release("run:1", "a", first)
    assert await leases.acquire("run:1", "c", 10) is None
    await leases.release("run:1", "b", second)
    third = await leases.acquire("run:1", "c", 10)
    assert third is not None
    assert third > second


async def test_one_of_many_gets_a_lease(execution_room: Room) -> None:
    leases = Leases(execution_room.database, execution_room.leases, FakeClock())
    fences = await asyncio.gather(*(leases.acquire("run:1", str(n), 10) for n in range(8)))
    assert len([fence for fence in fences if fence is not None]) == 1


async def test_only_ones_own_events_can_be_published(execution_room: Room) -> None:
    user = uuid4()
    async with execution_room.database.transaction(user) as session:
        with pytest.raises(UnknownEvent):
            await execution_room.events.add(
                session, an_order(user, user), user_id=user, entity_id=user, aggregate_id=user, aggregate_version=1
            )


async def an_event(room: Room, user: UUID, *, of: UUID | None = None) -> UUID:
    async with room.database.transaction(user) as session:
        return await room.events.add(
            session,
            PositionClosing.model_validate(example_of(PositionClosing.model_json_schema())),
            user_id=of or user,
            entity_id=user,
            aggregate_id=user,
            aggregate_version=1,
        )


@pytest.fixture
async def relay(execution_room: Room) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(execution_room.dsn("execution_relay"), timeout=10)
    yield connection
    await connection.close()


async def test_the_outbox_takes_no_event_of_another_user(execution_room: Room) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        await an_event(execution_room, uuid4(), of=uuid4())


async def test_the_relay_sees_every_event_and_nothing_else(execution_room: Room, relay: asyncpg.Connection) -> None:
    made = [await an_event(execution_room, uuid4()) for _ in range(3)]
    rows = await OutboxRows(relay, "execution").unsent(10, without=[])
    assert [row.id for row in rows] == made
    for table in ("note", "inbox", "lease"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await relay.fetch(f"select * from execution.{table}")
    with pytest.raises(DBAPIError, match="permission denied"):
        await _execute(execution_room, "update execution.outbox set sent_at = now()", uuid4())


async def test_rows_of_an_older_stream_go_out_again_within_its_age(
    execution_room: Room, relay: asyncpg.Connection
) -> None:
    rows, made = OutboxRows(relay, "execution"), [await an_event(execution_room, uuid4()) for _ in range(3)]
    first = datetime.now(UTC) - timedelta(days=2)
    await rows.mark_sent(await rows.unsent(10, without=[]), {"EXECUTION": first})
    await execution_room.look(
        "update execution.outbox set created_at = now() - interval '1 day' where id = $1", made[0]
    )
    assert await rows.unmark_older("EXECUTION", first, 3600) == 0
    assert await rows.unmark_older("EXECUTION", first + timedelta(seconds=1), 3600) == 2
    assert [row.id for row in await rows.unsent(10, without=[])] == made[1:]
    assert await rows.oldest_age_s() < 60


async def test_old_sent_rows_are_pruned_and_unsent_ones_never(execution_room: Room, relay: asyncpg.Connection) -> None:
    rows, made = OutboxRows(relay, "execution"), [await an_event(execution_room, uuid4()) for _ in range(3)]
    await rows.mark_sent((await rows.unsent(10, without=[]))[:2], {"EXECUTION": datetime.now(UTC)})
    await execution_room.look(
        "update execution.outbox set created_at = now() - interval '90 days' where id = any($1)", [made[0], made[2]]
    )
    await rows.prune()
    assert [
        row["id"] for row in await execution_room.look("select id from execution.outbox order by position")
    ] == made[1:]


async def test_one_relay_leads(execution_room: Room, relay: asyncpg.Connection) -> None:
    other = await asyncpg.connect(execution_room.dsn("execution_relay"), timeout=10)
    assert await OutboxRows(relay, "execution").take_the_lead()
    assert not await OutboxRows(other, "execution").take_the_lead()
    await relay.close()
    await eventually(OutboxRows(other, "execution").take_the_lead)
    await other.close()
