"""An operator ends only what waits for a person, only after the venue was asked, and never without a record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from execution.application.book_ports import Reservation
from execution.application.ports import Account, Evidence
from execution.application.settle_by_hand import SettleByHand
from execution.domain.attempt import Attempt
from execution.domain.errors import (
    OrderMayStillLand,
    OrderNotFound,
    OrderNotWaiting,
    VenueCannotBeAsked,
    VenueKnowsTheOrder,
)
from execution.domain.hand_settlement import HandSettlement
from execution.domain.position import RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import OrderFact, Standing
from shared.trading.errors import Denied, NotFound, PlatformError, Unavailable
from shared.trading.status import AttemptState, LegStatus, PositionStatus, Side

D = Decimal
OPERATOR = UUID(int=99)
SAW = "The order history of the account, shown by its owner, has no such order."
NOTHING = Evidence(order=None, executions=())
OTHERS = [state for state in AttemptState if state is not AttemptState.NEEDS_ATTENTION]


class FakeOrderVenue:
    """Answers one question, and lets something happen meanwhile."""

    def __init__(self) -> None:
        self.answer: Evidence | PlatformError = NOTHING
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.asked: list[str] = []

    async def look_up(self, account: Account, link_id: str) -> Evidence:
        self.asked.append(link_id)
        if self.meanwhile is not None:
            await self.meanwhile()
        if isinstance(self.answer, PlatformError):
            raise self.answer
        return self.answer


class Office:
    """An order that waits for a person, and the operator who looks at it."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        self.venue = FakeOrderVenue()
        self.settle_by_hand = SettleByHand(
            books=counter.books,
            venue=self.venue,  # type: ignore[arg-type]
            bookkeeper=counter.bookkeeper,
            times=ProtocolTimes(),
            clock=counter.clock,
        )
        counter.clock.advance(30)

    def stuck(self, kind: RunKind = RunKind.BUY) -> Attempt:
        run = self.counter.bought if kind is RunKind.BUY else self.counter.a_run(kind)
        attempt: Attempt = self.counter.sent(run, AttemptState.NEEDS_ATTENTION)
        share = Reservation(
            holder_id=attempt.attempt_id,
            asset="USDT" if kind is RunKind.BUY else "BTC",
            user_id=attempt.user_id,
            account_id=attempt.account_id,
            position_id=attempt.position_id,
            run_id=attempt.run_id,
            amount=attempt.held,
        )
        self.counter.state.reservations[share.holder_id, share.asset] = share
        return attempt

    async def settle(self, attempt: Attempt, **changes: Any) -> Attempt:
        asked: dict[str, Any] = {
            "user_id": attempt.user_id,
            "client_order_id": attempt.link_id,
            "operator_id": OPERATOR,
            "evidence": SAW,
        }
        return await self.settle_by_hand.execute(**(asked | changes))

    def now(self, attempt: Attempt) -> Attempt:
        found: Attempt = self.counter.state.attempts[attempt.link_id]
        return found

    def unchanged(self, attempt: Attempt) -> bool:
        state = self.counter.state
        return self.now(attempt) == attempt and not state.settlements and bool(state.reservations)


@pytest.fixture
def office(counter: Any) -> Office:
    return Office(counter)


@pytest.mark.parametrize("state", OTHERS)
def test_only_what_waits_for_a_person_can_be_settled_by_hand(counter: Any, state: AttemptState) -> None:
    attempt = counter.sent(counter.bought, state)
    assert attempt.settled_by_hand(counter.clock.now(), reason="x") == attempt


async def test_what_the_venue_does_not_know_ends_with_a_record_and_frees_its_money(office: Office) -> None:
    attempt = office.stuck()
    settled = await office.settle(attempt)
    counter, now = office.counter, office.counter.clock.now()
    assert office.venue.asked == [attempt.link_id]
    assert (settled.state, settled.reason, settled.filled_quantity) == (AttemptState.CANCELLED, "settled_by_hand", D(0))
    assert office.now(attempt) == settled
    leg = counter.state.legs_[attempt.leg_id]
    assert (leg.status, leg.reason) == (LegStatus.CANCELLED, "settled_by_hand")
    assert counter.state.reservations == {}
    assert counter.state.settlements == [
        HandSettlement(
            user_id=attempt.user_id,
            account_id=attempt.account_id,
            client_order_id=attempt.link_id,
            operator_id=OPERATOR,
            evidence=SAW,
            state_before=AttemptState.NEEDS_ATTENTION,
            filled_quantity=D(0),
            at=now,
        )
    ]
    [told] = [one for one in counter.state.told if getattr(one, "code", "") == "order_settled_by_hand"]
    assert SAW in told.detail
    assert str(OPERATOR) in told.detail
    assert (counter.position.status, counter.position.reasons) == (PositionStatus.FAILED, ("BTCUSDT:settled_by_hand",))


async def test_a_run_that_waited_for_nothing_else_settles(office: Office) -> None:
    attempt = office.stuck()
    office.counter.state.runs[attempt.run_id] = replace(office.counter.bought, state=RunState.TRADING)
    office.counter.stands(PositionStatus.EXECUTING)
    await office.settle(attempt)
    assert office.counter.state.runs[attempt.run_id].state is RunState.SETTLED
    assert office.counter.position.status is PositionStatus.FAILED


