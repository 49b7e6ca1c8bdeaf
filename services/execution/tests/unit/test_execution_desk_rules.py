"""What a desk may send, when, with whose money, and when it leaves the venue alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from execution.application.book_ports import Reservation
from execution.application.linking import Linking
from execution.application.ports import Account, DeskLease
from execution.application.purse import Funds, Purse
from execution.application.resolve_unknown import ResolveUnknown
from execution.application.send_orders import Patience, SendOrders
from execution.application.trade_run import TradeRun
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Position, Run, RunKind
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AskedFact, Fact, OrderFact, Reply, ReplyFact, ReplyKind, Standing
from execution.outbound.bybit_breaker import VenueBreaker
from execution.outbound.bybit_venue import BybitVenue
from execution.outbound.keys_client import CREATE, AccountSigner
from shared.contracts.rpc.keys import Lane, Signature, SignRequest
from shared.runtime.bybit.outcomes import Unknown
from shared.runtime.settings import VenueHost
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Denied, Unavailable
from shared.trading.quote import Quote
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side, VenueEnvironment

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

    async def reserved(self, *_: Any) -> Decimal:
        return self.put_aside

    async def position(self, _: UUID) -> Position:
        return a_position()

    async def holdings(self, _: Any) -> list[Any]:
        return []

    async def legs_of_position(self, _: UUID) -> list[Leg]:
        return [self.leg]

    async def save_position(self, position: Position) -> None:
        self.settled.append(position)

    async def save_run(self, _: Run) -> None: ...

    async def release(self, _: Any) -> None: ...

    def tell(self, *_: Any, **__: Any) -> None: ...


class Market:
    async def quotes(self, *_: Any) -> dict[str, Quote]:
        return {"BTCUSDT": Quote(symbol="BTCUSDT", bid=D(99), ask=D(100), last=D(100), at=T0)}


class Desk:
    """A buy that may send its first order now."""

    def __init__(self, venue: Venue, books: Books | None = None) -> None:
        self.clock = FakeClock(T0)
        self.books = books or Books()
        self.venue = venue
        self.purse = Purse(venue=venue, account=ACCOUNT, times=TIMES, clock=self.clock)  # type: ignore[arg-type]
        self.trade_run = TradeRun(
            books=self.books,
            market=Market(),  # type: ignore[arg-type]
            linking=Linking(bytes(16)),
            times=TIMES,
            clock=self.clock,
            ids=FakeIds(),
        )

    async def trade(self, needed: str = "1100") -> Sequence[Attempt]:
        funds = Funds(purse=self.purse, needed=D(needed))
        return await self.trade_run.intents(LEASE, a_run(), [self.books.leg], funds)


async def test_a_buy_whose_money_is_there_is_sent_and_its_intent_is_bounded() -> None:
    desk = Desk(Venue())
    (attempt,) = await desk.trade()
    assert attempt.send_before == attempt.sent_by == T0 + TIMES.sign_bound


async def test_a_balance_that_was_read_for_the_plan_is_not_read_again_for_the_order_but_never_after_spending() -> None:
    desk = Desk(Venue())
    await desk.purse.warm()
    assert await desk.trade()
    assert desk.venue.asked == 1
    await desk.purse.at_least(D(1))
    assert desk.venue.asked == 2


async def test_too_little_money_ends_the_legs_with_their_reason_and_nothing_is_sent() -> None:
    desk = Desk(Venue(D(1000)))
    assert await desk.trade() == []
    assert (desk.books.leg.status, desk.books.leg.reason) == (LegStatus.CANCELLED, "insufficient_balance")


async def test_money_that_other_runs_have_put_aside_is_not_spent() -> None:
    desk = Desk(Venue(D(2000)))
    desk.books.put_aside = D(2200)
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.reason == "insufficient_balance"


async def test_what_was_put_aside_at_another_moment_than_the_balance_was_read_is_no_reason_to_refuse() -> None:
    desk = Desk(Venue(D(1100)), Books(open_attempts=[an_intent(state=AttemptState.ACKED)]))
    # Another buy fills and is booked while the balance is read: the answer is without its money, the need is with it.
    desk.venue.meanwhile = desk.books.attempts.clear
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.status is LegStatus.PLANNED
    assert len(await desk.trade(needed="1100")) == 1


def test_an_order_whose_matches_never_add_up_calls_a_person_once() -> None:
    fact = OrderFact(
        link_id="link",
        venue_order_id="v",
        symbol="BTCUSDT",
        side=Side.BUY,
        standing=Standing.FILLED,
        quantity=D(10),
        price=D(101),
        filled_quantity=D(10),
    )
    attempt = an_intent().executed(quantity=D(9), notional=D(900), at=T0).seen(fact, T0)
    late = T0 + TIMES.give_up_after
    waiting = attempt.given_up(late, TIMES)
    assert waiting.state is AttemptState.NEEDS_ATTENTION
    assert waiting.seen(fact, late) == waiting
    assert waiting.executed(quantity=D(1), notional=D(100), at=late).state is AttemptState.FILLED


async def test_while_orders_of_the_account_are_on_their_way_their_money_may_be_counted_twice_so_the_buy_waits() -> None:
    desk = Desk(Venue(D(2000)), Books(open_attempts=[an_intent(state=AttemptState.ACKED)]))
    assert await desk.trade(needed="2200") == []
    assert desk.books.leg.status is LegStatus.PLANNED


async def test_a_no_is_never_said_on_an_old_reading() -> None:
    desk = Desk(Venue(D(10)))
    await desk.purse.warm()
    desk.venue.balance = D(2000)
    assert len(await desk.trade()) == 1


async def test_what_was_read_before_money_was_spent_is_forgotten_even_if_the_answer_comes_later() -> None:
    desk = Desk(Venue())
    desk.venue.meanwhile = desk.purse.forget
    await desk.purse.warm()
    await desk.purse.at_least(D(1))
    assert desk.venue.asked == 2


async def test_an_accepted_buy_survives_the_venues_outage_until_it_expires_and_then_says_why() -> None:
    desk = Desk(Venue(Unavailable(code="venue_unavailable")))
    for _ in range(2000):  # a pass every quarter of a second, for longer than the bus would deliver again
        assert await desk.trade() == []
        assert desk.books.leg.status is LegStatus.PLANNED
        desk.clock.advance(0.25)
    assert desk.venue.asked < 20, "the venue is not hammered while it is away"
    desk.clock.advance(101)
    assert await desk.trade() == []
    assert (desk.books.leg.status, desk.books.leg.reason) == (LegStatus.CANCELLED, "venue_unavailable")


async def test_a_key_that_works_no_more_ends_the_buy_at_once() -> None:
    desk = Desk(Venue(Denied(code="key_suspended")))
    assert await desk.trade() == []
    assert desk.books.leg.reason == "key_suspended"


def sender(venue: Venue, clock: FakeClock) -> SendOrders:
    return SendOrders(venue=venue, clock=clock, batch_size=10)  # type: ignore[arg-type]


async def test_a_holder_that_was_stopped_sends_nothing_after_its_bound() -> None:
    venue, clock, heard = Venue(), FakeClock(at(540)), list[Fact]()

    async def lost(_: Sequence[Attempt]) -> Sequence[Attempt]:
        return []

    await sender(venue, clock).execute(ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=lost))
    assert venue.sent == []
    (fact,) = heard
    assert isinstance(fact, ReplyFact)
    assert fact.reply.reason == "too_late: held_up"


async def test_whoever_still_holds_the_desk_sends_late_orders_after_committing_a_later_bound() -> None:
    venue, clock, heard = Venue(), FakeClock(at(20)), list[Fact]()

    async def prolong(late: Sequence[Attempt]) -> Sequence[Attempt]:
        return [attempt.prolonged(at(30)) for attempt in late]

    await sender(venue, clock).execute(ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=prolong))
    assert [attempt.send_before for attempt in venue.sent] == [at(30)]


async def test_every_send_is_checked_also_the_one_after_a_refusal_for_now() -> None:
    venue, clock, heard = Venue(replies=[Reply(kind=ReplyKind.NOT_NOW, reason="slow")]), FakeClock(T0), list[Fact]()

    async def prolong(_: Sequence[Attempt]) -> Sequence[Attempt]:
        return []

    class Jumping(FakeClock):
        def now(self) -> datetime:
            return at(60) if venue.sent else at(1)

    await sender(venue, Jumping(clock.now())).execute(
        ACCOUNT, [an_intent()], heard.extend, Patience(until=at(600), prolong=prolong)
    )
    assert len(venue.sent) == 1
    assert isinstance(heard[0], ReplyFact)
    assert heard[0].reply.reason == "too_late: slow"


class Asker:
    def __init__(self) -> None:
        self.requests: list[SignRequest] = []

    async def ask(self, _: Any, request: SignRequest, **__: Any) -> Signature:
        self.requests.append(request)
        return Signature(headers={}, timestamp_ms=1)


async def test_a_signature_names_the_orders_bound_and_none_is_asked_for_once_nobody_waits() -> None:
    asker = Asker()
    signer = AccountSigner(asker, ACCOUNT)  # type: ignore[arg-type]
    call: dict[str, Any] = {"recv_window_ms": 1500, "lane": Lane.BUY}
    create = {"method": "POST", "path": f"{CREATE}-batch", "payload": '{"request":[{"orderLinkId":"link"}]}', **call}
    with signer.bounded([an_intent()]):
        await signer.sign(**create)
        await signer.sign(method="GET", path="/v5/order/realtime", payload="category=spot", **call)
    assert [request.not_after for request in asker.requests] == [at(10), None]
    with pytest.raises(Unavailable):
        await signer.sign(**create)


def test_a_ban_by_the_venue_stops_all_calls_until_the_pause_is_over() -> None:
    for sign in (Unknown(reason="http_403", http_status=403), Unknown(reason="code_10429", code=10429)):
        clock = FakeClock(T0)
        breaker = VenueBreaker(pause=timedelta(minutes=10), clock=clock, host="paper")
        breaker.heard(Unknown(reason="http_502", http_status=502))
        breaker.check()
        breaker.heard(sign)
        clock.advance(599)
        with pytest.raises(Unavailable) as paused:
            breaker.check()
        assert paused.value.code == "venue_paused"
        clock.advance(1)
        breaker.check()


async def test_while_the_venue_is_paused_orders_are_refused_for_now_and_no_question_leaves() -> None:
    asker, clock = Asker(), FakeClock(T0)
    host = VenueHost(rest="http://127.0.0.1:9", private_stream="ws://127.0.0.1:9", public_stream="ws://127.0.0.1:9")
    venue = BybitVenue(
        {VenueEnvironment.PAPER: host},
        asker=asker,  # type: ignore[arg-type]
        clock=clock,
        recv_window=TIMES.recv_window,
        sessions_max=2,
    )
    try:
        venue._breaker(VenueEnvironment.PAPER).heard(Unknown(reason="http_403", http_status=403))
        (reply,) = await venue.create(ACCOUNT, [an_intent()])
        assert (reply.kind, reply.reason, reply.retry_after_s) == (ReplyKind.NOT_NOW, "venue_paused", 600)
        with pytest.raises(Unavailable):
            await venue.look_up(ACCOUNT, "link")
        with pytest.raises(Unavailable):
            await venue.spendable(ACCOUNT, "USDT")
        assert asker.requests == []
        accounts = [Account(user_id=uuid4(), account_id=uuid4(), environment=ACCOUNT.environment) for _ in range(3)]
        for account in accounts:
            venue._session(account)
        assert list(venue._sessions) == [account.account_id for account in accounts[1:]]
    finally:
        venue.close()


class Bookkeeper:
    """Keeps attempts; what is decided is decided from the row as it stands now."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def book(self, _: Account, facts: Sequence[Fact]) -> None:
        for fact in facts:
            assert isinstance(fact, AskedFact)
            self.books.attempts = [row.asked(fact.at, answered=fact.answered) for row in self.books.attempts]

    async def decide(self, _: DeskLease, link: str, decision: Callable[[Attempt], Attempt], **__: Any) -> Any:
        (row,) = self.books.attempts
        decided = decision(row)
        self.books.attempts = [decided]
        return None if decided == row else decided


@pytest.mark.parametrize("state", [AttemptState.ACKED, AttemptState.UNKNOWN, AttemptState.NEEDS_ATTENTION])
async def test_an_order_that_nobody_can_be_asked_about_is_asked_about_a_few_times_a_minute_and_given_up_once(
    state: AttemptState,
) -> None:
    books, venue, clock = Books(open_attempts=[an_intent(state=state, unknown_since=T0)]), Venue(), FakeClock(T0)
    resolve = ResolveUnknown(
        books=books,
        venue=venue,  # type: ignore[arg-type]
        market=Market(),  # type: ignore[arg-type]
        bookkeeper=Bookkeeper(books),  # type: ignore[arg-type]
        times=TIMES,
        clock=clock,
    )
    answered: set[str] = set()
    for _ in range(16 * 60):
        links, _nap = await resolve.execute(LEASE, ask_now={"link"} - answered, listening=False)
        answered |= links
        clock.advance(1)
    assert 10 < venue.asked < 30
    assert books.attempts[0].state is AttemptState.NEEDS_ATTENTION
    if state is not AttemptState.NEEDS_ATTENTION:
        assert answered == {"link"}, "the desk waits for it no longer"
