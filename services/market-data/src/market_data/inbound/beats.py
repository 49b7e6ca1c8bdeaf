"""What happens by the clock: tickers every second, instruments every few minutes, indices when they are due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from market_data.application.market_board import MarketBoard
from market_data.application.publish_indices import PublishIndices
from market_data.domain.index_version import IndexVersion
from shared.runtime.leases import Leases
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock
from shared.trading.errors import Conflict, PlatformError, Unavailable
from shared.trading.status import VenueEnvironment

log = get_logger(__name__)

LEASE_S = 15.0
RENEW_S = 5.0
PULL_S = 180.0
"""Longest time that one attempt may take: the source is asked at a polite pace."""
FIRST_PAUSE_S = 0.5
PATIENT_S = 60.0
"""Longest pause while the source or the venue does not answer."""
MOST_PATIENT_S = 1800.0
"""Longest pause while they answer but the figures do not make an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, in seconds."""

    quotes_s: float = 1.0
    instruments_s: float = 180.0
    limits_s: float = 10.0
    indices_s: float = 30.0


class Pauses:
    """Growing pauses between failures, from `FIRST_PAUSE_S` on."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def reset(self) -> None:
        """Something succeeded."""
        self._next_s = FIRST_PAUSE_S

    def after_failure(self, *, longest_s: float) -> float:
        """Seconds to wait now; twice as many the next time."""
        now_s = min(self._next_s, longest_s)
        self._next_s = min(self._next_s * 2, MOST_PATIENT_S)
        return now_s


def quote_beat(
    environment: VenueEnvironment, board: MarketBoard, clock: Clock, pace: Pace
) -> Callable[[], Awaitable[None]]:
    """Ask for all tickers on every beat; a beat that falls into a slow answer is skipped, never queued."""

    async def beat() -> None:
        failing = False
        while True:
            started_s = clock.monotonic()
            try:
                await board.refresh_quotes()
            except Unavailable as error:
                if not failing:
                    log.warning("quotes_failing", environment=environment, code=error.code, **error.context)
                failing = True
            else:
                if failing:
                    log.info("quotes_back", environment=environment)
                failing = False
            passed_s = clock.monotonic() - started_s
            await asyncio.sleep(pace.quotes_s - passed_s % pace.quotes_s)

    return beat


def instrument_beat(environment: VenueEnvironment, board: MarketBoard, pace: Pace) -> Callable[[], Awaitable[None]]:
    """Ask for the instruments: at once with growing pauses until they are there, then every few minutes."""

    async def beat() -> None:
        pauses = Pauses()
        while True:
            pause_s = pace.instruments_s
            try:
                count = await board.refresh_instruments()
            except Unavailable as error:
                log.warning("instruments_failing", environment=environment, code=error.code, **error.context)
                count = 0
            if count:
                pauses.reset()
                log.info("instruments_refreshed", environment=environment, count=count)
            else:
                pause_s = pauses.after_failure(longest_s=PATIENT_S)
            await asyncio.sleep(pause_s)

    return beat


def limit_beat(
    environment: VenueEnvironment, board: MarketBoard, symbols: Callable[[], Awaitable[Collection[str]]], pace: Pace
) -> Callable[[], Awaitable[None]]:
    """Ask for the price limits of what indices hold: plans keep their orders inside them.

    Args:
        environment: For the log.
        board: Keeps what the venue said.
        symbols: The pairs that matter now.
        pace: How often.
    """

    async def beat() -> None:
        failing = False
        while True:
            known = 0
            try:
                known = await board.refresh_limits(await symbols())
            except Unavailable as error:
                if not failing:
                    log.warning("price_limits_failing", environment=environment, code=error.code, **error.context)
                failing = True
            else:
                failing = False
            # The first index is made soon after the start: its limits are wanted at once.
            await asyncio.sleep(pace.limits_s if known else min(pace.limits_s, 1.0))

    return beat


class IndexBeat:
    """Puts the indices together when they are due, on one replica at a time.

    Args:
        holder: Names this process among the replicas.
    """

    def __init__(
        self, environment: VenueEnvironment, publish: PublishIndices, leases: Leases, *, holder: str, pace: Pace
    ) -> None:
        self._environment = environment
        self._publish = publish
        self._leases = leases
        self._holder = holder
        self._pace = pace
        self._name = f"indices:{environment}"

    async def __call__(self) -> None:
        """Run until cancelled."""
        pauses = Pauses()
        while True:
            pause_s = await self._attempt(pauses)
            await asyncio.sleep(pause_s)

    async def _attempt(self, pauses: Pauses) -> float:
        """Look whether something is due and do it; answers seconds until the next look."""
        try:
            if await self._publish.wanted():
                await self._alone()
        except (Unavailable, Conflict) as error:
            log.warning("indices_delayed", environment=self._environment, code=error.code, detail=error.detail)
            return pauses.after_failure(longest_s=PATIENT_S)
        except PlatformError as error:
            log.warning("indices_not_made", environment=self._environment, code=error.code, detail=error.detail)
            return pauses.after_failure(longest_s=MOST_PATIENT_S)
        pauses.reset()
        return self._pace.indices_s

    async def _alone(self) -> None:
        fence = await self._leases.acquire(self._name, self._holder, LEASE_S)
        if fence is None:
            raise Unavailable("Another replica puts the indices together.", code="lease_taken")
        keeper = asyncio.create_task(self._keep(fence))
        work = asyncio.create_task(self._work())
        try:
            await asyncio.wait({keeper, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Unavailable("The lease was lost while the indices were put together.", code="lease_lost")
            work.result()
        finally:
            for task in (keeper, work):
                task.cancel()
            await asyncio.gather(keeper, work, return_exceptions=True)
            await self._leases.release(self._name, self._holder, fence)

    async def _work(self) -> list[IndexVersion]:
        try:
            async with asyncio.timeout(PULL_S):
                return await self._publish()
        except TimeoutError as error:
            raise Unavailable("Putting the indices together took too long.", code="indices_timed_out") from error

    async def _keep(self, fence: int) -> None:
        """Ends when the lease is lost."""
        while True:
            await asyncio.sleep(RENEW_S)
            if not await self._leases.renew(self._name, self._holder, fence, LEASE_S):
                return
