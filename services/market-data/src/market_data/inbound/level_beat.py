"""Levels by the clock, on one replica at a time."""

from __future__ import annotations

import asyncio

from market_data.application.record_levels import RecordLevels
from shared.runtime.leases import Leases
from shared.runtime.logging import get_logger
from shared.trading.errors import PlatformError
from shared.trading.status import VenueEnvironment

log = get_logger(__name__)
LEASE_S = 60.0


class LevelBeat:
    """Looks whether points are due.

    Args:
        holder: Names this process among the replicas.
        every_s: Pause between two looks.
    """

    def __init__(
        self, environment: VenueEnvironment, record: RecordLevels, leases: Leases, *, holder: str, every_s: float
    ) -> None:
        self._environment = environment
        self._record = record
        self._leases = leases
        self._holder = holder
        self._every_s = every_s
        self._name = f"levels:{environment}"
        self._failing = False

    async def __call__(self) -> None:
        """Run until cancelled."""
        fence: int | None = None
        try:
            while True:
                fence = await self._look(fence)
                await asyncio.sleep(self._every_s)
        finally:
            if fence is not None:
                await asyncio.shield(self._leases.release(self._name, self._holder, fence))

    async def _look(self, fence: int | None) -> int | None:
        try:
            fence = await self._lead(fence)
            if fence is not None:
                await self._record()
        except PlatformError as error:
            if not self._failing:
                log.warning("levels_delayed", environment=self._environment, code=error.code)
            self._failing = True
        else:
            self._failing = False
        return fence

    async def _lead(self, fence: int | None) -> int | None:
        """Keep the lease, or try to get it."""
        if fence is not None and await self._leases.renew(self._name, self._holder, fence, LEASE_S):
            return fence
        return await self._leases.acquire(self._name, self._holder, LEASE_S)
