"""Figures of the benchmarks: percentiles, and a platform that syncs to disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from kit.stage import Stage, running_stage

Report = dict[str, Any]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextlib.asynccontextmanager
async def measured_platform(settings: Mapping[str, str]) -> AsyncIterator[Stage]:
    """A durable platform in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="basketry-bench-"))
    folder.chmod(0o755)
    try:
        async with running_stage(folder, settings=settings, durable=True) as stage:
            yield stage
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(work: Callable[[], Awaitable[Report]]) -> None:
    """Run a benchmark and print its one JSON object."""

    async def body() -> Report:
        return await work()

    # Standard output belongs to the result.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    sys.stdout.write(json.dumps(asyncio.run(body())) + "\n")
