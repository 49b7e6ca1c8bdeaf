"""What every implementation of the gateway's picture, orders and rebalancings promises: PostgreSQL, and memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import pytest
from kit.gateway_builders import ACCOUNT, a_plan
from kit.memory_gateway_orders import MemoryAcceptances
from kit.memory_gateway_picture import MemoryPictures, MemoryPlans
from kit.memory_gateway_rebalancings import MemoryRebalancings
from kit.memory_house import House, Transaction

from basketry_local.testing.databases import TestDatabases
from gateway.application.ports import Acceptances, Message, Pictures, Strokes
from gateway.application.rebalance_ports import DueLook, Rebalancings
from gateway.domain.accepted import Accepted
from gateway.domain.account_break import AccountBreak
from gateway.domain.errors import PositionNotFound, PositionOver
from gateway.domain.position import Position
from gateway.domain.rebalancing import RebalanceMode, RebalanceSettings, Trigger
from gateway.outbound.postgres.acceptance_repository import PostgresAcceptances
from gateway.outbound.postgres.picture_repository import PostgresPictures
from gateway.outbound.postgres.plan_repository import PostgresPlanRepository
from gateway.outbound.postgres.rebalancing_repository import PostgresRebalancings
from gateway.outbound.postgres.tables import outbox
from shared.contracts.rpc.plans import PlanView
from shared.runtime.database import Database
from shared.runtime.outbox import Announcement, Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.status import PositionStatus, VenueEnvironment

pytestmark = pytest.mark.integration
D = Decimal
ADA, BOB = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AUTOMATIC = RebalanceSettings(mode=RebalanceMode.AUTOMATIC)


class Plans(Protocol):
    """The shelf of plans."""

    async def keep(self, plan: PlanView) -> None: ...

    async def find(self, user_id: UUID, plan_id: UUID) -> PlanView | None: ...


@dataclass
class Rooms:
    """The ports over one kind of storage.

    Attributes:
        told: Type and version of every event that committed, in order.
    """

    pictures: Pictures
    plans: Plans
    acceptances: Acceptances
    rebalancings: Rebalancings
    told: Callable[[], Awaitable[list[tuple[str, int]]]]


@pytest.fixture(params=["postgres", "memory"])
async def rooms(
    request: pytest.FixtureRequest, make_database: Callable[..., Awaitable[TestDatabases]]
) -> AsyncIterator[Rooms]:
    if request.param == "memory":
        yield in_memory()
        return
    databases = await make_database("gateway")
    pool, relay = Database(databases.dsn("gateway")), Database(databases.relay_dsn("gateway"), pool_size=2)
    yield in_postgres(databases, pool, relay)
    await pool.close()
    await relay.close()


def in_memory() -> Rooms:
    house, heard = House(), list[tuple[str, int]]()

    async def say(transaction: Transaction, told: Sequence[Announcement]) -> None:
        transaction.on_commit(lambda: heard.extend((type(one.data).__name__, one.aggregate_version) for one in told))

    async def told() -> list[tuple[str, int]]:
        return heard

    return Rooms(
        MemoryPictures(house), MemoryPlans(house), MemoryAcceptances(house, say), MemoryRebalancings(house, say), told
    )


def in_postgres(databases: TestDatabases, pool: Database, relay: Database) -> Rooms:
    writer = Outbox(outbox, source="gateway", clock=FakeClock(), ids=FakeIds())

    async def told() -> list[tuple[str, int]]:
        connection = await asyncpg.connect(databases.admin_dsn("gateway"), timeout=5)
        try:
            rows = await connection.fetch("select body from gateway.outbox order by position")
        finally:
            await connection.close()
        bodies = [json.loads(row["body"]) for row in rows]
        words = [(body["type"].split(".")[-1], body["aggregate_version"]) for body in bodies]
        return [("".join(part.title() for part in word.split("_")), version) for word, version in words]

    return Rooms(
        PostgresPictures(pool),
        PostgresPlanRepository(pool),
        PostgresAcceptances(pool, writer),
        PostgresRebalancings(everybody=relay, database=pool, outbox=writer),
        told,
    )


def a_position(position_id: UUID, *, version: int = 1, **other: Any) -> Position:
    facts: dict[str, Any] = {
        "position_id": position_id, "user_id": ADA, "account_id": ACCOUNT, "environment": VenueEnvironment.PAPER,
        "plan_id": uuid4(), "index_id": "top-10", "index_version": 3, "status": PositionStatus.ACTIVE,
        "complete": True, "reasons": [], "blocked_reason": None, "policy": "HOLD", "run_id": uuid4(),
        "run_kind": "buy", "approved_amount": D(250), "invested": D("250.00025"), "proceeds": D(0),
        "created_at": NOW, "updated_at": NOW, "version": version,
    }  # fmt: skip
    return Position(**(facts | other))


async def paint(rooms: Rooms, *positions: Position, message_id: UUID | None = None, **strokes: Any) -> None:
    message = Message(
        consumer="gateway-execution", event_id=message_id or uuid4(), user_id=ADA, type="execution.position", at=NOW
    )
    await rooms.pictures.paint(message, Strokes(positions=positions, **strokes))


async def seen(rooms: Rooms, position_id: UUID, user_id: UUID = ADA) -> Position | None:
    async with rooms.acceptances.begin(user_id) as work:
        return await work.position(position_id)


async def test_the_newest_version_of_a_position_wins_and_a_message_counts_once(rooms: Rooms) -> None:
    first, message = a_position(uuid4(), version=2), uuid4()
    await paint(rooms, first, message_id=message)
    newer = replace(first, version=3, cash=D("1.5"), plan_id=None, created_at=NOW + timedelta(days=1))
    await paint(rooms, newer)
    await paint(rooms, replace(first, cash=D(9)))
    await paint(rooms, replace(newer, version=4, cash=D(7)), message_id=message)
    found = await seen(rooms, first.position_id)
    assert found == replace(newer, plan_id=first.plan_id, created_at=NOW), "what was said at acceptance stays"
    assert await seen(rooms, first.position_id, BOB) is None


async def test_what_is_chosen_is_kept_and_looked_at_by_one_at_a_time(rooms: Rooms) -> None:
    position = a_position(uuid4())
    await paint(rooms, position)
    shelf, later = rooms.rebalancings, NOW + timedelta(seconds=60)
    assert await shelf.of(ADA, position.position_id) is None
    await shelf.choose(ADA, position.position_id, AUTOMATIC, NOW)
    look = DueLook(position_id=position.position_id, user_id=ADA)
    assert await shelf.due(NOW - timedelta(seconds=1), limit=10) == []
    assert await shelf.due(NOW, limit=10) == [look]
    assert await shelf.take(replace(look, user_id=BOB), NOW, until=later) is None
    first = await shelf.take(look, NOW, until=later)
    assert first is not None
    assert (first.position, first.valuation, first.ordered_at, list(first.breaks)) == (position, None, None, [])
    assert await shelf.take(look, NOW, until=later) is None, "somebody has it"
    second = await shelf.take(look, later, until=later + timedelta(seconds=60))
    assert second is not None
    assert second.rebalancing.fence == first.rebalancing.fence + 1
    found = second.rebalancing.started(Trigger.DRIFT, plan_id=uuid4(), now=later)
    await shelf.settle(first, found)
    assert await rooms.told() == [], "who came back too late writes nothing"
    await shelf.settle(second, found)
    kept = await shelf.of(ADA, position.position_id)
    assert kept is not None
    assert (kept.state, kept.trigger, kept.plan_id, kept.last_at) == (found.state, found.trigger, found.plan_id, later)
    assert await rooms.told() == [("RebalanceStarted", 1)]


async def test_a_new_choice_moves_the_fence_and_manual_is_never_due(rooms: Rooms) -> None:
    position, gone = a_position(uuid4()), a_position(uuid4(), status=PositionStatus.CLOSED)
    await paint(rooms, position, gone)
    shelf, look = rooms.rebalancings, DueLook(position_id=position.position_id, user_id=ADA)
    for user_id, position_id, refusal in (
        (BOB, position.position_id, PositionNotFound),
        (ADA, uuid4(), PositionNotFound),
        (ADA, gone.position_id, PositionOver),
    ):
        with pytest.raises(refusal):
            await shelf.choose(user_id, position_id, AUTOMATIC, NOW)
    await shelf.choose(ADA, position.position_id, AUTOMATIC, NOW)
    taken = await shelf.take(look, NOW, until=NOW + timedelta(seconds=60))
    assert taken is not None
    await shelf.choose(ADA, position.position_id, RebalanceSettings(), NOW)
    async with rooms.acceptances.begin(ADA) as work:
        assert not await work.rebalances_itself(position.position_id, fence=taken.rebalancing.fence)
    await shelf.settle(taken, taken.rebalancing.blocked(Trigger.DRIFT, "run_open", now=NOW))
    assert await rooms.told() == []
    assert await shelf.due(NOW + timedelta(days=1), limit=10) == []
    kept = await shelf.of(ADA, position.position_id)
    assert kept is not None
    assert kept.settings == RebalanceSettings()


def accepted_of(plan: PlanView, position_id: UUID, at: datetime = NOW) -> Accepted:
    return Accepted(
        position_id=position_id, plan_id=plan.plan_id, account_id=plan.account_id, environment=plan.environment,
        index_id=plan.index_id, status=PositionStatus.ACTIVE, amount=plan.amount, accepted_at=at,
    )  # fmt: skip


async def test_a_plan_is_ordered_once_and_its_command_is_told_in_the_same_commit(rooms: Rooms) -> None:
    position = a_position(uuid4(), version=5)
    await paint(rooms, position)
    plan = a_plan(ADA, kind="rebalance", position_id=position.position_id, position_version=5)
    await rooms.plans.keep(plan)
    found = await rooms.plans.find(ADA, plan.plan_id)
    assert found is not None
    assert (found.plan_id, found.kind, found.amount, found.ceilings) == (
        plan.plan_id,
        plan.kind,
        plan.amount,
        plan.ceilings,
    )
    assert await rooms.plans.find(BOB, plan.plan_id) is None
    accepted, ends = accepted_of(plan, position.position_id), NOW + timedelta(minutes=10)

    async def interrupted() -> None:
        async with rooms.acceptances.begin(ADA) as work:
            known = await work.plan(plan.plan_id)
            assert known is not None
            assert await work.remember("key", "print", accepted) is None
            assert await work.run(known, accepted, position, signing_ends=ends)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await interrupted()
    assert await rooms.told() == []
    async with rooms.acceptances.begin(ADA) as work:
        known = await work.plan(plan.plan_id)
        assert known is not None
        assert await work.answer("key") is None
        assert await work.traded(plan.plan_id) is None
        assert await work.remember("key", "print", accepted) is None
        assert await work.run(known, accepted, position, signing_ends=ends)
    async with rooms.acceptances.begin(ADA) as work:
        earlier = await work.remember("key", "other", accepted)
        assert earlier is not None
        assert (earlier.fingerprint, earlier.accepted) == ("print", accepted)
        assert not await work.run(known, accepted, position, signing_ends=ends), "a plan is used once"
        traded = await work.traded(plan.plan_id)
        assert traded is not None
        assert (traded.position_id, traded.stands, traded.opened) == (position.position_id, "taken", False)
        assert traded.ordered_at == accepted.accepted_at
        assert await work.closing(position, since=NOW - timedelta(seconds=1))
        assert not await work.closing(position, since=NOW)
        assert not await work.closing(replace(position, version=6), since=NOW - timedelta(seconds=1))
    assert await rooms.told() == [("ExecutePlan", 2)]


async def test_a_look_knows_the_last_order_and_the_breaks_that_stop_it(rooms: Rooms) -> None:
    position = a_position(uuid4(), version=5)
    breaks = [
        AccountBreak(
            break_id=uuid4(), user_id=ADA, account_id=ACCOUNT, break_class=kind, status=status, at=NOW, version=1
        )
        for kind, status in (("D10", "open"), ("D10", "open"), ("D1", "resolved"), ("D5", "open"))
    ]
    await paint(rooms, position, breaks=breaks)
    for kind, minute in (("rebalance", 1), ("rebalance", 2), ("withdraw", 3)):
        plan = a_plan(ADA, kind=kind, position_id=position.position_id, position_version=5)
        await rooms.plans.keep(plan)
        accepted = accepted_of(plan, position.position_id, NOW + timedelta(minutes=minute))
        async with rooms.acceptances.begin(ADA) as work:
            known = await work.plan(plan.plan_id)
            assert known is not None
            assert await work.run(known, accepted, position, signing_ends=NOW)
    await rooms.rebalancings.choose(ADA, position.position_id, AUTOMATIC, NOW)
    look = DueLook(position_id=position.position_id, user_id=ADA)
    taken = await rooms.rebalancings.take(look, NOW, until=NOW + timedelta(seconds=60))
    assert taken is not None
    assert taken.ordered_at == NOW + timedelta(minutes=2)
    assert list(taken.breaks) == ["D10"]
    assert await rooms.told() == [("ExecutePlan", number) for number in (2, 3, 4)]
