"""Imports the services once and forks each into a process of its own: on two cores imports are what a start costs.

Runs as `python -m basketry_local.zygote FD`: requests and news are JSON lines on that socket. A forked service is
an ordinary process: own session, own environment, own log, killed and restarted by itself.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_LONGEST_REQUEST = 1 << 20


class Zygote:
    """The process that all services are forked from. It has no threads and no event loop.

    Args:
        control: The runner's end of it; when that closes, everything ends.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pending = b""

    def serve(self) -> str | None:
        """Answer requests; returns the service's name in a forked child, None at the end in the zygote itself."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the read below
        signal.siginterrupt(signal.SIGCHLD, True)
        self._control.settimeout(0.05)
        while True:
            self._tell_of_the_dead()
            request = self._next_request()
            if request is None:
                return None
            if request and self._fork(request):
                return str(request["service"])

    def _next_request(self) -> dict[str, Any] | None:
        """The next request; empty when there is none yet, None when the runner has gone."""
        while b"\n" not in self._pending:
            try:
                received = self._control.recv(_LONGEST_REQUEST)
            except (TimeoutError, InterruptedError):
                return {}
            if not received:
                return None
            self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        request: dict[str, Any] = json.loads(line)
        return request

    def _fork(self, request: dict[str, Any]) -> bool:
        """True in the child."""
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._control.close()
            _become(request, parent)
            return True
        self._say({"started": pid})
        return False

    def _tell_of_the_dead(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def _say(self, news: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(news).encode() + b"\n")


def preload(services: Iterable[str]) -> None:
    """Import the services; one that cannot be imported says so in its own log when it is started."""
    for service in services:
        try:
            importlib.import_module(f"{service}.main")
        except Exception:  # noqa: BLE001 - whatever its import raises, the others go on; the child will raise it again
            traceback.print_exc()
    gc.collect()
    gc.freeze()  # collections in the children would copy every page that they touch


def _become(request: dict[str, Any], parent: int) -> None:
    """Turn the forked child into the service's process."""
    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    libc.prctl(_PR_SET_NAME, str(request["service"]).encode()[:15], 0, 0, 0)
    if os.getppid() != parent:  # it died in between
        os._exit(1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(request["environment"])


def main() -> None:
    """Serve, or be a service."""
    descriptor, services = int(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when to stop
    preload(services)
    control = socket.socket(fileno=descriptor)
    control.sendall(b'{"loaded": true}\n')
    service = Zygote(control).serve()
    if service is not None:
        sys.argv = [str(Path(service) / "main.py")]
        importlib.import_module(f"{service}.main").main()


if __name__ == "__main__":
    main()
