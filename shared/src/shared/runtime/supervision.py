"""Background loops: one that falls is started again after a pause, loudly; all are cancelled at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter

from shared.runtime.logging import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0
"""A loop that ran this long starts over with the first pause."""

Loop = Callable[[], Awaitable[None]]


class Supervisor:
    """Runs named loops until they are stopped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._falls = Counter("loop_falls", "Background loops that raised", ["loop"], registry=registry)

    def start(self, name: str, loop: Loop) -> None:
        """Run a loop from now on."""
        self._tasks[name] = asyncio.create_task(self._keep_running(name, loop), name=f"loop:{name}")

    async def stop(self, *names: str, patience_s: float = 10.0) -> None:
        """Cancel loops (all without names) and wait until they have cleaned up, at most `patience_s`."""
        chosen = [self._tasks.pop(name) for name in (names or tuple(self._tasks)) if name in self._tasks]
        for task in chosen:
            task.cancel()
        if chosen:
            _, late = await asyncio.wait(chosen, timeout=patience_s)
            for task in late:
                log.error("loop_did_not_stop", loop=task.get_name())

    async def _keep_running(self, name: str, loop: Loop) -> None:
        pause = FIRST_PAUSE_S
        clock = asyncio.get_running_loop()
        while True:
            started = clock.time()
            try:
                await loop()
                return
            except Exception:
                self._falls.labels(name).inc()
                log.exception("loop_fell", loop=name, pause_s=pause)
            if clock.time() - started > HEALTHY_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
