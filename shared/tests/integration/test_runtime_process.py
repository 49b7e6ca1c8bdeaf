"""A process of its own: how it ends, and what ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from basketry_local.ports import free_port
from basketry_local.testing.bus import Bus
from shared.testing import eventually

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parent / "frozen_service.py"


class Sample:
    def __init__(self, bus: Bus, how: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            **os.environ,
            "SAMPLE_NATS_URL": bus.url,
            "SAMPLE_NATS_SEED": bus.seed("execution").get_secret_value(),
            "SAMPLE_HTTP_PORT": str(self.port),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), how], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    async def ready(self) -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{self.url}/readyz", timeout=2)).status_code == 200
        except httpx.HTTPError:
            return False

    async def ended(self, within_s: float) -> tuple[int, str]:
        output, _ = await asyncio.to_thread(self.process.communicate, timeout=within_s)
        return self.process.returncode, output.decode()


@pytest.fixture
def start(bus: Bus) -> Iterator[Callable[[str], Sample]]:
    begun: list[Sample] = []

    def begin(how: str) -> Sample:
        begun.append(Sample(bus, how))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.communicate(timeout=10)


@pytest.fixture
async def sample(start: Callable[[str], Sample]) -> Sample:
    begun = start("plain")
    await eventually(begun.ready, timeout_s=30)
    return begun


async def test_sigterm_ends_cleanly_though_a_stream_is_open(sample: Sample) -> None:
    async with httpx.AsyncClient() as client, client.stream("GET", f"{sample.url}/stream") as answer:
        parts = answer.aiter_bytes()
        assert await anext(parts) == b"first\n"
        sample.process.send_signal(signal.SIGTERM)
        # The signal itself lets the stream come to its own end: the server's patience with it never runs out.
        assert [part async for part in parts] == [b"last\n"]
        status, output = await sample.ended(60)
    assert status in {0, -signal.SIGTERM}
    assert "timeout graceful shutdown exceeded" not in output
    assert "Traceback" not in output
    assert '"stopped"' in output


async def test_a_client_that_gave_up_ends_the_process(sample: Sample) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.HTTPError):
            await client.get(f"{sample.url}/close", timeout=10)
    status, output = await sample.ended(20)
    assert status == 1
    assert "bus_closed" in output


async def test_a_frozen_loop_ends_the_process(start: Callable[[str], Sample]) -> None:
    status, output = await start("freeze").ended(60)
    assert status == 1
    assert "event_loop_frozen" in output


async def test_a_consumer_that_differs_is_refused(start: Callable[[str], Sample]) -> None:
    status, output = await start("drift").ended(60)
    assert status not in {0, None}
    assert "max_ack_pending is 64, not 7" in output
