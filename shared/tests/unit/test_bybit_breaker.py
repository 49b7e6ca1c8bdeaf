"""Who is banned leaves the venue alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.runtime.bybit.breaker import BAN_PAUSE, VenueBreaker
from shared.runtime.bybit.outcomes import Accepted, Refused, Unknown
from shared.testing import FakeClock
from shared.trading.errors import Unavailable

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "sign",
    [
        Unknown(reason="http_403", http_status=403),
        Unknown(reason="http_429", http_status=429),
        Unknown(reason="code_10429", code=10429),
    ],
)
def test_a_ban_by_the_venue_stops_all_calls_until_the_pause_is_over(sign: Unknown) -> None:
    clock = FakeClock(T0)
    breaker = VenueBreaker(pause=BAN_PAUSE, clock=clock, host="paper")
    breaker.heard(sign)
    clock.advance(599)
    with pytest.raises(Unavailable) as paused:
        breaker.check()
    assert (paused.value.code, paused.value.retry_after_s) == ("venue_paused", 1)
    clock.advance(1)
    breaker.check()


@pytest.mark.parametrize(
    "other",
    [
        Unknown(reason="http_502", http_status=502),
        Unknown(reason="read_timeout"),
        Refused(code=10005, message="Permission denied", blind=True),
        Accepted(reply=()),
    ],
)
def test_nothing_else_stops_them(other: object) -> None:
    breaker = VenueBreaker(pause=BAN_PAUSE, clock=FakeClock(T0), host="paper")
    breaker.heard(other)
    breaker.check()
