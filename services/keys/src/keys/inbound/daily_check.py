"""Every key is checked at its venue once a day, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from keys.domain.endpoints import Caller
from keys.inbound.use_cases import UseCases
from shared.runtime.logging import get_logger
from shared.trading.errors import PlatformError

log = get_logger(__name__)

AT_ONCE = 10
PAUSE_S = 0.5
"""Between two keys: two checks a second disturb no trade."""
ROUND_S = 60.0
AGAIN_IN = timedelta(minutes=15)
"""A check that found no answer is tried again then; a successful one sets the next day."""


def daily_check(
    cases: UseCases, *, round_s: float = ROUND_S, pause_s: float = PAUSE_S
) -> Callable[[], Awaitable[None]]:
    """The loop; replicas share the queue."""

    async def run() -> None:
        while True:
            if not await check_due(cases, pause_s=pause_s):
                await asyncio.sleep(round_s)

    return run


async def check_due(cases: UseCases, *, pause_s: float = PAUSE_S) -> int:
    """Check the keys that are due now; how many there were."""
    now = cases.clock.now()
    due = await cases.due_checks.due(now, next_at=now + AGAIN_IN, limit=AT_ONCE)
    for one in due:
        try:
            key = await cases.check(one.user_id, one.key_id, actor=Caller.KEYS)
        except PlatformError as error:
            # Left for the next round in a quarter of an hour: the key's state did not change.
            log.warning("daily_check_failed", key_id=str(one.key_id), code=error.code)
        else:
            log.info("daily_check", key_id=str(one.key_id), status=key.status.value)
        await asyncio.sleep(pause_s)
    return len(due)
