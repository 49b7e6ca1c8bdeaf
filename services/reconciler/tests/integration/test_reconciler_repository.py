from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import pytest
from kit.memory_house import House
from kit.memory_reconciler_desk import MemoryAgenda, MemoryDesk
from kit.memory_reconciler_results import MemoryResults

from basketry_local.testing.databases import TestDatabases
from reconciler.application.ports import Agenda, Desk
from reconciler.application.read_results import ResultsShelf
from reconciler.application.thin_points import ThinningList, ThinPoints
from reconciler.domain.ages import ages_at
from reconciler.domain.announcements import Break, PnlPoint
from reconciler.domain.books import Account, HeldCoin, PositionBook
from reconciler.domain.findings import Finding, Scope
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import AccountProgress, ActivePosition, Border
from reconciler.outbound.postgres.agenda import PostgresAgenda
from reconciler.outbound.postgres.desk import PostgresDesk
from reconciler.outbound.postgres.result_rows import PostgresResults
from reconciler.outbound.postgres.tables import outbox
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.status import BreakClass, PositionStatus, Side, VenueEnvironment

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Rooms:
    """The ports over one kind of storage; whoever passes these tests behaves as the others do."""

    desk: Desk
    agenda: Agenda
    shelf: Shelf
    admin_dsn: str | None = None


class Shelf(ResultsShelf, ThinningList, Protocol):
    """Both ports of what was kept."""


@pytest.fixture(params=["postgres", "memory"])
async def rooms(
    request: pytest.FixtureRequest, make_database: Callable[..., Awaitable[TestDatabases]]
) -> AsyncIterator[Rooms]:
    if request.param == "memory":
        house = House()
        yield Rooms(MemoryDesk(house), MemoryAgenda(house), MemoryResults(house))
        return
    database = await make_database("reconciler")
    pool = Database(database.dsn("reconciler"))
    writer = Outbox(outbox, source="reconciler", clock=FakeClock(), ids=FakeIds())
    admin = database.admin_dsn("reconciler")
    yield Rooms(PostgresDesk(pool, writer), PostgresAgenda(pool, writer), PostgresResults(pool), admin)
    await pool.close()


def an_account(user_id: UUID | None = None) -> Account:
    return Account(user_id=user_id or uuid4(), account_id=uuid4(), environment=VenueEnvironment.PAPER)


def a_coin(asset: str, quantity: str = "1") -> HeldCoin:
    return HeldCoin(
        asset=asset,
        symbol=f"{asset}USDT",
        quantity=Decimal(quantity),
        cost=Decimal("10.000000000000000001"),
        realised=Decimal(0),
        target_weight=Decimal("0.5"),
    )


def a_book(account: Account, *coins: HeldCoin, **changes: Any) -> PositionBook:
    values: dict[str, Any] = {
        "account": account,
        "position_id": uuid4(),
        "status": PositionStatus.ACTIVE,
        "index_id": "top-10",
        "invested": Decimal(20),
        "proceeds": Decimal(0),
        "fees": Decimal("0.02"),
        "coins": coins or (a_coin("BTC"), a_coin("ETH")),
        "traded_at": NOW,
    }
    return PositionBook(**(values | changes))


async def keep(rooms: Rooms, book: PositionBook) -> Any:
    async with rooms.desk.work(book.account.user_id) as work:
        await work.save_book(book)
        return (await work.tracked(position_ids=[book.position_id]))[0]


async def test_a_book_comes_back_exactly_and_changed_coins_replace_the_old(rooms: Rooms) -> None:
    book = a_book(an_account())
    assert (await keep(rooms, book)).book == book
    newer = replace(book, coins=(a_coin("ETH", "2.5"),), traded_at=NOW + timedelta(seconds=1))
    assert (await keep(rooms, newer)).book == newer
    assert (await keep(rooms, replace(book, fees=Decimal(9)))).book == newer


async def test_only_positions_with_something_to_value_are_listed_in_pages(rooms: Rooms) -> None:
    users = sorted([uuid4() for _ in range(3)])
    books = [a_book(an_account(user)) for user in users for _ in range(3)]
    for book in books:
        await keep(rooms, book)
    await keep(rooms, replace(books[0], status=PositionStatus.CLOSED))
    found: list[ActivePosition] = []
    after: ActivePosition | None = None
    while page := await rooms.agenda.active(after=after, limit=3):
        found += page
        after = page[-1]
    assert {entry.position_id for entry in found} == {book.position_id for book in books[1:]}
    assert [entry.user_id for entry in found] == sorted(entry.user_id for entry in found)


async def test_somebody_elses_position_is_not_there(rooms: Rooms) -> None:
    book = a_book(an_account())
    await keep(rooms, book)
    async with rooms.desk.work(uuid4()) as work:
        assert await work.tracked(position_ids=[book.position_id]) == []