async def test_what_filled_is_kept_and_the_rest_is_free(office: Office) -> None:
    attempt = office.stuck()
    counter = office.counter
    await counter.book(counter.a_match(attempt, "m-1", "0.4"))
    partial = office.now(attempt)
    assert partial.state is AttemptState.PARTIAL
    counter.state.attempts[attempt.link_id] = replace(partial, state=AttemptState.NEEDS_ATTENTION)
    settled = await office.settle(attempt)
    assert (settled.state, settled.filled_quantity) == (AttemptState.CANCELLED, D("0.4"))
    assert counter.state.settlements[0].filled_quantity == D("0.4")
    assert counter.holding().quantity == D("0.4")
    assert counter.state.reservations == {}
    assert (counter.position.status, counter.position.complete) == (PositionStatus.ACTIVE, False)


async def test_a_sale_settled_by_hand_can_be_tried_again(office: Office) -> None:
    office.counter.holds("1")
    attempt = office.stuck(RunKind.CLOSE)
    office.counter.stands(PositionStatus.ACTIVE, office.counter.state.runs[attempt.run_id])
    await office.settle(attempt)
    assert office.counter.position.blocked_reason == "BTCUSDT:settled_by_hand"
    await office.counter.close(office.counter.a_close_plan())
    assert office.counter.position.status is PositionStatus.CLOSING


async def test_a_match_that_comes_later_is_booked_and_calls_a_person(office: Office) -> None:
    attempt = office.stuck()
    await office.settle(attempt)
    for _ in range(2):
        await office.counter.book(office.counter.a_match(attempt, "m-1", "1"))
    assert office.counter.holding().quantity == 1
    assert (office.now(attempt).state, office.now(attempt).filled_quantity) == (AttemptState.CANCELLED, D(1))
    assert office.counter.incidents == ["order_settled_by_hand", "late_execution"]
    assert office.counter.position.status is PositionStatus.ACTIVE


async def test_an_order_that_the_venue_shows_is_booked_instead(office: Office) -> None:
    attempt = office.stuck()
    shown = OrderFact(
        link_id=attempt.link_id,
        venue_order_id="v",
        symbol=attempt.symbol,
        side=Side.BUY,
        standing=Standing.FILLED,
        quantity=attempt.quantity,
        price=attempt.limit_price,
        filled_quantity=attempt.quantity,
    )
    office.venue.answer = Evidence(order=shown, executions=[office.counter.a_match(attempt, "m-1", "1")])
    with pytest.raises(VenueKnowsTheOrder) as refused:
        await office.settle(attempt)
    assert refused.value.context == {"state": "FILLED", "filled_quantity": "1"}
    assert office.now(attempt).state is AttemptState.FILLED
    assert office.counter.holding().quantity == 1
    assert office.counter.state.settlements == []


async def test_matches_alone_are_enough_to_refuse(office: Office) -> None:
    attempt = office.stuck()
    office.venue.answer = Evidence(order=None, executions=[office.counter.a_match(attempt, "m-1", "0.5")])
    with pytest.raises(VenueKnowsTheOrder):
        await office.settle(attempt)
    assert office.now(attempt).state is AttemptState.PARTIAL
    assert office.counter.state.settlements == []


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (Unavailable(code="venue_unavailable"), Unavailable),
        (Denied(code="account_key_refused"), VenueCannotBeAsked),
        (NotFound(code="key_not_found"), VenueCannotBeAsked),
    ],
)
async def test_without_the_venues_answer_nothing_changes(
    office: Office, answer: PlatformError, refusal: type[PlatformError]
) -> None:
    attempt = office.stuck()
    office.venue.answer = answer
    with pytest.raises(refusal):
        await office.settle(attempt)
    assert office.unchanged(attempt)


async def test_while_the_last_send_may_still_land_the_venue_is_not_even_asked(office: Office) -> None:
    attempt = office.stuck()
    sent = replace(attempt, sent_by=office.counter.clock.now())
    office.counter.state.attempts[attempt.link_id] = sent
    with pytest.raises(OrderMayStillLand):
        await office.settle(attempt)
    assert office.unchanged(sent)
    assert office.venue.asked == []


async def test_other_orders_are_refused_by_name(office: Office) -> None:
    attempt = office.stuck()
    with pytest.raises(OrderNotFound):
        await office.settle(attempt, client_order_id="nobody-knows-it")
    acked = office.counter.sent(office.counter.bought, AttemptState.ACKED, number=1)
    with pytest.raises(OrderNotWaiting) as refused:
        await office.settle(acked)
    assert refused.value.context == {"state": "ACKED"}
    await office.settle(attempt)
    with pytest.raises(OrderNotWaiting) as twice:
        await office.settle(attempt)
    assert "settled_by_hand" in twice.value.detail
    assert len(office.counter.state.settlements) == 1
    assert len(office.venue.asked) == 1


async def test_what_moved_while_the_venue_was_asked_is_not_settled(office: Office) -> None:
    attempt = office.stuck()

    async def heard() -> None:
        await office.counter.book(office.counter.a_match(attempt, "m-1", "1"))

    office.venue.meanwhile = heard
    with pytest.raises(OrderNotWaiting):
        await office.settle(attempt)
    assert office.now(attempt).state is AttemptState.FILLED
    assert office.counter.state.settlements == []
