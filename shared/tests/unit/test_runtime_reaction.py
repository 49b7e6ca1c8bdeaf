"""How a consumer reacts: one table."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shared.contracts.topology import MAX_DELIVER
from shared.runtime.database import DatabaseUnavailable
from shared.runtime.reaction import LONGEST_DELAY_S, Ack, Bury, Pause, Retry, delay_s, reaction
from shared.trading.errors import Conflict, Denied, Invalid, NotFound, OutcomeUnknown, Throttled, Unavailable


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Invalid("x", code="a"), Bury("invalid", "a", "x")),
        (NotFound("x", code="a"), Bury("not_found", "a", "x")),
        (Denied("x", code="a"), Bury("denied", "a", "x")),
        (Conflict("x", code="a"), Bury("conflict", "a", "x")),
        (OutcomeUnknown("x"), Ack()),
        (DatabaseUnavailable(), Pause()),
    ],
)
@pytest.mark.parametrize("deliveries", [1, MAX_DELIVER])
def test_reactions_that_do_not_depend_on_the_number(error: Exception, verdict: object, deliveries: int) -> None:
    assert reaction(error, deliveries=deliveries) == verdict


@pytest.mark.parametrize("error", [Unavailable("away"), Throttled("slow down"), ZeroDivisionError()])
def test_transient_errors_are_tried_again_with_growing_pauses_then_buried(error: Exception) -> None:
    delays = []
    for deliveries in range(1, MAX_DELIVER):
        verdict = reaction(error, deliveries=deliveries)
        assert isinstance(verdict, Retry)
        delays.append(verdict.delay_s)
    assert delays[0] < 1.3
    assert all(later > earlier for earlier, later in pairwise(delays[:4]))
    # A neighbour may be away for three minutes before anything becomes a dead letter.
    assert sum(delays) > 150
    assert isinstance(reaction(error, deliveries=MAX_DELIVER), Bury)


def test_a_throttled_neighbour_is_given_the_time_it_asks_for() -> None:
    assert reaction(Throttled(retry_after_s=42), deliveries=1) == Retry(42)


def test_the_text_of_a_foreign_error_is_not_passed_on() -> None:
    verdict = reaction(ValueError("postgresql://user:password@host"), deliveries=MAX_DELIVER)
    assert isinstance(verdict, Bury)
    assert "password" not in verdict.detail


def test_delays_are_spread_and_bounded() -> None:
    assert len({delay_s(3) for _ in range(10)}) == 10
    assert all(delay_s(n) <= LONGEST_DELAY_S * 1.2 for n in range(1, 50))
