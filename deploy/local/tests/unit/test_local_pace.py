"""Which rounds of a benchmark count."""

from __future__ import annotations

import pytest
from kit.pace import Pace, Rounds, rounds_at_a_steady_pace


def of(*costs_ms: float) -> Rounds[float]:
    return Rounds(results=list(costs_ms), costs_ms=list(costs_ms))


def test_a_round_counts_when_the_machine_was_about_as_fast_as_in_its_best_one() -> None:
    assert of(0.6, 0.4, 2.0, 0.61).steady == [True, True, False, False]
    assert of(0.6, 0.4, 2.0, 0.61).counted(2) == [0.6, 0.4]


def test_all_rounds_count_when_too_few_were_steady() -> None:
    assert of(0.4, 2.0, 1.0).counted(2) == [0.4, 2.0, 1.0]


@pytest.mark.parametrize(
    ("costs_ms", "run"),
    [
        ([0.4, 0.4, 0.4], 3),
        ([0.4, 2.0, 0.4, 2.0, 0.4], 5),
        ([2.0, 2.0, 0.4, 0.4, 0.4], 5),  # what looked steady at first was not
        ([2.0, 0.4, 2.0, 2.0, 2.0, 2.0, 2.0], 6),
    ],
)
async def test_rounds_are_repeated_until_enough_were_steady(costs_ms: list[float], run: int) -> None:
    coming = iter(costs_ms)

    async def one() -> tuple[str, float]:
        return "round", next(coming)

    done = await rounds_at_a_steady_pace(one, wanted=3, most=6)
    assert done.costs_ms == costs_ms[:run]


def test_the_pace_is_measured_while_the_block_runs() -> None:
    with Pace() as pace:
        assert pace.cost_ms == 0
    assert pace.cost_ms > 0
