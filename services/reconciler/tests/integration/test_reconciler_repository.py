from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from basketry_local.testing.databases import TestDatabases
from reconciler.domain.announcements import Break, PnlPoint
from reconciler.domain.books import Account, HeldCoin, PositionBook
from reconciler.domain.findings import Finding, Scope
from reconciler.domain.tracking import AccountProgress, ActivePosition
from reconciler.outbound.postgres.agenda import PostgresAgenda
from reconciler.outbound.postgres.desk import PostgresDesk
from reconciler.outbound.postgres.tables import outbox
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.testing import FakeClock, FakeIds
from shared.trading.status import BreakClass, PositionStatus, VenueEnvironment

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Rooms:
    desk: PostgresDesk
    agenda: PostgresAgenda


@pytest.fixture
async def rooms(database: TestDatabases) -> AsyncIterator[Rooms]:
    pool = Database(database.dsn("reconciler"))
    writer = Outbox(outbox, source="reconciler", clock=FakeClock(), ids=FakeIds())
    yield Rooms(PostgresDesk(pool, writer), PostgresAgenda(pool, writer))
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
    progress = AccountProgress(read_until_ms=1_700_000_000_000, compared_at=NOW)
    async with rooms.desk.work(account.user_id) as work:
        assert await work.progress(account) == AccountProgress()
        await work.save_breaks([entry])
        await work.save_progress(account, progress)
        await work.save_breaks([replace(entry, status="resolved", version=2)])
    async with rooms.desk.work(account.user_id) as work:
        kept = await work.breaks(account)
        assert [(one.status, one.version, one.finding.theirs) for one in kept] == [("resolved", 2, Decimal("-1e-8"))]
        assert await work.progress(account) == progress


async def test_a_kept_point_stays_unless_it_is_proved_better(rooms: Rooms, database: TestDatabases) -> None:
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
    admin = await asyncpg.connect(database.admin_dsn("reconciler"))
    seen = []
    for value, better in ((1, False), (2, False), (3, True)):
        async with rooms.desk.work(book.account.user_id) as work:
            await work.keep_point(replace(point, value=Decimal(value)), replace=better)
        seen.append(await admin.fetchval("select value from reconciler.pnl_point"))
    await admin.close()
    assert seen == [1, 1, 3]


async def test_due_accounts_become_jobs_once_whoever_asks(rooms: Rooms, database: TestDatabases) -> None:
    accounts = [an_account() for _ in range(20)]
    for account in accounts:
        await rooms.agenda.come_back(account, due=NOW + timedelta(seconds=5))
        await rooms.agenda.come_back(account, due=NOW)
        await rooms.agenda.come_back(account, due=NOW + timedelta(seconds=9))
    assert await rooms.agenda.due_jobs(NOW - timedelta(seconds=1), limit=50) == 0
    counts = await asyncio.gather(*(rooms.agenda.due_jobs(NOW, limit=7) for _ in range(6)))
    assert sum(counts) == 20
    admin = await asyncpg.connect(database.admin_dsn("reconciler"))
    subjects = await admin.fetch("select subject, user_id from reconciler.outbox")
    await admin.close()
    assert len({row["subject"] for row in subjects}) == 20
    assert {row["user_id"] for row in subjects} == {None}
