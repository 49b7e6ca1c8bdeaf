"""One service of the platform as a process: started, asked whether it is ready, stopped, started again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from basketry_local.launchers import Launcher, RunningProcess
from basketry_local.processes import ProcessRegister, stop

_LONGEST_PAUSE_S = 30.0
_HEALTHY_AFTER_S = 60.0
GIVES_WAY = frozenset({"reconciler", "market_data"})
"""Where six services share a few cores, whoever compares and values waits for whoever trades."""
_WAY = 10


class ServiceProcess:
    """A service in a process of its own.

    Args:
        name: Its import package; `<name>.main` is run.
        environment: All of its settings.
        log: Where its output goes.
        ready_url: Answers 200 when the service can work.
        register: Remembers the process for the next runner.
        launcher: Starts it.
    """

    def __init__(
        self,
        name: str,
        *,
        environment: Mapping[str, str],
        log: Path,
        ready_url: str,
        register: ProcessRegister,
        launcher: Launcher,
    ) -> None:
        self.name = name
        self.log = log
        self.ready_url = ready_url
        self.environment = dict(environment)
        self.restarts = 0
        self._register = register
        self._launcher = launcher
        self._process: RunningProcess | None = None
        self._started_at = 0.0
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How the last process ended."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        self._process = self._launcher.launch(self.name, environment=self.environment, log=self.log)
        self._started_at = time.monotonic()
        if self.name in GIVES_WAY:
            with contextlib.suppress(OSError):  # a courtesy: without the right to give it, everything works as well
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _WAY)
        self._register.note(self.name, self._process.pid)

    def ask_to_stop(self) -> None:
        """SIGTERM: finish what is running, take nothing new."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, *, patience_s: float = 25.0) -> int | None:
        """Stop and wait; returns the exit status, None when it never ran."""
        if self._process is None:
            return None
        status = stop(self._process, with_signal=signal.SIGTERM, patience_s=patience_s)
        self._register.forget(self.name)
        return status

    def kill(self) -> None:
        """As a crash: SIGKILL, nothing is finished."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def restart_pause_s(self) -> float:
        """How long to wait before starting a process that died: doubling, forgotten after a healthy minute."""
        if time.monotonic() - self._started_at > _HEALTHY_AFTER_S:
            self._failures = 0
        pause = min(_LONGEST_PAUSE_S, 0.25 * 2.0**self._failures)
        self._failures += 1
        self.restarts += 1
        return pause

    async def ready(self, client: httpx.AsyncClient) -> bool:
        """Whether the service says that it can work."""
        if not self.alive:
            return False
        try:
            answer = await client.get(self.ready_url, timeout=2)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for a person who wants to know why."""
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
