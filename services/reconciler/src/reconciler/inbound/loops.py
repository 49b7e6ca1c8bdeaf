"""What the reconciler does by the clock; each loop is for ever and supervised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from reconciler.application.announce import Announce
from reconciler.application.ports import Agenda
from reconciler.application.revalue import Revalue
from reconciler.application.thin_points import ThinPoints
from shared.runtime.leases import Leases
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock
from shared.trading.errors import Throttled, Unavailable

log = get_logger(__name__)

LEASE_S = 15.0
JOBS_AT_ONCE = 100
THIN_EVERY_S = 60.0
LOOK_S = 0.5
"""Pause between two looks at the agenda."""


class Leased:
    """Runs a step over and over in one replica at a time.

    Args:
        name: Of the lease.
        step: Returns the seconds until it wants to run again.
    """

    def __init__(self, name: str, holder: str, leases: Leases, step: Callable[[], Awaitable[float]]) -> None:
        self._name = name
        self._holder = holder
        self._leases = leases
        self._step = step

    async def __call__(self) -> None:
        """Run for ever; a cancelled holder gives its lease back at once."""
        while True:
            fence = await self._leases.acquire(self._name, self._holder, LEASE_S)
            if fence is None:
                await asyncio.sleep(LEASE_S / 5)
                continue
            try:
                await self._hold(fence)
            finally:
                await self._leases.release(self._name, self._holder, fence)

    async def _hold(self, fence: int) -> None:
        """Until the lease is lost; it is renewed after a third of its time, not before every step."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            if loop.time() - renewed >= LEASE_S / 3:
                if not await self._leases.renew(self._name, self._holder, fence, LEASE_S):
                    return
                renewed = loop.time()
            pause_s = await self._step()
            await asyncio.sleep(min(pause_s, LEASE_S / 3))  # cut, so that the lease is renewed in time


def ticker(announce: Announce) -> Callable[[], Awaitable[float]]:
    """Tells each slot once it has begun; a new holder tells the current one again, which is the same message."""
    told: datetime | None = None

    async def step() -> float:
        nonlocal told
        if announce.slot() != told:
            told = await announce.tick()
        return announce.until_next_s()

    return step


def revaluation(revalue: Revalue, clock: Clock, *, every_s: float) -> Callable[[], Awaitable[float]]:
    """Values the active positions; when market-data is away it says so and tries again."""

    async def step() -> float:
        began = clock.monotonic()
        try:
            told = await revalue.run_once()
        except (Unavailable, Throttled) as error:
            log.warning("revaluation_waits", code=error.code)
            return every_s
        if told:
            log.debug("positions_revalued", told=told)
        return max(0.05, every_s - (clock.monotonic() - began))

    return step


def thinning(thin: ThinPoints) -> Callable[[], Awaitable[float]]:
    """Thins P&L points with their age."""

    async def step() -> float:
        return 0.0 if await thin.run_once() else THIN_EVERY_S

    return step


def due_accounts(agenda: Agenda, clock: Clock) -> Callable[[], Awaitable[None]]:
    """Turns accounts that are due into jobs; every replica does it."""

    async def loop() -> None:
        while True:
            if await agenda.due_jobs(clock.now(), limit=JOBS_AT_ONCE) < JOBS_AT_ONCE:
                await asyncio.sleep(LOOK_S)

    return loop
