"""Children of the local runner: they end with it, and what an earlier runner left behind is found and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from basketry_local.os_user import OsUser

_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc/self")
"""There on Linux; on a Mac `ps` answers instead."""


class Stoppable(Protocol):
    """A process that can be asked to end; `subprocess.Popen` is one."""

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send a signal."""
        ...

    def kill(self) -> None:
        """SIGKILL."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        ...


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: OsUser | None = None,
    last_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child whose output goes to `log` and which gets `last_signal` when this process dies (Linux).

    The child has a session of its own, so that Ctrl-C in the terminal reaches the runner alone: it decides the
    order in which things stop.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd="/",
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=die_with_parent(last_signal),  # noqa: PLW1509 - started from the main thread only
        )


def stop(process: Stoppable, *, with_signal: signal.Signals, patience_s: float) -> int:
    """Ask a child to end, kill it when it has not after `patience_s`; returns its exit status."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(10)


def start_token(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None when there is no such process."""
    if _PROC.is_dir():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The command stands in brackets and may hold blanks; state is field 3, the start time field 22.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip() or None


class ProcessRegister:
    """Remembers the running children in files, so that the next runner can end what a killed one left.

    Args:
        folder: Where the files live, one per child.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, name: str, pid: int) -> None:
        """Remember a child that has just been started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}.pid").write_text(f"{pid} {start_token(pid) or ''}\n", encoding="utf-8")

    def forget(self, name: str) -> None:
        """The child has ended."""
        (self._folder / f"{name}.pid").unlink(missing_ok=True)

    def pid(self, name: str) -> int | None:
        """The number of a child that still runs."""
        try:
            number, _, token = (self._folder / f"{name}.pid").read_text(encoding="utf-8").strip().partition(" ")
        except OSError:
            return None
        return int(number) if number.isdigit() and token and start_token(int(number)) == token else None

    def end_leftovers(self, *, patience_s: float = 10) -> list[str]:
        """End every remembered process that still runs (last started first); returns their names."""
        names = sorted((path.stem for path in self._folder.glob("*.pid")), key=self._age)
        left = [name for name in names if self.pid(name) is not None]
        for name in left:
            end_process(self.pid, name, patience_s=patience_s)
        for name in names:
            self.forget(name)
        return left

    def _age(self, name: str) -> float:
        with contextlib.suppress(OSError):
            return -(self._folder / f"{name}.pid").stat().st_mtime
        return 0.0


def end_process(pid_of: Callable[[str], int | None], name: str, *, patience_s: float) -> None:
    """End a process that is not our child: politely at first, then by force; it is asked for again each time."""
    # SIGINT is PostgreSQL's fast stop (SIGTERM would wait for its clients); the others take it as Ctrl-C.
    for number, patience in ((signal.SIGINT, patience_s), (signal.SIGKILL, 5.0)):
        pid = pid_of(name)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while pid_of(name) is not None and time.monotonic() < deadline:
            time.sleep(0.02)


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child runs before it becomes the program; other systems rely on `end_leftovers` alone."""
    if not _PROC.is_dir():
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return prepare
