from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from basketry_local.ports import free_port


@dataclass(frozen=True)
class PaperExchange:
    rest: str
    coingecko: str


@pytest.fixture(scope="session")
def paper_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperExchange]:
    """The real process, prices frozen until a test moves them."""
    folder: Path = tmp_path_factory.mktemp("paper")
    venue, coingecko = free_port(), free_port()
    environment = {
        **os.environ,
        "PAPER_EXCHANGE_HTTP_PORT": str(venue),
        "PAPER_EXCHANGE_COINGECKO_PORT": str(coingecko),
        "PAPER_EXCHANGE_DATA_FOLDER": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "paper_exchange.main"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{venue}/readyz", process, folder / "log")
        yield PaperExchange(rest=f"http://127.0.0.1:{venue}", coingecko=f"http://127.0.0.1:{coingecko}/api/v3/")
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the paper exchange did not start:\n{log.read_text()[-2000:]}")
