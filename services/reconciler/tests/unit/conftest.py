from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from reconciler.application.announce import Announce
from reconciler.application.reconcile_account import Job, ReconcileAccount, Rules, Skipped
from reconciler.application.refresh_books import RefreshBooks
from reconciler.application.revalue import Revalue
from reconciler.domain.announcements import (
    Announcement,
    Break,
    BreakTold,
    HandoverTold,
    JobTold,
    PnlPoint,
    PnlTold,
)
from reconciler.domain.books import VALUED, Account, AccountBooks, HeldCoin, OpenOrder, PositionBook
from reconciler.domain.deviation import Band
from reconciler.domain.findings import Comparison
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import AccountProgress, ActivePosition, Tracked
from reconciler.domain.venue import NoView, VenueExecution, VenueLine, VenueOrder, VenueView
from shared.testing import FakeClock, FakeIds
from shared.trading.clock import epoch_ms
from shared.trading.link_id import LinkId, position_tail
from shared.trading.quote import Quote
from shared.trading.status import PositionStatus, Side, VenueEnvironment

LINK_KEY = b"k" * 32
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(minutes=5)
ACCOUNT = Account(user_id=UUID(int=1), account_id=UUID(int=2), environment=VenueEnvironment.PAPER)
POSITION = UUID("00000000-0000-4000-8000-0000000000aa")


def a_link(position: UUID = POSITION, leg: int = 0, key: bytes = LINK_KEY) -> str:
    link = LinkId(environment=VenueEnvironment.PAPER, position=position_tail(position), run=7, leg=leg, attempt=0)
    return link.encode(key)


def a_coin(asset: str = "BTC", **changes: Any) -> HeldCoin:
    values = {"quantity": "1", "cost": "100", "realised": "0", "target_weight": "1"} | changes
    return HeldCoin(asset=asset, symbol=f"{asset}USDT", **{name: Decimal(value) for name, value in values.items()})


def a_book(*coins: HeldCoin, **changes: Any) -> PositionBook:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "position_id": POSITION,
        "status": PositionStatus.ACTIVE,
        "index_id": "top-10",
        "invested": Decimal(100),
        "proceeds": Decimal(0),
        "fees": Decimal("0.1"),
        "coins": coins or (a_coin(),),
        "traded_at": OLD,
    }
    return PositionBook(**(values | changes))


def the_books(*positions: PositionBook, open_orders: Sequence[OpenOrder] = ()) -> AccountBooks:
    return AccountBooks(
        account=ACCOUNT, positions=positions or (a_book(),), open_orders=tuple(open_orders), first_trade_at=OLD
    )


def an_execution(exec_id: str = "e1", **changes: Any) -> VenueExecution:
    values: dict[str, Any] = {
        "exec_id": exec_id,
        "client_order_id": a_link(),
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "price": Decimal(100),
        "quantity": Decimal("0.5"),
        "fee": Decimal("0.0005"),
        "fee_asset": "BTC",
        "at": OLD,
    }
    return VenueExecution(**(values | changes))


def an_order(link: str, *, status: str = "New", final: bool = False, at: datetime = OLD) -> VenueOrder:
    return VenueOrder(client_order_id=link, symbol="BTCUSDT", status=status, final=final, at=at)


def a_line(line_id: str = "t1", *, kind: str = "TRANSFER_OUT", change: str = "-1", asset: str = "BTC") -> VenueLine:
    return VenueLine(id=line_id, type=kind, asset=asset, change=Decimal(change), at=OLD)


def a_view(balances: Mapping[str, str] | None = None, **changes: Any) -> VenueView:
    values: dict[str, Any] = {
        "balances": {coin: Decimal(amount) for coin, amount in (balances or {"BTC": "1"}).items()},
        "executions": (),
        "lines": (),
        "open_orders": (),
        "looked_up": (),
        "read_until_ms": epoch_ms(NOW),
    }
    return VenueView(**(values | changes))


def a_quote(symbol: str, price: str, at: datetime = NOW) -> Quote:
    value = Decimal(price)
    return Quote(symbol=symbol, bid=value, ask=value, last=value, at=at)


