"""The stage of the fault tests: a venue that takes its time, small batches, prices that stand still."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from basketry_local.launchers import Launcher
from kit.stage import Stage, running_stage

SCALE = 30
VENUE_LATENCY_MS = 200
SETTINGS = {
    "EXECUTION_TIMES_SCALE": str(SCALE),
    "EXECUTION_BATCH_SIZE": "3",
    "RECONCILER_TIMES_SCALE": str(SCALE),
}


@contextlib.asynccontextmanager
async def slow_venue(
    folder: Path, *, settings: Mapping[str, str] | None = None, launcher: Launcher | None = None
) -> AsyncIterator[Stage]:
    """Everything up, with a proxy on the wire between execution and the venue."""
    sys.stderr.write(f"protocol times divided by {SCALE}, the receive window at full length\n")
    given = {**SETTINGS, **(settings or {})}
    async with running_stage(folder, settings=given, through_proxy=True, launcher=launcher) as stage:
        await stage.order(kind="latency", path="/v5/order/*", latency_ms=VENUE_LATENCY_MS)
        await stage.freeze_prices()
        yield stage
