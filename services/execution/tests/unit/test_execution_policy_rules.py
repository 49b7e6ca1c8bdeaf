"""When a leg is tried again, and what unwinding sells: the rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from kit.one_desk import T0, a_leg, a_run, an_intent, at

from execution.domain.errors import PolicyNotForThis
from execution.domain.leg import Leg
from execution.domain.position import Run, RunKind, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.retrying import deadline, last_words, retried
from execution.domain.turn import due
from execution.domain.unwind import must_fit, to_unwind, unwinding_run
from shared.trading.policy import RETRIES_MAX, UNWIND_WITHIN, LegPolicy, unwinding
from shared.trading.status import AttemptState, LegStatus, Side

D = Decimal
TIMES = ProtocolTimes()
COMPLETE = a_run(policy=LegPolicy.COMPLETE)


def over(filled: str = "0", *, state: AttemptState = AttemptState.CANCELLED, number: int = 0) -> Leg:
    """A leg of ten whose attempt has ended."""
    attempt = an_intent(state=state, number=number, filled_quantity=D(filled))
    return replace(a_leg(), filled_quantity=D(filled)).follows(attempt)


def test_only_a_cancelled_attempt_is_followed_by_another_one_for_its_remainder() -> None:
    again = retried(over("4"), COMPLETE, now=T0, times=TIMES)
    assert again is not None
    assert (again.status, again.reason, again.retry_at) == (LegStatus.PARTIALLY_FILLED, "tried_again", at(1))
    assert (again.remainder, again.to_send, again.settled) == (D(6), True, False)
    assert due([again]) == [again]
    nothing = retried(over(), COMPLETE, now=T0, times=TIMES)
    assert nothing is not None
    assert nothing.status is LegStatus.PLANNED
    for state in (AttemptState.REJECTED, AttemptState.NEEDS_ATTENTION, AttemptState.UNKNOWN, AttemptState.PARTIAL):
        assert retried(over("4", state=state), COMPLETE, now=T0, times=TIMES) is None


def test_a_price_that_the_venue_would_not_take_is_tried_again_and_no_other_refusal_is() -> None:
    refused = over(state=AttemptState.REJECTED)
    for reason, again in (("price_limit: no higher than 99 (170372)", True), ("venue_170131: no money", False)):
        leg = retried(replace(refused, reason=reason), COMPLETE, now=T0, times=TIMES)
        assert (leg is not None) is again
    assert retried(replace(refused, reason="price_limit"), a_run(), now=T0, times=TIMES) is None


def test_an_order_that_the_venue_never_spoke_of_is_not_followed_by_another_one() -> None:
    silent = replace(over(), reason="never_placed")
    assert silent.status is LegStatus.CANCELLED
    assert retried(silent, COMPLETE, now=T0, times=TIMES) is None


@pytest.mark.parametrize("policy", [LegPolicy.HOLD, LegPolicy.UNWIND])
def test_nothing_is_tried_again_where_the_plan_does_not_say_so(policy: LegPolicy) -> None:
    assert retried(over("4"), a_run(policy=policy), now=T0, times=TIMES) is None


def test_attempts_end_with_the_deadline_with_their_number_and_with_what_the_venue_takes() -> None:
    last = T0 + TIMES.complete_for
    assert retried(over("4"), COMPLETE, now=last - timedelta(seconds=1), times=TIMES) is not None
    assert retried(over("4"), COMPLETE, now=last, times=TIMES) is None
    assert retried(over("4"), replace(COMPLETE, state=RunState.SETTLED), now=T0, times=TIMES) is None
    assert retried(over("4", number=RETRIES_MAX), COMPLETE, now=T0, times=TIMES) is None
    tiny = replace(over("9"), min_notional=D(102))
    assert retried(tiny, COMPLETE, now=T0, times=TIMES) is None
    assert (last_words(over("4")), last_words(over())) == ("partly_filled", "not_filled_in_time")


def test_pauses_grow_up_to_a_bound_and_sells_leave_the_buys_the_second_half() -> None:
    pauses = [TIMES.retry_pause(number).total_seconds() for number in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    both = replace(COMPLETE, kind=RunKind.REBALANCE)
    assert deadline(both, Side.SELL, TIMES) == at(150)
    assert deadline(both, Side.BUY, TIMES) == at(300)
    assert deadline(replace(COMPLETE, expires_at=at(7)), Side.BUY, TIMES) == at(7)


def test_what_is_said_of_an_earlier_attempt_or_again_of_the_last_one_moves_no_leg_that_went_on() -> None:
    ended = an_intent(state=AttemptState.CANCELLED, filled_quantity=D(4))
    waiting = over("4").tried_again(at(1))
    assert waiting.follows(ended) == waiting
    second = waiting.follows(an_intent(number=1, link_id="second"))
    assert (second.status, second.attempt, second.retry_at) == (LegStatus.SUBMITTED, 1, None)
    assert second.follows(ended) == second
    assert second.client_order_id == "second"


def test_a_late_match_that_fills_a_waiting_leg_leaves_nothing_to_be_tried_again() -> None:
    waiting = over("4").tried_again(at(1))
    more = waiting.filled(quantity=D(5), notional=D(500), fee=D(0), fee_asset="BTC")
    assert (more.remainder, more.to_send) == (D(1), True)
    whole = waiting.filled(quantity=D(6), notional=D(600), fee=D(0), fee_asset="BTC")
    assert (whole.status, whole.reason, whole.to_send) == (LegStatus.FILLED, None, False)
    assert (whole.filled_quantity, whole.notional, whole.settled) == (D(10), waiting.notional + 600, True)


def failed(*, bought: str = "10", other: AttemptState = AttemptState.CANCELLED) -> list[Leg]:
    done = replace(over(bought, state=AttemptState.FILLED), number=1)
    return [done, over("0", state=other)]


def test_a_failed_leg_unwinds_the_others_unless_nothing_was_bought_or_a_fate_is_not_known() -> None:
    run = a_run(policy=LegPolicy.UNWIND)
    assert to_unwind(run, failed())
    assert to_unwind(run, failed(other=AttemptState.REJECTED))
    assert not to_unwind(run, failed(bought="0"))
    assert not to_unwind(run, failed(other=AttemptState.NEEDS_ATTENTION))
    assert not to_unwind(run, failed()[:1])
    assert not to_unwind(a_run(), failed())
    assert not to_unwind(COMPLETE, failed())


def test_the_selling_run_is_one_for_each_run_and_ends_before_its_signatures_do() -> None:
    run: Run = replace(a_run(policy=LegPolicy.UNWIND), flow=D(500), cash_part=D(5))
    selling = unwinding_run(run, at(2000))
    assert selling.run_id == unwinding(run.run_id) != run.run_id
    assert selling.run_id == unwinding_run(run, at(5)).run_id
    assert (selling.kind, selling.policy, selling.flow, selling.approved) == (
        RunKind.UNWIND,
        LegPolicy.COMPLETE,
        D(0),
        D(0),
    )
    assert selling.cash_part == D(5)
    assert selling.expires_at == run.expires_at + UNWIND_WITHIN


def test_unwind_belongs_to_purchases() -> None:
    for kind in (RunKind.BUY, RunKind.INVEST):
        must_fit(LegPolicy.UNWIND, kind)
    for kind in (RunKind.REBALANCE, RunKind.WITHDRAW, RunKind.CLOSE):
        must_fit(LegPolicy.COMPLETE, kind)
        with pytest.raises(PolicyNotForThis):
            must_fit(LegPolicy.UNWIND, kind)
