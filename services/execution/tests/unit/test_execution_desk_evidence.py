"""How long a desk looks for evidence of an order, and when it calls a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from kit.one_desk import (
    LEASE,
    T0,
    TIMES,
    Books,
    D,
    Market,
    Venue,
    a_run,
    an_intent,
    at,
)

from execution.application.ports import Account, DeskLease, Evidence
from execution.application.resolve_unknown import ResolveUnknown
from execution.domain.attempt import Attempt
from execution.domain.position import Run
from execution.domain.venue_facts import (
    AbsenceFact,
    AskedFact,
    Fact,
    OrderFact,
    Reply,
    ReplyFact,
    ReplyKind,
    Standing,
)
from gateway.settings import Settings as Gateway
from shared.testing import FakeClock
from shared.trading.quote import Quote
from shared.trading.status import AttemptState, Side


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


class Silence(Venue):
    """Has never heard of the order."""

    async def look_up(self, *_: Any) -> Evidence:
        self.asked += 1
        return Evidence(order=None, executions=[])


class Now(Market):
    """Quotes are always fresh."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock

    async def quotes(self, *_: Any, **__: Any) -> dict[str, Quote]:
        return {"BTCUSDT": Quote(symbol="BTCUSDT", bid=D(99), ask=D(100), last=D(100), at=self.clock.now())}


class Trading(Books):
    """The run still trades."""

    async def trading_runs(self, _: UUID) -> list[Run]:
        return [a_run(expires_at=at(Gateway.model_fields["signing_s"].default))]


class Bookkeeper:
    """Keeps attempts; what is decided is decided from the row as it stands now."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def book(self, _: Account, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self.books.attempts = [self._after(row, fact) for row in self.books.attempts]

    @staticmethod
    def _after(row: Attempt, fact: Fact) -> Attempt:
        match fact:
            case AskedFact(at=moment, answered=answered):
                return row.asked(moment, answered=answered)
            case AbsenceFact(asked_at=moment):
                return row.absent(moment, TIMES)
            case ReplyFact(reply=reply, at=moment):
                return row.replied(reply, moment)
        raise AssertionError(fact)

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


async def test_an_order_that_never_arrived_is_sent_again_within_the_times_of_a_deployment() -> None:
    clock = FakeClock(T0)
    lost = an_intent().replied(Reply(kind=ReplyKind.UNKNOWN, reason="read_timeout"), at(5))
    books, venue = Trading(open_attempts=[lost]), Silence()
    resolve = ResolveUnknown(
        books=books,
        venue=venue,  # type: ignore[arg-type]
        market=Now(clock),  # type: ignore[arg-type]
        bookkeeper=Bookkeeper(books),  # type: ignore[arg-type]
        times=TIMES,
        clock=clock,
    )
    for _ in range(120):
        await resolve.execute(LEASE)
        if venue.sent:
            break
        clock.advance(1)
    assert [(order.link_id, order.body) for order in venue.sent] == [(lost.link_id, lost.body)]
    assert books.attempts[0].state is AttemptState.ACKED
