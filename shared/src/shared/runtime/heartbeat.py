"""Liveness: a thread watches whether the event loop still turns, and ends the process when it does not."""

from __future__ import annotations

import asyncio
import faulthandler
import sys
import threading
import time

from shared.runtime.death import die

BEAT_S = 0.5
FROZEN_S = 20.0
"""A loop that has not turned for this long will not serve anybody; a frozen one also answers no probe."""


class Heartbeat:
    """The loop beats, a thread listens."""

    def __init__(self, *, frozen_s: float = FROZEN_S) -> None:
        self._frozen_s = frozen_s
        self._last = time.monotonic()
        self._stopped = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat, on the running loop."""
        self._last = time.monotonic()
        self._stopped.clear()
        self._task = asyncio.create_task(self._beat())
        threading.Thread(target=self._listen, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """End both."""
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()

    def age_s(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._last

    async def _beat(self) -> None:
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(BEAT_S)

    def _listen(self) -> None:
        listened = time.monotonic()
        while not self._stopped.wait(BEAT_S):
            now = time.monotonic()
            # When the whole process slept (a laptop's lid, a debugger), this thread did too: no verdict then.
            slept, listened = now - listened > self._frozen_s / 2, now
            if not slept and self.age_s() > self._frozen_s:
                faulthandler.dump_traceback(file=sys.stderr)
                die("event_loop_frozen", seconds=round(self.age_s(), 1))
