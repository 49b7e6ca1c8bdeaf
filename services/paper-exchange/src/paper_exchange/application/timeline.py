"""Lets the venue's time pass: prices move, delayed matches fall due, resting orders meet the market, streams are told."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.venue_clock import VirtualClock
from paper_exchange.domain.refusal import Refused, request_error

LONGEST_MS = 31 * 86_400_000
HOUR_MS = 3_600_000
COARSE_STEP_MS = 30_000
"""How fine a run of an hour and more is: two prices a minute."""
FINE_STEP_MS = 1_000
MOST_STEPS = 1_000_000
"""A run ends while somebody waits for it."""
BREATH = 64
"""After so many steps the sockets get their turn."""


class Timeline:
    """The order in which things happen at one moment.

    Args:
        exchange: What happens.
        tell_public: Tells the public streams the new prices.
        clock: Set when the venue's time is virtual; then nothing moves unless `run` is called.
    """

    def __init__(
        self, exchange: Exchange, tell_public: Callable[[], None], *, clock: VirtualClock | None = None
    ) -> None:
        self._exchange = exchange
        self._tell_public = tell_public
        self.clock = clock
        self.match: Callable[[str], None] = exchange.matcher.match
        self._due: list[tuple[int, str]] = []

    def tick(self) -> None:
        """One moment of the market."""
        self._exchange.market.tick()
        self._exchange.matcher.match_resting()
        self._tell_public()

    def match_later(self, order_id: str, delay_ms: int) -> None:
        """Match an order after so much virtual time."""
        heapq.heappush(self._due, (self._exchange.now_ms() + delay_ms, order_id))

    async def run(self, milliseconds: int, *, step_ms: int = 0) -> int:
        """Let virtual time pass.

        Args:
            milliseconds: How long.
            step_ms: Time between two prices; 0: a second, or 30 seconds in a run of an hour and more.

        Returns:
            How many steps it took.

        Raises:
            Refused: the venue's time is the machine's, or the run is too long.
        """
        clock = self.clock
        if clock is None:
            raise request_error("the venue's time is real: start it with PAPER_EXCHANGE_CLOCK=virtual")
        if not 0 < milliseconds <= LONGEST_MS:
            raise Refused(10001, "advance_ms must be 1 to 31 days")
        if step_ms and milliseconds // step_ms > MOST_STEPS:
            raise request_error(f"advance_ms must be at most {MOST_STEPS} times step_ms")
        step_ms = step_ms or (COARSE_STEP_MS if milliseconds >= HOUR_MS else FINE_STEP_MS)
        end, steps = clock.now_ms + milliseconds, 0
        while clock.now_ms < end:
            self._move_to(min(end, clock.now_ms + step_ms), clock)
            self.tick()
            steps += 1
            if steps % BREATH == 0:
                await asyncio.sleep(0)
        return steps

    def _move_to(self, moment_ms: int, clock: VirtualClock) -> None:
        """Go on, stopping where an order is due to be matched."""
        while self._due and self._due[0][0] <= moment_ms:
            due_ms, order_id = heapq.heappop(self._due)
            clock.advance(due_ms - clock.now_ms)
            self.match(order_id)
        clock.advance(moment_ms - clock.now_ms)