async def test_a_busy_position_is_passed_over(rooms: Rooms) -> None:
    book = a_book(an_account())
    await keep(rooms, book)
    user = book.account.user_id
    async with rooms.desk.work(user) as work, rooms.desk.work(user) as other:
        assert len(await work.tracked(position_ids=[book.position_id])) == 1
        assert await other.tracked(position_ids=[book.position_id], skip_busy=True) == []


async def test_breaks_and_progress_come_back(rooms: Rooms) -> None:
    account = an_account()
    finding = Finding(
        break_class=BreakClass.D5,
        scope=Scope.NOTES,
        subject="t1",
        detail="a transfer",
        asset="BTC",
        ours=Decimal(0),
        theirs=Decimal("-1e-8"),
        expected=True,
    )
    entry = Break(
        break_id=uuid4(),
        account=account,
        finding=finding,
        status="expected",
        version=1,
        opened_at=NOW,
        changed_at=NOW,
    )
    progress = AccountProgress(read_until_ms=1_700_000_000_000, compared_at=NOW, agreed_at={"BTC": NOW})
    async with rooms.desk.work(account.user_id) as work:
        assert await work.progress(account) == AccountProgress()
        await work.save_breaks([entry])
        await work.save_progress(account, progress)
        await work.save_breaks([replace(entry, status="resolved", version=2)])
    async with rooms.desk.work(account.user_id) as work:
        kept = await work.breaks(account)
        assert [(one.status, one.version, one.finding.theirs) for one in kept] == [("resolved", 2, Decimal("-1e-8"))]
        assert await work.progress(account) == progress


async def test_a_kept_point_stays_unless_it_is_proved_better(rooms: Rooms) -> None:
    book = a_book(an_account())
    await keep(rooms, book)
    point = PnlPoint(
        position_id=book.position_id,
        slot=NOW,
        at=NOW,
        value=Decimal(1),
        cost=Decimal(1),
        realised=Decimal(0),
        unrealised=Decimal(0),
        max_abs_drift=Decimal(0),
    )
    seen = []
    for value, better in ((1, False), (2, False), (3, True)):
        async with rooms.desk.work(book.account.user_id) as work:
            await work.keep_point(replace(point, value=Decimal(value)), replace=better)
        kept = await rooms.shelf.position(book.account.user_id, book.position_id)
        assert kept is not None
        seen += [one.value for one in kept.points]
    assert seen == [1, 1, 3]


async def test_due_accounts_become_jobs_once_whoever_asks(rooms: Rooms) -> None:
    accounts = [an_account() for _ in range(20)]
    for account in accounts:
        await rooms.agenda.come_back(account, due=NOW + timedelta(seconds=5))
        await rooms.agenda.come_back(account, due=NOW)
        await rooms.agenda.come_back(account, due=NOW + timedelta(seconds=9))
    assert await rooms.agenda.due_jobs(NOW - timedelta(seconds=1), limit=50) == 0
    counts = await asyncio.gather(*(rooms.agenda.due_jobs(NOW, limit=7) for _ in range(6)))
    assert sum(counts) == 20
    if rooms.admin_dsn is None:
        return
    admin = await asyncpg.connect(rooms.admin_dsn)
    subjects = await admin.fetch("select subject, user_id from reconciler.outbox")
    await admin.close()
    assert len({row["subject"] for row in subjects}) == 20
    assert {row["user_id"] for row in subjects} == {None}


async def test_flows_and_what_belongs_to_them_come_back(rooms: Rooms) -> None:
    book = a_book(an_account(), cash=Decimal("1.5"))
    await keep(rooms, book)
    user, position_id = book.account.user_id, book.position_id
    flow = Flow(
        position_id=position_id,
        number=1,
        at=NOW,
        valued_at=NOW,
        kind="buy",
        amount=Decimal("20.000000000000000001"),
        before=Decimal(0),
        after=Decimal(19),
        held_after=Decimal(19),
    )
    leg = LegResult(
        leg_id=uuid4(),
        run_id=uuid4(),
        symbol="BTCUSDT",
        side=Side.SELL,
        arrival_price=Decimal(100),
        quantity=Decimal(1),
        notional=Decimal(99),
        version=2,
    )
    gone = Moved(asset="ETH", cost=Decimal(1), value=Decimal(2))
    basket = [HeldStill(asset="BTC", symbol="BTCUSDT", quantity=Decimal("0.1"))]
    async with rooms.desk.work(user) as work:
        await work.note_run(uuid4(), "buy", [leg])
        await work.note_run(position_id, "invest", [leg])
        await work.note_run(position_id, "invest", [replace(leg, notional=Decimal(1), version=1)])
        await work.add_flow(flow, [gone])
        await work.save_held_still(position_id, [HeldStill(asset="OLD", symbol="OLDUSDT", quantity=Decimal(1))])
        await work.save_held_still(position_id, basket)
        [tracked] = await work.tracked(position_ids=[position_id])
        border = Border(flows=1, money=Decimal(20), capital=Decimal(19), paid_in=Decimal(20), withdrawn=Decimal(3))
        last = {"BTCUSDT": Decimal("70000.10")}
        await work.save_tracking(replace(tracked, told=(Decimal(7), Decimal(1)), border=border, last_prices=last))
        assert list(await work.held_still(position_id)) == basket
    kept = await rooms.shelf.position(user, position_id)
    assert kept is not None
    assert (list(kept.flows), list(kept.moved), list(kept.legs), list(kept.held)) == ([flow], [gone], [leg], basket)
    assert kept.in_kind == {flow.number}, "a coin left in it"
    assert (kept.tracked.book, kept.tracked.border, kept.tracked.run_kind) == (book, border, "invest")
    assert kept.tracked.last_prices == last
    assert await rooms.shelf.position(uuid4(), position_id) is None
    assert await rooms.shelf.positions(uuid4(), since=None, now=NOW) == []


