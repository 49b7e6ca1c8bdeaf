"""Background loops: one that falls is started again after a pause, loudly; all are cancelled at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter

from shared.runtime.logging import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
CANCEL_AGAIN_S = 3.0
HEALTHY_S = 60.0
"""A loop that ran this long starts over with the first pause."""

Loop = Callable[[], Awaitable[None]]


class Supervisor:
    """Runs named loops until they are stopped."""

    def __init__(self, registry: CollectorRegistry, *, cancel_again_s: float = CANCEL_AGAIN_S) -> None:
        self._cancel_again_s = cancel_again_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._falls = Counter("loop_falls", "Background loops that raised", ["loop"], registry=registry)

    def start(self, name: str, loop: Loop) -> None:
        """Run a loop from now on."""
        self._tasks[name] = asyncio.create_task(self._keep_running(name, loop), name=f"loop:{name}")

    async def stop(self, *names: str, patience_s: float = 10.0) -> None:
        """Cancel loops (all without names) and wait until they have cleaned up, at most `patience_s`."""
        chosen = [self._tasks.pop(name) for name in (names or tuple(self._tasks)) if name in self._tasks]
        loop = asyncio.get_running_loop()
        deadline, late = loop.time() + patience_s, set(chosen)
        while late and (left_s := deadline - loop.time()) > 0:
            # Again and again: before Python 3.12 `wait_for`, also in libraries, loses a cancellation that meets a result.
            for task in late:
                task.cancel()
            _, late = await asyncio.wait(late, timeout=min(left_s, self._cancel_again_s))
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
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    log.warning("loop_fell_while_stopping", loop=name, exc_info=True)
                    return  # an error while cleaning up must not bring a cancelled loop back
                self._falls.labels(name).inc()
                log.exception("loop_fell", loop=name, pause_s=pause)
            if clock.time() - started > HEALTHY_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
