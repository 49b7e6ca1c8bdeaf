from __future__ import annotations

from datetime import timedelta

import pytest

from shared.testing import FakeClock, FakeIds, NeverHappened, eventually


async def test_it_returns_the_first_truthy_answer() -> None:
    answers = iter([0, None, 3, 4])
    assert await eventually(lambda: next(answers), every_s=0) == 3


async def test_a_failed_assertion_means_not_yet() -> None:
    seen: list[int] = []

    async def probe() -> bool:
        seen.append(1)
        assert len(seen) > 2
        return True

    assert await eventually(probe, every_s=0)


async def test_it_gives_up_and_says_what_it_saw() -> None:
    with pytest.raises(NeverHappened, match=r"the leg fills: not within 0\.01 s; the last answer was 0"):
        await eventually(lambda: 0, timeout_s=0.01, because="the leg fills")


def test_the_fake_clock_moves_only_by_hand_and_ids_count_up() -> None:
    clock = FakeClock()
    before, tick = clock.now(), clock.monotonic()
    clock.advance(90)
    assert clock.now() - before == timedelta(seconds=90)
    assert clock.monotonic() - tick == 90
    ids = FakeIds()
    first, second = ids.uuid(), ids.uuid()
    assert first.version == 4
    assert first.int & ((1 << 80) - 1) != second.int & ((1 << 80) - 1)