async def test_points_grow_thinner_with_age_and_keep_their_extremes(rooms: Rooms) -> None:
    book = a_book(an_account())
    await keep(rooms, book)
    user, position_id = book.account.user_id, book.position_id
    begin = NOW - timedelta(days=62)
    slots = [begin + timedelta(minutes=5 * number) for number in range(62 * 288)]
    async with rooms.desk.work(user) as work:
        for number, slot in enumerate(slots):
            value = Decimal(number * 7919 % 10007)
            await work.keep_point(a_point(book, slot, value), replace=False)
    before = await rooms.shelf.position(user, position_id)
    assert before is not None
    later = NOW + timedelta(days=1)
    thin = ThinPoints(shelf=rooms.shelf, clock=FakeClock(later))
    assert await thin.run_once() == 1
    assert await thin.run_once() == 0, "not due again yet"
    after = await rooms.shelf.position(user, position_id)
    assert after is not None
    ages = ages_at(later)
    fine = [point for point in before.points if point.slot >= ages.all_since]
    assert [point for point in after.points if point.slot >= ages.all_since] == fine
    assert 200 < len(fine) <= 288
    hours = [point for point in after.points if ages.hours_since <= point.slot < ages.all_since]
    assert 59 * 24 - 36 <= len({point.slot.replace(minute=0) for point in hours}) <= len(hours) <= 3 * 60 * 24
    days = [point for point in after.points if point.slot < ages.hours_since]
    assert 2 <= len({point.slot.date() for point in days}) <= 4
    assert len(days) <= 12
    for kept_ones, whole in ((days, before.points), (hours, before.points)):
        same_age = [point for point in whole if kept_ones[0].slot <= point.slot <= kept_ones[-1].slot]
        assert max(point.value for point in kept_ones) == max(point.value for point in same_age)
        assert min(point.value for point in kept_ones) == min(point.value for point in same_age)
    assert await rooms.shelf.thin(user, position_id, ages) == 0, "a second pass changes nothing"
    assert not await rooms.shelf.done(user, position_id, before=ages.hours_since)
    assert await rooms.shelf.done(user, position_id, before=later + timedelta(days=99))
    chosen = await rooms.shelf.positions(user, since=NOW - timedelta(days=30), now=NOW)
    assert 300 <= len(chosen[0].points) <= 420


def a_point(book: PositionBook, slot: datetime, value: Decimal) -> PnlPoint:
    return PnlPoint(
        position_id=book.position_id,
        slot=slot,
        at=slot,
        value=value,
        cost=Decimal(1),
        realised=Decimal(0),
        unrealised=Decimal(0),
        max_abs_drift=Decimal(0),
        net_in=Decimal(1),
        held=value,
        btc_price=Decimal(100_000),
    )


async def test_a_flow_counts_once_and_what_fails_leaves_nothing(rooms: Rooms) -> None:
    book = a_book(an_account())
    await keep(rooms, book)
    user = book.account.user_id
    flow = Flow(
        position_id=book.position_id, number=1, at=NOW, valued_at=NOW, kind="buy", amount=Decimal(20),
        before=Decimal(0), after=Decimal(19),
    )  # fmt: skip
    async with rooms.desk.work(user) as work:
        assert await work.first_delivery("jobs", book.position_id)
        await work.add_flow(flow, [])
        [tracked] = await work.tracked(position_ids=[book.position_id])
        await work.save_tracking(replace(tracked, border=Border(flows=1)))

    async def again() -> None:
        async with rooms.desk.work(user) as work:
            assert not await work.first_delivery("jobs", book.position_id)
            await work.save_progress(book.account, AccountProgress(read_until_ms=1, compared_at=NOW))
            await work.add_flow(replace(flow, amount=Decimal(21)), [])

    with pytest.raises(Exception, match=r"taken|duplicate"):
        await again()
    kept = await rooms.shelf.position(user, book.position_id)
    assert kept is not None
    assert list(kept.flows) == [flow]
    async with rooms.desk.work(user) as work:
        await work.add_flow(replace(flow, number=2), [])
    kept = await rooms.shelf.position(user, book.position_id)
    assert kept is not None
    assert list(kept.flows) == [flow], "one that came after what was told, as when it comes while we read"
    async with rooms.desk.work(user) as work:
        assert await work.progress(book.account) == AccountProgress()
