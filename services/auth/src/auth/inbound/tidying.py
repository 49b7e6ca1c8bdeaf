"""Once an hour: attempts on addresses that nobody registered are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shared.runtime.logging import get_logger

log = get_logger(__name__)
EVERY_S = 3600.0


def tidying(forget: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[None]]:
    """The loop around `forget`, which answers how many rows it dropped."""

    async def run() -> None:
        while True:
            dropped = await forget()
            if dropped:
                log.info("strangers_forgotten", count=dropped)
            await asyncio.sleep(EVERY_S)

    return run
