"""Once an hour: approvals and signed orders of a month ago and expired key pairs are forgotten; the audit is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from keys.inbound.use_cases import UseCases
from shared.runtime.logging import get_logger

log = get_logger(__name__)
EVERY_S = 3600.0


def tidying(cases: UseCases) -> Callable[[], Awaitable[None]]:
    """The loop; replicas may run it at the same time."""

    async def run() -> None:
        while True:
            gone = await cases.pruning.prune()
            if gone:
                log.info("old_rows_pruned", rows=gone)
            await asyncio.sleep(EVERY_S)

    return run
