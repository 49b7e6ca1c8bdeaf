"""The rules of an order attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.domain.attempt import Attempt
from execution.domain.next_step import Step, next_step, question_due
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import OrderFact, Reply, ReplyKind, Standing
from shared.trading.status import TERMINAL_ATTEMPTS, AttemptState, Side, VenueEnvironment

D = Decimal
T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMES = ProtocolTimes()


def an_attempt(**changes: object) -> Attempt:
    attempt = Attempt(
        attempt_id=UUID(int=1),
        user_id=UUID(int=2),
        account_id=UUID(int=3),
        environment=VenueEnvironment.PAPER,
        position_id=UUID(int=4),
        run_id=UUID(int=5),
        leg_id=UUID(int=6),
        number=0,
        link_id="link",
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=D(10),
        limit_price=D(101),
        body="{}",
        intent_at=T0,
        send_before=T0 + TIMES.sign_bound,
        sent_by=T0,
        updated_at=T0,
    )
    return replace(attempt, **changes)  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def the_order(standing: Standing, filled: str = "0") -> OrderFact:
    return OrderFact(
        link_id="link",
        venue_order_id="v1",
        symbol="BTCUSDT",
        side=Side.BUY,
        standing=standing,
        quantity=D(10),
        price=D(101),
        filled_quantity=D(filled),
    )


def a_lost_one() -> Attempt:
    return an_attempt().replied(Reply(kind=ReplyKind.UNKNOWN, reason="read_timeout"), at(5))


def step(attempt: Attempt, seconds: float, *, in_band: bool | None = True, may_trade: bool = True) -> Step:
    return next_step(attempt, now=at(seconds), times=TIMES, in_band=in_band, may_trade=may_trade)


def looked_for(attempt: Attempt, *seconds: float) -> Attempt:
    for moment in seconds:
        attempt = attempt.absent(at(moment), TIMES)
    return attempt


def test_an_acknowledgement_is_not_a_fill() -> None:
    acked = an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED, venue_order_id="v1"), at(1))
    assert acked.state is AttemptState.ACKED
    assert acked.filled_quantity == 0


def test_a_refusal_of_the_first_send_ends_the_attempt() -> None:
    refused = an_attempt().replied(Reply(kind=ReplyKind.REFUSED, reason="venue_170131"), at(1))
    assert refused.state is AttemptState.REJECTED
    assert refused.held == 0


def test_a_refusal_of_a_re_send_never_closes_an_attempt_that_was_ever_unknown() -> None:
    again = looked_for(a_lost_one(), 12, 42, 72).resent(at(80), bound=at(90), times=TIMES)
    refused = again.replied(Reply(kind=ReplyKind.REFUSED, reason="venue_170131"), at(81))
    assert refused.state is AttemptState.UNKNOWN
    assert refused.held == D(1010)


def test_a_terminal_order_waits_for_its_fills_before_it_ends_in_the_books() -> None:
    told = an_attempt().seen(the_order(Standing.FILLED, "10"), at(1))
    assert told.state is AttemptState.ACKED
    half = told.executed(quantity=D(4), notional=D(400), at=at(1))
    assert half.state is AttemptState.PARTIAL
    assert half.held == D(610)
    assert half.executed(quantity=D(6), notional=D(600), at=at(2)).state is AttemptState.FILLED


def test_fills_may_come_before_the_order_tells_of_them() -> None:
    early = an_attempt().executed(quantity=D(4), notional=D(400), at=at(1))
    ended = early.seen(the_order(Standing.CANCELLED, "4"), at(2))
    assert ended.state is AttemptState.CANCELLED
    assert ended.filled_quantity == 4
    assert ended.held == 0


def test_a_late_fill_is_counted_but_never_reopens_the_attempt() -> None:
    ended = an_attempt().seen(the_order(Standing.CANCELLED), at(1))
    late = ended.executed(quantity=D(1), notional=D(100), at=at(90000))
    assert late.state is AttemptState.CANCELLED
    assert late.filled_quantity == 1


def test_not_found_before_the_barrier_proves_nothing() -> None:
    lost = a_lost_one()
    barrier = (TIMES.barrier(lost.sent_by) - T0).total_seconds()
    assert barrier == 5 + 1.5 + 1 + 4
    early = looked_for(lost, 5, 6, 8, 11.4)
    assert early.absences == 0
    assert step(early, 11.5) is Step.ASK


def test_absence_needs_three_clean_not_founds_over_a_minute() -> None:
    lost = looked_for(a_lost_one(), 12, 42)
    assert step(lost, 71) is Step.WAIT
    assert not looked_for(lost, 60).proven_absent(TIMES)
    assert looked_for(lost, 72).proven_absent(TIMES)


def test_proven_absence_sends_the_same_again_while_the_price_is_in_the_band_and_the_run_may_trade() -> None:
    absent = looked_for(a_lost_one(), 12, 42, 72)
    assert step(absent, 72) is Step.RESEND
    assert step(absent, 72, in_band=False) is Step.CLOSE
    assert step(absent, 72, in_band=None) is Step.WAIT
    assert step(absent, 72, may_trade=False) is Step.CLOSE
    assert absent.closed_absent(at(72), reason="x").state is AttemptState.CANCELLED


def test_a_re_send_starts_the_barrier_anew() -> None:
    again = looked_for(a_lost_one(), 12, 42, 72).resent(at(72), bound=at(82), times=TIMES)
    assert not again.proven_absent(TIMES)
    assert looked_for(again, 80, 81).absences == 0


def test_at_take_over_everything_unanswered_is_unknown_from_now_on() -> None:
    intent = an_attempt().taken_over(at(100))
    assert intent.state is AttemptState.UNKNOWN
    assert looked_for(intent, 106).absences == 0
    again = looked_for(a_lost_one(), 12, 42, 72).resent(at(72), bound=at(73), times=TIMES).taken_over(at(80))
    assert looked_for(again, 81).absences == 0
    assert an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1)).taken_over(at(2)).state is AttemptState.ACKED


def test_a_holder_that_is_only_held_up_may_sign_until_its_bound_and_the_barrier_starts_there() -> None:
    intent = an_attempt(send_before=at(30)).taken_over(at(6))
    assert intent.sent_by == at(30)
    assert looked_for(intent, 20).absences == 0
    again = looked_for(a_lost_one(), 12, 42, 72).resent(at(72), bound=at(82), times=TIMES)
    assert again.send_before == at(82)
    assert again.taken_over(at(75)).sent_by == at(82)


def test_only_an_intent_that_nobody_answered_may_be_sent_later_than_committed() -> None:
    assert an_attempt().prolonged(at(40)).send_before == at(40)
    assert a_lost_one().prolonged(at(40)).send_before == at(TIMES.sign_bound.total_seconds())


def test_only_proven_absence_sends_again_whoever_asks_for_it() -> None:
    for one in (an_attempt(), a_lost_one(), an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1))):
        assert one.resent(at(80), bound=at(90), times=TIMES) == one


def test_nobody_gives_up_what_the_venue_has_just_shown() -> None:
    shown = an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1)).seen(the_order(Standing.OPEN), at(900))
    assert step(shown, 1000) is not Step.GIVE_UP
    assert shown.given_up(at(1000), TIMES) == shown


def test_an_acknowledged_or_half_filled_order_without_evidence_for_a_quarter_of_an_hour_goes_to_a_person() -> None:
    acked = an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1))
    half = acked.executed(quantity=D(4), notional=D(400), at=at(2))
    told = half.seen(the_order(Standing.FILLED, "10"), at(3)).seen(the_order(Standing.FILLED, "10"), at(800))
    for shown in (acked, half, told):
        one = shown
        for moment in range(3, 900, 60):
            one = one.asked(at(moment), answered=False)
        assert step(one, 2 + 15 * 60 + 1) is Step.GIVE_UP
        frozen = one.given_up(at(904), TIMES)
        assert frozen.state is AttemptState.NEEDS_ATTENTION
        assert frozen.held == one.held


def test_questions_without_an_answer_are_asked_ever_more_slowly_up_to_a_minute() -> None:
    attempt, pauses, moment = a_lost_one(), [], 5.0
    for _ in range(9):
        attempt = attempt.asked(at(moment), answered=False)
        due = (question_due(attempt, TIMES) - T0).total_seconds()
        pauses.append(due - moment)
        assert step(attempt, due - 0.01) is Step.WAIT
        moment = due
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert question_due(attempt.asked(at(400), answered=True), TIMES) == attempt.sent_by


def test_a_question_about_an_acknowledged_order_is_not_repeated_at_once_when_the_answer_is_no_news() -> None:
    acked = an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1))
    asked = acked.seen(the_order(Standing.OPEN), at(8)).asked(at(8), answered=True)
    assert step(asked, 9) is Step.WAIT


def test_a_duplicate_answer_means_that_it_exists_and_is_asked_about() -> None:
    known = an_attempt().replied(Reply(kind=ReplyKind.DUPLICATE), at(1))
    assert known.state is AttemptState.UNKNOWN
    assert step(known, 1) is Step.ASK


def test_after_a_quarter_of_an_hour_a_person_must_look_and_nothing_is_released() -> None:
    lost = a_lost_one()
    assert step(lost, 5 + 15 * 60) is Step.GIVE_UP
    frozen = lost.given_up(at(905), TIMES)
    assert frozen.state is AttemptState.NEEDS_ATTENTION
    assert frozen.held == D(1010)
    assert frozen.seen(the_order(Standing.CANCELLED), at(999)).state is AttemptState.CANCELLED


def test_an_acknowledged_order_that_never_appears_becomes_unknown() -> None:
    acked = an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED), at(1))
    assert step(acked, 8) is Step.ASK
    assert step(looked_for(acked, 8), 40) is Step.LOSE


def _acknowledged_then_lost() -> Attempt:
    return an_attempt().replied(Reply(kind=ReplyKind.ACCEPTED, venue_order_id="v1"), at(1)).lost(at(5))


def _duplicate_at_once() -> Attempt:
    return an_attempt().replied(Reply(kind=ReplyKind.DUPLICATE, reason="venue_170141"), at(5))


def _duplicate_when_sent_again() -> Attempt:
    again = looked_for(a_lost_one(), 12, 42, 72).resent(at(72), bound=at(82), times=TIMES)
    return again.replied(Reply(kind=ReplyKind.DUPLICATE, reason="venue_170141"), at(73))


@pytest.mark.parametrize("known", [_acknowledged_then_lost, _duplicate_at_once, _duplicate_when_sent_again])
def test_what_the_venue_once_knew_is_never_absent_and_never_sent_again(known: Callable[[], Attempt]) -> None:
    lost = looked_for(known(), 90, 130, 170, 210)
    assert lost.state is AttemptState.UNKNOWN
    for may_trade in (True, False):
        for in_band in (True, False):
            assert step(lost, 211, in_band=in_band, may_trade=may_trade) not in {Step.CLOSE, Step.RESEND}
    assert lost.closed_absent(at(211), reason="never_placed") is lost
    assert lost.resent(at(211), bound=at(221), times=TIMES) is lost
    assert step(lost, 1000) is Step.GIVE_UP
    frozen = looked_for(lost.given_up(at(1000), TIMES), 1100, 1200, 1300)
    assert frozen.state is AttemptState.NEEDS_ATTENTION
    assert step(frozen, 1301, may_trade=False) in {Step.ASK, Step.WAIT}
    assert frozen.seen(the_order(Standing.CANCELLED), at(1400)).state is AttemptState.CANCELLED


def test_a_duplicate_answer_about_what_waits_for_a_person_is_remembered() -> None:
    frozen = a_lost_one().given_up(at(905), TIMES).replied(Reply(kind=ReplyKind.DUPLICATE), at(906))
    assert frozen.state is AttemptState.NEEDS_ATTENTION
    assert not looked_for(frozen, 1000, 1100, 1200).closes_absent(TIMES)


def test_the_barrier_outlasts_the_receive_window_at_every_scale() -> None:
    for scale in (1, 30, 1000):
        times = ProtocolTimes().scaled(scale)
        assert times.barrier(T0) - T0 > times.recv_window


EVENTS = st.one_of(
    st.sampled_from(list(ReplyKind)).map(lambda kind: ("reply", kind)),
    st.tuples(st.just("order"), st.sampled_from(list(Standing)), st.integers(0, 10)),
    st.integers(1, 4).map(lambda quantity: ("fill", quantity)),
    st.sampled_from([("absent",), ("lose",), ("give_up",), ("close",), ("resend",)]),
)


def _after(attempt: Attempt, event: tuple[object, ...], moment: datetime) -> Attempt:
    match event:
        case ("reply", ReplyKind() as kind):
            return attempt.replied(Reply(kind=kind), moment)
        case ("order", Standing() as standing, int() as filled):
            return attempt.seen(the_order(standing, str(filled)), moment)
        case ("fill", int() as quantity):
            return attempt.executed(quantity=D(quantity), notional=D(quantity * 100), at=moment)
    decisions: dict[tuple[object, ...], Callable[[], Attempt]] = {
        ("absent",): lambda: attempt.absent(moment, TIMES),
        ("lose",): lambda: attempt.lost(moment),
        ("give_up",): lambda: attempt.given_up(moment, TIMES),
        ("close",): lambda: attempt.closed_absent(moment, reason="x"),
        ("resend",): lambda: attempt.resent(moment, bound=moment, times=TIMES),
    }
    return decisions[event]()


@given(events=st.lists(EVENTS, max_size=25))
@settings(max_examples=400, deadline=None)
def test_whatever_arrives_in_whatever_order_the_state_only_moves_forward(events: list[tuple[object, ...]]) -> None:
    attempt = an_attempt()
    for number, event in enumerate(events):
        after = _after(attempt, event, at(number * 10))
        assert after.filled_quantity >= attempt.filled_quantity
        if attempt.state in TERMINAL_ATTEMPTS:
            assert after.state is attempt.state
        if after.state is AttemptState.REJECTED and attempt.ever_unknown and attempt.state is not after.state:
            assert event[0] in {"order", "fill"}, "only evidence closes what was ever unknown"
        if event[0] in {"close", "resend"} and attempt.exists:
            assert after == attempt, "what exists ends by evidence alone and is never sent again"
        assert after.state is not AttemptState.INTENT or attempt.state is AttemptState.INTENT
        assert (after.held == 0) if after.terminal else True
        attempt = after
