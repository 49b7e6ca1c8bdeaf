"""The machine's own pace while something is measured, and rounds that are repeated when it was not steady.

A shared machine may run at a fifth of its pace for seconds while no counter in it says so (no steal, idle disks). A fixed
piece of work, timed in processor time beside every measurement, does.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeVar

PIECE = 10_000
EVERY_S = 0.02
SLOWER_MAX = 1.5
"""A round counts when the piece of work took at most so many times what it took in the best round of the run."""

T = TypeVar("T")


class Pace:
    """Times the piece of work again and again while its block runs.

    Attributes:
        cost_ms: Its median processor time in ms; known after the block.
    """

    def __init__(self) -> None:
        self.cost_ms = 0.0
        self._costs: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="pace", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.cost_ms = statistics.median(self._costs)

    def _measure(self) -> None:
        while True:
            began = time.thread_time()
            total = 0
            for number in range(PIECE):
                total += number * number
            self._costs.append((time.thread_time() - began) * 1000)
            if self._over.wait(EVERY_S):
                return


@dataclass(frozen=True, slots=True)
class Rounds(Generic[T]):
    """What came of the rounds of one benchmark, in order.

    Attributes:
        costs_ms: The pace of each, as `Pace.cost_ms`.
    """

    results: list[T] = field(default_factory=list)
    costs_ms: list[float] = field(default_factory=list)

    @property
    def steady(self) -> list[bool]:
        """Which of them the machine did not disturb."""
        best = min(self.costs_ms, default=0.0)
        return [cost <= SLOWER_MAX * best for cost in self.costs_ms]

    def counted(self, wanted: int) -> list[T]:
        """The steady rounds; all of them where fewer than `wanted` are, since then nothing better is known."""
        steady = [result for result, is_steady in zip(self.results, self.steady, strict=True) if is_steady]
        return steady if len(steady) >= wanted else self.results


async def rounds_at_a_steady_pace(
    one: Callable[[], Awaitable[tuple[T, float]]], *, wanted: int, most: int
) -> Rounds[T]:
    """Run rounds until enough of them were steady.

    Args:
        one: A round; answers its result and its pace.
        wanted: Steady rounds.
        most: Rounds in all, whatever the machine does.
    """
    done: Rounds[T] = Rounds()
    while sum(done.steady) < wanted and len(done.results) < most:
        result, cost_ms = await one()
        done.results.append(result)
        done.costs_ms.append(cost_ms)
        sys.stderr.write(f"  round {len(done.results)}, {sum(done.steady)} of {wanted} at a steady pace\n")
    return done
