from __future__ import annotations

import asyncio
from typing import Any

import pytest

from market_data.application.market_board import MarketBoard
from market_data.domain.errors import SourceUnavailable, TooFewConstituents, VenueUnavailable
from market_data.inbound.beats import MOST_PATIENT_S, PATIENT_S, IndexBeat, Pace, Pauses, quote_beat
from shared.testing import eventually
from shared.trading.clock import SystemClock
from shared.trading.status import VenueEnvironment

PAPER = VenueEnvironment.PAPER


class FakePublish:
    """Fails as told, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    async def wanted(self) -> dict[str, object]:
        return {"top-10": None} if self.calls <= len(self.failures) else {}

    async def __call__(self) -> list[object]:
        self.calls += 1
        if self.calls <= len(self.failures):
            raise self.failures[self.calls - 1]
        return []


class FakeLeases:
    def __init__(self, *, free: bool = True) -> None:
        self.free = free
        self.held: list[str] = []

    async def acquire(self, name: str, holder: str, ttl_s: float) -> int | None:
        if not self.free:
            return None
        self.held.append(name)
        return 1

    async def renew(self, name: str, holder: str, fence: int, ttl_s: float) -> bool:
        return name in self.held

    async def release(self, name: str, holder: str, fence: int) -> None:
        self.held.remove(name)


def a_beat(publish: FakePublish, leases: FakeLeases) -> Any:
    return IndexBeat(PAPER, publish, leases, holder="me", pace=Pace(indices_s=30.0))  # type: ignore[arg-type]


async def test_pauses_double_while_the_source_is_away_and_start_again_after_a_success() -> None:
    publish, leases, pauses = FakePublish(*[SourceUnavailable()] * 9), FakeLeases(), Pauses()
    beat = a_beat(publish, leases)
    waited = [await beat._attempt(pauses) for _ in range(10)]
    assert waited == [0.5, 1, 2, 4, 8, 16, 32, PATIENT_S, PATIENT_S, 30.0]
    assert pauses.after_failure(longest_s=PATIENT_S) == 0.5
    assert leases.held == []


async def test_figures_that_make_no_index_are_asked_for_ever_more_rarely() -> None:
    beat, pauses = a_beat(FakePublish(*[TooFewConstituents()] * 20), FakeLeases()), Pauses()
    waited = [await beat._attempt(pauses) for _ in range(20)]
    assert waited[0] == 0.5
    assert waited[-1] == MOST_PATIENT_S


async def test_one_replica_works_while_the_others_wait() -> None:
    publish = FakePublish()
    pause_s = await a_beat(publish, FakeLeases(free=False))._attempt(Pauses())
    assert (publish.calls, pause_s) == (0, 0.5)


async def test_a_programming_mistake_is_not_swallowed() -> None:
    leases = FakeLeases()
    with pytest.raises(ZeroDivisionError):
        await a_beat(FakePublish(ZeroDivisionError()), leases)._attempt(Pauses())
    assert leases.held == []


class FlakyVenue:
    def __init__(self) -> None:
        self.asked = 0

    async def quotes(self) -> dict[str, Any]:
        self.asked += 1
        raise VenueUnavailable


async def test_quotes_are_asked_for_again_after_a_failure() -> None:
    venue = FlakyVenue()
    board = MarketBoard(venue, SystemClock())  # type: ignore[arg-type]
    beat = asyncio.ensure_future(quote_beat(PAPER, board, SystemClock(), Pace(quotes_s=0.01))())
    try:
        await eventually(lambda: venue.asked >= 3, because="it asks again")
        assert board.quotes_age_s() is None
    finally:
        beat.cancel()
