"""The paper exchange as a process of its own, for tests that meet it over the wire."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from basketry_local.ports import free_port

READY_S = 60.0
END_S = 30.0


@dataclass
class PaperProcess:
    """One exchange: it may be killed and started again, on the same ports and the same data.

    Attributes:
        folder: Holds the log, and the data in `venue`.
        settings: Environment variables beside the ports and the folder.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    coingecko_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def coingecko_url(self) -> str:
        return f"http://127.0.0.1:{self.coingecko_port}/api/v3/"

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = os.environ | {
            "PAPER_EXCHANGE_HTTP_PORT": str(self.port),
            "PAPER_EXCHANGE_COINGECKO_PORT": str(self.coingecko_port),
            "PAPER_EXCHANGE_DATA_FOLDER": str(self.folder / "venue"),
            **self.settings,
        }
        with (self.folder / "venue.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "paper_exchange.main"], env=environment, stdout=log, stderr=log
            )
        self._until_ready(self.process)

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_S
        with plain_client() as client:
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(f"{self.url}/readyz").status_code == 200:
                        return
                time.sleep(0.02)
        raise AssertionError(f"the paper exchange is not ready: {(self.folder / 'venue.log').read_text()[-3000:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, if it runs; what does not end in time is killed."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=END_S)
        finally:
            self.process.kill()
            self.process.wait(timeout=END_S)
            self.process = None

    def kill(self) -> None:
        """End it as a loss of power would."""
        self.stop(signal.SIGKILL)


def plain_client() -> httpx.Client:
    """Without TLS settings, which cost a tenth of a second to load."""
    return httpx.Client(timeout=70, trust_env=False, verify=False)  # noqa: S501 - plain HTTP on loopback


@contextlib.contextmanager
def running_paper_process(folder: Path, **settings: str) -> Iterator[PaperProcess]:
    """An exchange that runs as long as the block, its prices frozen unless the settings say otherwise.

    Args:
        folder: Is made where it is missing.
        settings: Names without their prefix, as in `FEED="simulated"`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {f"PAPER_EXCHANGE_{name}": value for name, value in {"FEED": "frozen", **settings}.items()}
    paper = PaperProcess(folder, chosen)
    try:
        paper.start()
        yield paper
    finally:
        paper.stop()
