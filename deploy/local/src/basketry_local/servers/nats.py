"""The NATS server with JetStream as a direct child, from a JSON configuration that the provisioner makes."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basketry_local.ports import LOOPBACK, free_port
from basketry_local.processes import spawn, stop
from basketry_local.servers.binaries import nats_server

_STARTUP_S = 30


class NatsFailed(RuntimeError):
    """The NATS server did not start; the message says why."""


class NatsServer:
    """One NATS server with a store and a configuration file of its own.

    Args:
        folder: Its home: `nats.json` and the store.
        name: The server's name, by which it is recognised behind its port.
        log: The server's log file.
        authorization: The configuration's `authorization` block; None lets everybody in (loopback only).
        durable: True syncs every write to disk before it is acknowledged.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        log: Path,
        authorization: Mapping[str, Any] | None = None,
        durable: bool = True,
        port: int = 0,
    ) -> None:
        self.port = port or free_port()
        self.name = name
        self.store = folder / "jetstream"
        self._folder = folder
        self._log = log
        self._authorization = authorization
        self._durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"nats://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Check the configuration, start the server and wait until it greets with its own name.

        Raises:
            NatsFailed: The configuration is wrong, the server died, or a stranger holds the port.
        """
        config = str(self._write_config())
        checked = subprocess.run([str(nats_server()), "-t", "-c", config], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise NatsFailed(f"the NATS configuration is refused: {checked.stderr.strip() or checked.stdout.strip()}")
        self.process = spawn([str(nats_server()), "-c", config], log=self._log)
        self._await_ready(self.process)

    def stop(self) -> None:
        """An orderly stop: everything is written."""
        if self.process is not None:
            stop(self.process, with_signal=signal.SIGTERM, patience_s=10)

    def kill(self) -> None:
        """As a crash."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def lose_store(self) -> None:
        """As a lost disk: every stream and consumer is gone. The server must not be running."""
        shutil.rmtree(self.store)

    def _write_config(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {
            "server_name": self.name,
            "host": LOOPBACK,
            "port": self.port,
            "max_payload": 1_048_576,
            "jetstream": {
                "store_dir": str(self.store),
                "max_memory_store": 64 * 1024 * 1024,
                "max_file_store": 16 * 1024 * 1024 * 1024,
                **({"sync_interval": "always"} if self._durable else {}),
            },
        }
        if self._authorization is not None:
            config["authorization"] = dict(self._authorization)
        path = self._folder / "nats.json"
        path.write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")
        path.chmod(0o600)
        return path

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _STARTUP_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise NatsFailed(f"the NATS server ended with status {process.returncode}; its log: {self._log}")
            greeting = _greeting(self.port)
            if greeting is not None and greeting.get("server_name") == self.name:
                return
            time.sleep(0.01)
        raise NatsFailed(f"the NATS server was not ready after {_STARTUP_S} s; its log: {self._log}")


def _greeting(port: int) -> dict[str, Any] | None:
    """The first line that a NATS server says: `INFO {…}`."""
    with contextlib.suppress(OSError, ValueError):
        with socket.create_connection((LOOPBACK, port), timeout=1) as client:
            line = client.makefile("rb").readline(65_536).decode()
        word, _, body = line.partition(" ")
        if word == "INFO":
            found: dict[str, Any] = json.loads(body)
            return found
    return None