@dataclass
class FakeStore:
    """Desk, work and agenda in memory; a raised error undoes nothing, which unit tests do not need."""

    positions: dict[UUID, Tracked] = field(default_factory=dict)
    points: dict[tuple[UUID, datetime], PnlPoint] = field(default_factory=dict)
    entries: dict[UUID, Break] = field(default_factory=dict)
    how_far: AccountProgress = field(default_factory=AccountProgress)
    inbox: set[tuple[str, UUID]] = field(default_factory=set)
    told: list[Announcement] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    in_kind: set[int] = field(default_factory=set)
    held: dict[UUID, Sequence[HeldStill]] = field(default_factory=dict)
    legs: dict[UUID, LegResult] = field(default_factory=dict)
    due: dict[UUID, datetime] = field(default_factory=dict)

    @asynccontextmanager
    async def work(self, user_id: UUID) -> AsyncIterator[FakeStore]:
        assert user_id == ACCOUNT.user_id
        yield self

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        first = (consumer, message_id) not in self.inbox
        self.inbox.add((consumer, message_id))
        return first

    async def tracked(self, *, position_ids: Collection[UUID], skip_busy: bool = False) -> list[Tracked]:
        return [self.positions[one] for one in position_ids if one in self.positions]

    async def save_book(self, book: PositionBook) -> None:
        known = self.positions.get(book.position_id)
        if known is None:
            self.positions[book.position_id] = Tracked(book=book)
        elif known.book.traded_at <= book.traded_at:
            self.positions[book.position_id] = replace(known, book=book)

    async def save_tracking(self, tracked: Tracked) -> None:
        self.positions[tracked.book.position_id] = replace(tracked, before=None)

    async def keep_point(self, point: PnlPoint, *, replace: bool) -> None:
        if replace or (point.position_id, point.slot) not in self.points:
            self.points[point.position_id, point.slot] = point

    async def note_run(self, position_id: UUID, kind: str, legs: Sequence[LegResult]) -> None:
        if position_id in self.positions:
            self.positions[position_id] = replace(self.positions[position_id], run_kind=kind)
            self.legs.update((leg.leg_id, leg) for leg in legs)

    async def add_flow(self, flow: Flow, moved: Sequence[Moved]) -> None:
        earlier = sum(1 for one in self.flows if one.position_id == flow.position_id)
        assert flow.number == earlier + 1, "each flow once, in order"
        self.flows.append(flow)
        self.moved.extend(moved)
        self.in_kind.update({flow.number} if moved else ())

    async def held_still(self, position_id: UUID) -> Sequence[HeldStill]:
        return self.held.get(position_id, ())

    async def save_held_still(self, position_id: UUID, held: Sequence[HeldStill]) -> None:
        self.held[position_id] = held

    async def progress(self, account: Account) -> AccountProgress:
        return self.how_far

    async def save_progress(self, account: Account, progress: AccountProgress) -> None:
        self.how_far = progress

    async def breaks(self, account: Account) -> list[Break]:
        return list(self.entries.values())

    async def save_breaks(self, entries: Iterable[Break]) -> None:
        self.entries.update((entry.break_id, entry) for entry in entries)

    async def tell(self, announcement: Announcement) -> None:
        self.told.append(announcement)

    async def come_back(self, account: Account, *, due: datetime) -> datetime:
        self.due[account.account_id] = min(due, self.due.get(account.account_id, due))
        return self.due[account.account_id]

    async def due_jobs(self, now: datetime, *, limit: int) -> int:
        return 0

    async def post_jobs(self, jobs: Sequence[JobTold]) -> None:
        self.told.extend(jobs)

    async def post(self, announcement: Announcement) -> None:
        self.told.append(announcement)

    async def active(self, *, after: ActivePosition | None, limit: int) -> list[ActivePosition]:
        rows = [
            ActivePosition(position_id=one, user_id=ACCOUNT.user_id, environment=ACCOUNT.environment)
            for one, tracked in self.positions.items()
            if tracked.book.status in VALUED
        ]
        return rows if after is None else []


