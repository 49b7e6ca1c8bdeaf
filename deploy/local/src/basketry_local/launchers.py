"""Two ways to start a service's process: a fresh interpreter anywhere, a fork of a preloaded one on Linux."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from basketry_local.processes import Stoppable, die_with_parent, spawn, start_token

_FIRST_ANSWER_S = 60.0


class RunningProcess(Stoppable, Protocol):
    """What the runner needs of a process; `subprocess.Popen` has it."""

    pid: int


class Launcher(Protocol):
    """Starts services."""

    def launch(self, service: str, *, environment: Mapping[str, str], log: Path) -> RunningProcess:
        """Start `<service>.main` with this environment."""
        ...

    def wait_until_loaded(self) -> None:
        """Return when a launch takes no time any more."""
        ...

    def close(self) -> None:
        """Nothing more will be started; what runs has been stopped."""
        ...


class FreshInterpreters:
    """`python -m <service>.main`, as in a container."""

    def launch(self, service: str, *, environment: Mapping[str, str], log: Path) -> RunningProcess:
        """Start a new interpreter."""
        return spawn([sys.executable, "-m", f"{service}.main"], log=log, environment=environment)

    def wait_until_loaded(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to close."""


class ForkedInterpreters:
    """Forks of one process that has imported every service already.

    Args:
        services: What to import.
        log: Of the preloading process itself.
    """

    def __init__(self, services: Sequence[str], log: Path) -> None:
        self._services = tuple(services)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._unread = b""
        self._ended: dict[int, int] = {}
        self._started: list[int] = []
        self._loaded = False

    def preload(self) -> None:
        """Begin to import; returns at once."""
        self.close()
        self._loaded = False
        ours, theirs = socket.socketpair()
        self._control, self._unread = ours, b""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "basketry_local.zygote", str(theirs.fileno()), *self._services],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - from the main thread only
            )
        theirs.close()

    def wait_until_loaded(self) -> None:
        """Wait for the imports."""
        deadline = time.monotonic() + _FIRST_ANSWER_S
        while not self._loaded and time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return  # launching says what is wrong
            self._listen(1.0)

    def launch(self, service: str, *, environment: Mapping[str, str], log: Path) -> RunningProcess:
        """Fork; waits for the imports when they are still going on."""
        if self._process is None or self._process.poll() is not None or self._control is None:
            self.preload()
        log.parent.mkdir(parents=True, exist_ok=True)
        request = {"service": service, "environment": dict(environment), "log": str(log)}
        assert self._control is not None
        self._control.settimeout(_FIRST_ANSWER_S)
        self._control.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + _FIRST_ANSWER_S
        while not self._started and time.monotonic() < deadline:
            self._listen(_FIRST_ANSWER_S)
            if self._process is not None and self._process.poll() is not None:
                break
        if not self._started:
            raise ChildProcessError(f"the preloaded interpreter did not start {service}; its log: {self._log}")
        return ForkedProcess(self._started.pop(0), self)

    def exit_status(self, pid: int) -> int | None:
        """How a forked process ended; None while it runs."""
        self._listen(0)
        if pid not in self._ended and start_token(pid) is None:
            # The preloaded interpreter reaps and tells within a moment, unless it is gone itself.
            self._listen(0.5)
            self._ended.setdefault(pid, -signal.SIGKILL)
        return self._ended.get(pid)

    def close(self) -> None:
        """End the preloaded process; the forked ones get SIGTERM where they still run."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _listen(self, patience_s: float) -> None:
        """Take in the news that is there, waiting at most so long for the first."""
        if self._control is None:
            return
        self._control.settimeout(patience_s)
        with contextlib.suppress(TimeoutError, BlockingIOError, ConnectionError):
            self._unread += self._control.recv(65_536)
        while b"\n" in self._unread:
            line, _, self._unread = self._unread.partition(b"\n")
            self._note(json.loads(line))

    def _note(self, news: dict[str, Any]) -> None:
        if "started" in news:
            self._ended.pop(news["started"], None)
            self._started.append(news["started"])
        elif "loaded" in news:
            self._loaded = True
        else:
            self._ended[news["ended"]] = news["status"]


class ForkedProcess:
    """A process that another one has forked for us.

    Args:
        pid: Its number.
        family: Knows when it has ended.
    """

    def __init__(self, pid: int, family: ForkedInterpreters) -> None:
        self.pid = pid
        self._family = family
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        if self._status is None:
            self._status = self._family.exit_status(self.pid)
        return self._status

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        deadline = time.monotonic() + (timeout if timeout is not None else 3600.0)
        while True:
            status = self.poll()
            if status is not None:
                return status
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(0.01)


def best_launcher(services: Sequence[str], log: Path) -> Launcher:
    """Forks where that is safe (Linux); BASKETRY_FRESH_INTERPRETERS=1 asks for separate interpreters."""
    if sys.platform != "linux" or os.environ.get("BASKETRY_FRESH_INTERPRETERS"):
        return FreshInterpreters()
    forked = ForkedInterpreters(services, log)
    forked.preload()
    return forked
