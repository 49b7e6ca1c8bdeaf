"""What every implementation of execution's books promises: PostgreSQL, and the one in memory that simulations use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.memory_execution_books import MemoryBooks, MemoryDeskRegister
from kit.memory_house import House
from kit.one_desk import ACCOUNT, T0, a_leg, a_position, a_run, an_intent, at

from basketry_local.testing.databases import TestDatabases
from execution.application.book_ports import Books, Reservation, UnstorableError
from execution.application.ports import DeskLease, DeskNeed, DeskRegister
from execution.domain.account_flow import AccountFlow
from execution.domain.fill import Fill
from execution.domain.journal import JournalLine, LedgerAccount
from execution.domain.position import PositionHolding, RunState
from execution.domain.shortage import AnswerRecord, Share, Shortage, ShortageAnswer, ShortageState
from execution.inbound.views import fill_view, flow_view, leg_view, position_view, release_view, shortage_view
from execution.outbound.postgres.announcements import Announcer, Views
from execution.outbound.postgres.books import PostgresBooks
from execution.outbound.postgres.desk_register import PostgresDeskRegister
from execution.outbound.postgres.tables import outbox
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.clock import SystemClock
from shared.trading.flow import FlowKind
from shared.trading.status import AttemptState, Side

pytestmark = pytest.mark.integration
D = Decimal
USER, ACCOUNT_ID, POSITION = ACCOUNT.user_id, ACCOUNT.account_id, a_position().position_id
OWNED: dict[str, Any] = {"user_id": USER, "account_id": ACCOUNT_ID, "position_id": POSITION}
LEASE = timedelta(seconds=30)


@dataclass
class Rooms:
    books: Books
    register: DeskRegister


@pytest.fixture(params=["postgres", "memory"])
async def rooms(
    request: pytest.FixtureRequest, make_database: Callable[..., Awaitable[TestDatabases]]
) -> AsyncIterator[Rooms]:
    if request.param == "memory":
        house = House()
        yield Rooms(MemoryBooks(house), MemoryDeskRegister(house, SystemClock(), lease=LEASE))
        return
    databases = await make_database("execution")
    pool = Database(databases.dsn("execution"))
    views = Views(
        position=position_view,
        leg=leg_view,
        fill=fill_view,
        flow=flow_view,
        shortage=shortage_view,
        release=release_view,
    )
    writer = Outbox(outbox, source="execution", clock=FakeClock(), ids=FakeIds())
    yield Rooms(PostgresBooks(pool, Announcer(writer, FakeIds(), views)), PostgresDeskRegister(pool, lease=LEASE))
    await pool.close()


async def a_run_with_its_leg(rooms: Rooms) -> None:
    async with rooms.books.work(USER) as work:
        await work.add_position(a_position())
        await work.add_run(a_run())
        await work.add_legs([a_leg()])


def a_holding(asset: str = "BTC", quantity: str = "1", **changes: Any) -> PositionHolding:
    values = {**OWNED, "asset": asset, "symbol": f"{asset}USDT", "target_weight": D("0.5"), "quantity": D(quantity)}
    return PositionHolding(**(values | changes))


def a_fill(exec_id: str, minute: int = 0) -> Fill:
    return Fill(
        **OWNED, exec_id=exec_id, leg_id=a_leg().leg_id, run_id=a_run().run_id, symbol="BTCUSDT", base_asset="BTC",
        quote_asset="USDT", side=Side.BUY, price=D("100.000000000000000001"), quantity=D(1), fee=D("0.001"),
        fee_asset="BTC", at=T0 + timedelta(minutes=minute), client_order_id="link", venue_order_id="v", booked_at=T0,
    )  # fmt: skip


def a_flow(flow_id: str, minute: int) -> AccountFlow:
    return AccountFlow(
        account_id=ACCOUNT_ID, flow_id=flow_id, user_id=USER, kind=FlowKind.TRANSFER_IN, venue_type="TRANSFER_IN",
        asset="BTC", amount=D(1), at=T0 + timedelta(minutes=minute), booked_at=T0,
    )  # fmt: skip


def a_shortage(number: int = 1, **changes: Any) -> Shortage:
    values: dict[str, Any] = {
        "shortage_id": UUID(int=number), "user_id": USER, "account_id": ACCOUNT_ID, "asset": "BTC",
        "quantity": D("0.5"), "found_at": at(number), "changed_at": at(number),
    }  # fmt: skip
    return Shortage(**(values | changes))


async def test_what_commits_is_there_exactly_and_what_fails_leaves_nothing(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)

    async def interrupted() -> None:
        async with rooms.books.work(USER) as work:
            await work.save_position(replace(a_position(), invested=D(5)))
            await work.save_holdings([a_holding()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await interrupted()
    async with rooms.books.work(USER) as work:
        assert await work.position(POSITION) == a_position()
        assert await work.run(a_run().run_id) == a_run()
        assert await work.legs_of_run(a_run().run_id) == [a_leg()]
        assert await work.legs([a_leg().leg_id, uuid4()]) == [a_leg()]
        assert await work.holdings([POSITION]) == []


async def test_a_transaction_sees_its_own_changes_and_others_only_see_them_committed(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    async with rooms.books.work(USER) as work, rooms.books.work(USER) as other:
        await work.save_holdings([a_holding(quantity="2"), a_holding("ADA")])
        assert [row.asset for row in await work.holdings([POSITION])] == ["ADA", "BTC"]
        assert await other.holdings([POSITION]) == []
    async with rooms.books.work(USER) as work:
        assert await work.holdings([POSITION]) == [a_holding("ADA"), a_holding(quantity="2")]


async def test_another_users_rows_do_not_exist(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    async with rooms.books.work(uuid4()) as work:
        assert await work.position(POSITION) is None
        assert await work.positions_of(ACCOUNT_ID) == []
        assert await work.run(a_run().run_id) is None
        assert await work.legs_of_position(POSITION) == []
        assert await work.spoken_for(ACCOUNT_ID, "USDT") == 0


async def test_ids_that_are_taken_are_refused_with_all_that_came_along(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    like_ours = UUID(int=POSITION.int | 1 << 100)
    line = JournalLine(**OWNED, source="e1", number=0, ledger=LedgerAccount.POSITION, asset="BTC", amount=D(1), at=T0)
    async with rooms.books.work(USER) as work:
        await work.add_fills([a_fill("e1")])
        await work.add_lines([line])
        await work.add_flows([a_flow("t1", 0)])
        await work.add_attempts([an_intent()])
    twice: list[Callable[[Any], Awaitable[None]]] = [
        lambda work: work.add_fills([a_fill("e1")]),
        lambda work: work.add_lines([line]),
        lambda work: work.add_flows([a_flow("t1", 1)]),
        lambda work: work.add_run(a_run()),
        lambda work: work.add_legs([replace(a_leg(), leg_id=uuid4())]),
        lambda work: work.add_attempts([an_intent(attempt_id=uuid4(), number=1)]),
        lambda work: work.add_attempts([an_intent(attempt_id=uuid4(), link_id="other")]),
        lambda work: work.add_position(replace(a_position(), position_id=like_ours)),
    ]

    async def committed(again: Callable[[Any], Awaitable[None]]) -> None:
        async with rooms.books.work(USER) as work:
            await work.save_holdings([a_holding()])
            await again(work)

    for again in twice:
        with pytest.raises(UnstorableError):
            await committed(again)
    async with rooms.books.work(USER) as work:
        assert await work.holdings([POSITION]) == []
        assert await work.known_fills(ACCOUNT_ID, ["e1", "e2"]) == {"e1"}
        assert await work.known_flows(ACCOUNT_ID, ["t1", "t2"]) == {"t1"}


async def test_nobody_holds_or_puts_aside_less_than_nothing(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    below = Reservation(**OWNED, holder_id=uuid4(), run_id=uuid4(), asset="BTC", amount=D("-0.1"))
    share = Share(**OWNED, shortage_id=UUID(int=1), asset="BTC", quantity=D(0))
    refused: list[Callable[[Any], Awaitable[None]]] = [
        lambda work: work.save_holdings([a_holding(quantity="-0.1")]),
        lambda work: work.reserve([below]),
        lambda work: work.save_shortage(a_shortage(), [share]),
    ]
    for below_nothing in refused:
        with pytest.raises(UnstorableError):
            async with rooms.books.work(USER) as work:
                await below_nothing(work)


async def test_a_message_counts_once_unless_its_effect_was_rolled_back(rooms: Rooms) -> None:
    message = uuid4()

    async def interrupted() -> None:
        async with rooms.books.work(USER) as work:
            assert await work.first_delivery("orders", message)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await interrupted()
    seen: list[bool] = []

    async def deliver() -> None:
        async with rooms.books.work(USER) as work:
            seen.append(await work.first_delivery("orders", message))
            await asyncio.sleep(0.01)

    await asyncio.gather(*(deliver() for _ in range(3)))
    assert sorted(seen) == [False, False, True]
    async with rooms.books.work(USER) as work:
        assert await work.first_delivery("tasks", message)


async def test_writers_of_one_account_go_one_after_the_other(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)

    async def one_more() -> None:
        async with rooms.books.work(USER) as work:
            await work.lock(ACCOUNT_ID)
            found = await work.position(POSITION)
            assert found is not None
            await asyncio.sleep(0.005)
            await work.save_position(replace(found, version=found.version + 1))

    await asyncio.gather(*(one_more() for _ in range(6)))
    async with rooms.books.work(USER) as work:
        found = await work.position(POSITION)
    assert found is not None
    assert found.version == a_position().version + 6


async def test_money_is_spoken_for_by_what_is_more_own_cash_or_what_is_put_aside(rooms: Rooms) -> None:
    other = UUID(int=44)
    async with rooms.books.work(USER) as work:
        await work.add_position(replace(a_position(), contributed=D(100), invested=D(60)))
        await work.add_position(replace(a_position(), position_id=other, contributed=D(10)))
        mine = Reservation(**OWNED, holder_id=UUID(int=5), run_id=UUID(int=5), asset="USDT", amount=D(25))
        theirs = replace(mine, position_id=other, holder_id=UUID(int=6), run_id=UUID(int=6), amount=D(30))
        await work.reserve([mine, replace(mine, holder_id=UUID(int=7), asset="BTC"), theirs])
        assert await work.spoken_for(ACCOUNT_ID, "USDT") == D(40) + D(30)
        assert await work.reservations_of_run(UUID(int=6)) == [theirs]
        await work.reserve([replace(mine, amount=D(45))])
        assert await work.spoken_for(ACCOUNT_ID, "USDT") == D(45) + D(30)
        await work.release([UUID(int=6)])
        assert await work.reservations_of_position(other) == []
        assert await work.spoken_for(ACCOUNT_ID, "USDT") == D(45) + D(10)


async def test_what_trades_comes_oldest_first_and_what_is_over_does_not(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    younger = a_run(run_id=UUID(int=50), accepted_at=at(-60))
    over = a_run(run_id=UUID(int=51), state=RunState.SETTLED, settled_at=T0)
    leg = replace(a_leg(), leg_id=UUID(int=60), run_id=younger.run_id)
    intents = [an_intent(attempt_id=UUID(int=70 + n), number=n, link_id=f"l{n}", intent_at=at(-n)) for n in range(3)]
    async with rooms.books.work(USER) as work:
        await work.add_run(younger)
        await work.add_run(over)
        await work.add_legs([leg])
        await work.add_attempts(intents)
        await work.save_attempts([replace(intents[1], state=AttemptState.FILLED)])
        await work.save_attempts([an_intent(attempt_id=uuid4(), link_id="nowhere")])
    async with rooms.books.work(USER) as work:
        assert await work.trading_runs(ACCOUNT_ID) == [younger, a_run()]
        assert await work.legs_of_position(POSITION) == [leg, a_leg()]
        assert await work.open_attempts(ACCOUNT_ID) == [intents[2], intents[0]]
        assert {row.link_id for row in await work.attempts_by_link(["l0", "l1", "nowhere"])} == {"l0", "l1"}


async def test_fills_and_flows_come_in_their_order_page_by_page(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    async with rooms.books.work(USER) as work:
        assert await work.first_fill_at(ACCOUNT_ID) is None
        await work.add_fills([a_fill("b", 2), a_fill("a", 2), a_fill("c", 1)])
        await work.add_flows([a_flow("a", 1), a_flow("b", 2), a_flow("c", 2)])
    async with rooms.books.work(USER) as work:
        assert await work.fills_of_position(POSITION) == [a_fill("c", 1), a_fill("a", 2), a_fill("b", 2)]
        assert await work.first_fill_at(ACCOUNT_ID) == T0 + timedelta(minutes=1)
        first = await work.flows(ACCOUNT_ID, before=None, limit=2)
        rest = await work.flows(ACCOUNT_ID, before=(first[-1].at, first[-1].flow_id), limit=2)
    assert [flow.flow_id for flow in (*first, *rest)] == ["c", "b", "a"]


async def test_one_shortage_of_a_coin_stands_open_and_its_shares_are_replaced_together(rooms: Rooms) -> None:
    await a_run_with_its_leg(rooms)
    other = replace(a_position(), position_id=UUID(int=45))
    shares = [Share(**(OWNED | {"position_id": one}), shortage_id=UUID(int=1), asset="BTC", quantity=D("0.25"))
              for one in (POSITION, other.position_id)]  # fmt: skip
    async with rooms.books.work(USER) as work:
        await work.add_position(other)
        await work.save_shortage(a_shortage(), shares)
        await work.save_shortage(a_shortage(), shares[:1])
    with pytest.raises(UnstorableError):
        async with rooms.books.work(USER) as work:
            await work.save_shortage(a_shortage(2), [])
    answer = AnswerRecord(
        user_id=USER, account_id=ACCOUNT_ID, shortage_id=UUID(int=1), asset="BTC", quantity=D(1),
        how=ShortageAnswer.SOLD, at=T0,
    )  # fmt: skip
    async with rooms.books.work(USER) as work:
        assert await work.missing_coins(ACCOUNT_ID) == {POSITION: {"BTC": D("0.25")}}
        await work.save_shortage(a_shortage(state=ShortageState.RESOLVED, how="sold"), shares[:1])
        await work.save_shortage(a_shortage(2), shares[:0])
        await work.add_answer(answer)
    with pytest.raises(UnstorableError):
        async with rooms.books.work(USER) as work:
            await work.add_answer(answer)
    async with rooms.books.work(USER) as work:
        assert await work.open_shortage(ACCOUNT_ID, "BTC") == (a_shortage(2), {})
        assert [one for one, _ in await work.shortages(ACCOUNT_ID)] == [a_shortage(2)]
        ended = await work.last_shortage(ACCOUNT_ID, "BTC", UUID(int=1))
        assert ended == (a_shortage(state=ShortageState.RESOLVED, how="sold"), {POSITION: D("0.25")})
        newest = await work.last_shortage(ACCOUNT_ID, "BTC", None)
        assert newest is not None
        assert newest[0] == a_shortage(2)


async def test_a_desk_is_lent_to_one_and_its_number_grows(rooms: Rooms) -> None:
    soon = SystemClock().now() + timedelta(minutes=5)
    async with rooms.books.work(USER) as work:
        assert not await work.fenced(ACCOUNT_ID, 1)
        await work.want_desk(ACCOUNT, trades=True, watch_until=SystemClock().now())
        await work.want_desk(ACCOUNT, trades=False, watch_until=soon)
    [first] = await rooms.register.claim("a", limit=5)
    assert first.account == ACCOUNT
    assert await rooms.register.claim("b", limit=5) == []
    assert await rooms.register.renew(first, "a") is DeskNeed.WORK
    assert await rooms.register.renew(first, "b") is DeskNeed.LOST
    async with rooms.books.work(USER) as work:
        assert await work.fenced(ACCOUNT_ID, first.fence)
        await work.rest_desk(ACCOUNT_ID)
    assert await rooms.register.renew(first, "a") is DeskNeed.WATCH
    await rooms.register.release(first, "a")
    await asyncio.sleep(0.01)
    assert await rooms.register.claim("b", limit=5, serving=[ACCOUNT_ID]) == []
    [second] = await rooms.register.claim("b", limit=5)
    assert second.fence == first.fence + 1
    async with rooms.books.work(USER) as work:
        assert not await work.fenced(ACCOUNT_ID, first.fence)
    assert await rooms.register.renew(DeskLease(account=ACCOUNT, fence=first.fence), "b") is DeskNeed.LOST
    assert await rooms.register.accounts(after=None, limit=5) == [ACCOUNT]
    assert await rooms.register.accounts(after=ACCOUNT_ID, limit=5) == []
