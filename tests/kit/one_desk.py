"""One desk below its ports, for execution's rules: a venue that answers as told, and the few rows they touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from execution.application.book_ports import Reservation
from execution.application.linking import Linking
from execution.application.ports import Account, DeskLease
from execution.application.purse import Funds, Purse
from execution.application.trade_run import TradeRun
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Position, Run, RunKind
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import Reply, ReplyKind
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Denied
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMES = ProtocolTimes()
ACCOUNT = Account(user_id=UUID(int=2), account_id=UUID(int=3), environment=VenueEnvironment.PAPER)
RICH = D(2000)
LEASE = DeskLease(account=ACCOUNT, fence=1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def an_intent(**changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "attempt_id": UUID(int=1),
        "user_id": ACCOUNT.user_id,
        "account_id": ACCOUNT.account_id,
        "environment": ACCOUNT.environment,
        "position_id": UUID(int=4),
        "run_id": UUID(int=5),
        "leg_id": UUID(int=6),
        "number": 0,
        "link_id": "link",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": D(10),
        "limit_price": D(101),
        "body": "{}",
        "intent_at": T0,
        "send_before": at(10),
        "sent_by": at(10),
        "updated_at": T0,
    }
    return Attempt(**(values | changes))


def a_run(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "run_id": UUID(int=5),
        "user_id": ACCOUNT.user_id,
        "account_id": ACCOUNT.account_id,
        "environment": ACCOUNT.environment,
        "position_id": UUID(int=4),
        "kind": RunKind.BUY,
        "approved": D(1100),
        "accepted_at": T0,
        "expires_at": at(600),
    }
    return Run(**(values | changes))


def a_position() -> Position:
    return Position(
        position_id=UUID(int=4),
        user_id=ACCOUNT.user_id,
        account_id=ACCOUNT.account_id,
        environment=ACCOUNT.environment,
        index_id="top-5",
        index_version=1,
        status=PositionStatus.EXECUTING,
        run_id=UUID(int=5),
        run_kind=RunKind.BUY,
        approved_amount=D(1100),
        created_at=T0,
        updated_at=T0,
        traded_at=T0,
    )


def a_leg() -> Leg:
    return Leg(
        leg_id=UUID(int=6),
        user_id=ACCOUNT.user_id,
        account_id=ACCOUNT.account_id,
        position_id=UUID(int=4),
        run_id=UUID(int=5),
        number=0,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        side=Side.BUY,
        status=LegStatus.PLANNED,
        target_weight=D(1),
        quantity=D(10),
        limit_price=D(101),
        lot_size=D(1),
        min_quantity=D(1),
        min_notional=D(1),
    )


class Venue:
    """Answers as told and counts; time passes only where a test says so."""

    def __init__(self, balance: Decimal | Exception = RICH, replies: Sequence[Reply] = ()) -> None:
        self.balance = balance
        self.replies = list(replies)
        self.sent: list[Attempt] = []
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def batch_size(self, _: VenueEnvironment) -> int:
        return 10

    async def create(self, _: Account, attempts: Sequence[Attempt]) -> Sequence[Reply]:
        self.sent += attempts
        reply = self.replies.pop(0) if self.replies else Reply(kind=ReplyKind.ACCEPTED)
        return [reply] * len(attempts)

    async def spendable(self, *_: Any) -> Decimal:
        self.asked += 1
        self.meanwhile()
        if isinstance(self.balance, Exception):
            raise self.balance
        return self.balance

    async def look_up(self, *_: Any) -> Any:
        self.asked += 1
        raise Denied(code="key_suspended")


class Books:
    """The few rows that these rules touch; whoever asks for anything else fails."""

    def __init__(self, *, open_attempts: Sequence[Attempt] = (), fenced: bool = True) -> None:
        self.leg = a_leg()
        self.attempts = list(open_attempts)
        self.is_fenced = fenced
        self.settled: list[Position] = []
        self.put_aside = D(1100)

    @asynccontextmanager
    async def work(self, _: UUID) -> Any:
        yield self

    async def lock(self, _: UUID) -> None: ...

    async def fenced(self, *_: Any) -> bool:
        return self.is_fenced

    async def legs_of_run(self, _: UUID) -> list[Leg]:
        return [self.leg]

    async def reservations_of_run(self, run_id: UUID) -> list[Any]:
        same = {"user_id": ACCOUNT.user_id, "account_id": ACCOUNT.account_id, "position_id": UUID(int=4)}
        return [Reservation(holder_id=run_id, asset="USDT", run_id=run_id, amount=D(1100), **same)]

    async def open_attempts(self, _: UUID) -> list[Attempt]:
        return self.attempts

    async def trading_runs(self, _: UUID) -> list[Run]:
        return []

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        self.leg = legs[0]

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        self.attempts += attempts

    async def reserve(self, _: Any) -> None: ...

    async def spoken_for(self, *_: Any) -> Decimal:
        return self.put_aside

    async def position(self, _: UUID) -> Position:
        return a_position()

    async def positions_of(self, _: UUID) -> list[Position]:
        return [a_position()]

    async def holdings(self, _: Any) -> list[Any]:
        return []

    async def legs_of_position(self, _: UUID) -> list[Leg]:
        return [self.leg]

    async def missing_coins(self, _: UUID) -> dict[UUID, dict[str, Decimal]]:
        return {}

    async def save_position(self, position: Position) -> None:
        self.settled.append(position)

    async def save_run(self, _: Run) -> None: ...

    async def add_lines(self, _: Any) -> None: ...

    async def release(self, _: Any) -> None: ...

    def tell(self, *_: Any, **__: Any) -> None: ...


class Market:
    """One pair, whose price limits nobody knows unless they are told here."""

    def __init__(self, *, buy_limit: Decimal | None = None) -> None:
        self.buy_limit = buy_limit
        self.limits_age_s: list[float | None] = []

    async def quotes(self, *_: Any, limits_age_s: float | None = None) -> dict[str, Quote]:
        self.limits_age_s.append(limits_age_s)
        best = Quote(symbol="BTCUSDT", bid=D(99), ask=D(100), last=D(100), at=T0, buy_limit=self.buy_limit)
        return {"BTCUSDT": best}

    async def instruments(self, *_: Any) -> dict[str, Instrument]:
        rules = Instrument(
            symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            lot_size=D(1),
            tick_size=D("0.1"),
            min_quantity=D(1),
            min_notional=D(1),
            max_limit_quantity=D(1000),
        )
        return {"BTCUSDT": rules}


class Desk:
    """A buy that may send its first order now."""

    def __init__(self, venue: Venue, books: Books | None = None, market: Market | None = None) -> None:
        self.clock = FakeClock(T0)
        self.books = books or Books()
        self.market = market or Market()
        self.venue = venue
        self.purse = Purse(venue=venue, account=ACCOUNT, times=TIMES, clock=self.clock)  # type: ignore[arg-type]
        self.trade_run = TradeRun(
            books=self.books,
            market=self.market,  # type: ignore[arg-type]
            linking=Linking(bytes(16)),
            times=TIMES,
            clock=self.clock,
            ids=FakeIds(),
        )

    async def trade(self, needed: str = "1100") -> Sequence[Attempt]:
        funds = Funds(purse=self.purse, needed=D(needed))
        return await self.trade_run.intents(LEASE, a_run(), [self.books.leg], funds)
