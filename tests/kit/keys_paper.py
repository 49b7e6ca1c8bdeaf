"""The paper exchange as the tests of keys use it: a process of its own and its control path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from basketry_local.ports import free_port
from keys.application.sign import Signed


@dataclass(frozen=True)
class Paper:
    """The running paper exchange."""

    url: str
    http: httpx.Client

    def open(self, **terms: Any) -> dict[str, str]:
        """An account made by the control path, with whatever rights the test wants."""
        reply = self.http.post(f"{self.url}/paper/v1/accounts", json={"balances": {"USDT": "10000"}, **terms})
        reply.raise_for_status()
        return dict(reply.json())

    def change(self, api_key: str, **terms: Any) -> None:
        """Change the rights of a key."""
        self.http.post(f"{self.url}/paper/v1/keys", json={"api_key": api_key, **terms}).raise_for_status()

    def revoke(self, api_key: str) -> None:
        self.http.delete(f"{self.url}/paper/v1/keys", params={"api_key": api_key}).raise_for_status()

    def fault(self, **terms: Any) -> None:
        self.http.post(f"{self.url}/paper/v1/faults", json=terms).raise_for_status()

    def heal(self) -> None:
        self.http.delete(f"{self.url}/paper/v1/faults").raise_for_status()

    def call(self, signed: Signed, method: str, path: str, payload: str) -> dict[str, Any]:
        """Send exactly the signed bytes."""
        url = f"{self.url}{path}" + (f"?{payload}" if method == "GET" and payload else "")
        body = payload if method == "POST" else None
        headers = {**signed.headers, **({"Content-Type": "application/json"} if body else {})}
        return dict(self.http.request(method, url, content=body, headers=headers).json())


@contextmanager
def running_paper(folder: Path) -> Iterator[Paper]:
    """The real paper exchange as a process of its own, its prices frozen."""
    port = free_port()
    environment = {
        **os.environ,
        "PAPER_EXCHANGE_HTTP_PORT": str(port),
        "PAPER_EXCHANGE_COINGECKO_PORT": str(free_port()),
        "PAPER_EXCHANGE_DATA_FOLDER": str(folder),
        "PAPER_EXCHANGE_FEED": "frozen",
    }
    with (folder / "log").open("wb") as log, httpx.Client(timeout=10, trust_env=False) as http:
        process = subprocess.Popen(
            [sys.executable, "-m", "paper_exchange.main"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _until_ready(http, f"http://127.0.0.1:{port}", process, folder / "log")
            yield Paper(f"http://127.0.0.1:{port}", http)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _until_ready(http: httpx.Client, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the paper exchange is not ready: {log.read_text()[-2000:]}")
