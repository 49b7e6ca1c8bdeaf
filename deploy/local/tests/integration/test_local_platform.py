from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from basketry_local.data_folder import DataFolder
from basketry_local.environment import EXCHANGE, choose_ports
from basketry_local.local_platform import LocalPlatform
from basketry_local.processes import start_token
from shared.runtime.provisioning import PROVISIONER, connect_provisioner
from shared.testing import eventually

FREE = {"gateway": 0, EXCHANGE: 0, "coingecko": 0}
RUN = """
import asyncio, sys
from pathlib import Path
from basketry_local.data_folder import DataFolder
from basketry_local.environment import choose_ports
from basketry_local.local_platform import LocalPlatform
folder = DataFolder(Path(sys.argv[1]))
async def main():
    with folder.locked():
        platform = LocalPlatform(folder, ports=choose_ports({}), durable=False, services=("auth",))
        await platform.start()
        print("up", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def folder(server_room: Path, request: pytest.FixtureRequest) -> Path:
    made = server_room / f"{request.node.name} data"
    made.mkdir(mode=0o755)
    return made


@contextlib.contextmanager
def _platform(folder: Path) -> Iterator[LocalPlatform]:
    platform = LocalPlatform(DataFolder(folder), ports=choose_ports(FREE), durable=False, services=("auth",))
    try:
        yield platform
    finally:
        platform.stop()


async def test_a_service_that_is_killed_comes_back(folder: Path) -> None:
    with _platform(folder) as platform:
        await platform.start()
        before = platform.services["auth"].pid
        async with platform.watched():
            platform.services["auth"].kill()
            await platform_ready(platform)
            assert platform.services["auth"].pid not in {None, before}
            assert platform.services["auth"].restarts == 1


async def test_a_bus_that_lost_its_store_is_provisioned_again(folder: Path) -> None:
    with _platform(folder) as platform:
        await platform.start()
        async with platform.watched():
            platform.nats.kill()
            platform.nats.lose_store()

            async def streams_are_back() -> bool:
                with contextlib.suppress(Exception):  # the server is on its way up
                    async with connect_provisioner(platform.nats.url, platform.keyring.seed(PROVISIONER)) as js:
                        return len(await js.streams_info()) == 8
                return False

            await eventually(streams_are_back, timeout_s=30)


def test_a_killed_runner_leaves_nothing_that_stops_the_next(folder: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUN, str(folder)], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    try:
        assert any(line == "up\n" for line in runner.stdout)
        left = [int(path.read_text().split()[0]) for path in (folder / "run").glob("*.pid")]
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait(10)
        runner.stdout.close()
    assert len(left) == 4
    with _platform(folder) as platform:
        asyncio.run(platform.start())
        assert [pid for pid in left if start_token(pid) is not None] == []


async def test_secrets_of_one_service_are_not_in_the_environment_of_another(folder: Path) -> None:
    with _platform(folder) as platform:
        await platform.start()
        pid = platform.exchange.pid
        assert pid is not None
        # A forked process shows the environment of the one it was forked from: what matters is what it reads.
        seed = platform.keyring.seed("auth").get_secret_value()
        assert seed not in platform.exchange.environment.values()
        environ = Path(f"/proc/{pid}/environ")
        if environ.exists() and os.access(environ, os.R_OK):
            assert seed.encode() not in environ.read_bytes()


async def platform_ready(platform: LocalPlatform) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def again() -> bool:
            part = platform.services["auth"]
            return part.restarts > 0 and await part.ready(client)

        await eventually(again, timeout_s=40, because="the service is ready again")