@dataclass
class FakeSources:
    """Execution, market-data and the venue, as the test sets them."""

    book: AccountBooks = field(default_factory=the_books)
    view: VenueView | NoView = field(default_factory=a_view)
    booked: set[str] = field(default_factory=set)
    prices: dict[str, Quote] = field(default_factory=lambda: {"BTCUSDT": a_quote("BTCUSDT", "110")})
    lot: dict[str, Decimal] = field(default_factory=lambda: {"BTCUSDT": Decimal("0.000001")})
    listed: dict[str, bool] = field(default_factory=dict)
    known_accounts: list[Account] = field(default_factory=lambda: [ACCOUNT])
    since: list[int] = field(default_factory=list)
    asked: list[set[str]] = field(default_factory=list)
    away: Exception | None = None
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """What happens, once, while an answer with quotes is on its way."""

    async def accounts(self, *, after: UUID | None, limit: int) -> list[Account]:
        return [one for one in self.known_accounts if after is None or one.account_id > after][:limit]

    async def books(self, account: Account) -> AccountBooks:
        return self.book

    async def missing(
        self, account: Account, exec_ids: Sequence[str], flow_ids: Sequence[str] = ()
    ) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(exec_ids) - self.booked, frozenset(flow_ids) - self.booked

    async def read(self, books: AccountBooks, *, since_ms: int) -> VenueView | NoView:
        self.since.append(since_ms)
        if self.away is not None:
            raise self.away
        return self.view

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> dict[str, Quote]:
        self.asked.append(set(symbols))
        prices = self.prices
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return {symbol: quote for symbol, quote in prices.items() if not symbols or symbol in symbols}

    async def listing(self, environment: VenueEnvironment) -> dict[str, bool]:
        return self.listed

    async def lots(self, environment: VenueEnvironment, symbols: Collection[str]) -> dict[str, Decimal]:
        return self.lot


class Bench:
    """The use cases on fakes."""

    def __init__(self) -> None:
        self.store, self.sources, self.clock, self.ids = FakeStore(), FakeSources(), FakeClock(NOW), FakeIds()
        self.band = Band()
        self.reconciling = ReconcileAccount(
            desk=self.store,
            agenda=self.store,
            keeper=self.sources,
            venue=self.sources,
            market=self.sources,
            clock=self.clock,
            ids=self.ids,
            rules=Rules(link_key=LINK_KEY, band=self.band),
        )
        self.revaluing = Revalue(
            agenda=self.store, desk=self.store, market=self.sources, clock=self.clock, band=self.band
        )
        self.refreshing = RefreshBooks(
            desk=self.store, keeper=self.sources, market=self.sources, clock=self.clock, band=self.band
        )

    async def reconcile(self, *, tick: bool = False) -> Comparison | Skipped:
        return await self.reconciling.reconcile(self.job(tick=tick), consumer="reconciler-jobs")

    def job(self, *, tick: bool = False) -> Job:
        return Job(account=ACCOUNT, job_id=self.ids.uuid(), slot=self.clock.now(), tick=tick)

    def announce(self) -> Announce:
        return Announce(agenda=self.store, keeper=self.sources, clock=self.clock)

    def price(self, **prices: str) -> None:
        self.sources.prices = {
            f"{asset}USDT": a_quote(f"{asset}USDT", price, self.clock.now()) for asset, price in prices.items()
        }

    def breaks_told(self) -> list[tuple[str, str, str]]:
        return [
            (told.entry.finding.break_class.value, told.entry.finding.subject, told.entry.status)
            for told in self.store.told
            if isinstance(told, BreakTold)
        ]

    def pnl_told(self) -> list[PnlTold]:
        return [told for told in self.store.told if isinstance(told, PnlTold)]

    def handovers(self) -> list[HandoverTold]:
        return [told for told in self.store.told if isinstance(told, HandoverTold)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make() -> SimpleNamespace:
    """One builder per noun; test modules cannot import from each other."""
    return SimpleNamespace(
        ACCOUNT=ACCOUNT,
        POSITION=POSITION,
        NOW=NOW,
        OLD=OLD,
        link=a_link,
        coin=a_coin,
        book=a_book,
        books=the_books,
        execution=an_execution,
        order=an_order,
        line=a_line,
        view=a_view,
        quote=a_quote,
    )
