"""pytest fixtures: real servers, started when the first test asks for them, gone at the end of the run."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from basketry_local.servers.nats import NatsServer
    from basketry_local.servers.postgres import PostgresServer
    from basketry_local.testing.bus import Bus
    from basketry_local.testing.databases import DatabaseMaker, TestDatabases

_ROOM_BYTES = 4 << 30

# ruff: noqa: PLC0415
# Imports of servers stand inside the fixtures: unit tests start without paying for them.


@pytest.fixture(scope="session")
def server_room() -> Iterator[Path]:
    """A folder for the servers' data that the unprivileged account can enter."""
    # In memory where there is enough of it: making a database is hundreds of small files.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_BYTES
    room = Path(tempfile.mkdtemp(prefix="basketry-test-", dir=memory if roomy else None))
    room.chmod(0o755)
    yield room
    shutil.rmtree(room, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(server_room: Path) -> Iterator[PostgresServer]:
    """The real PostgreSQL with no database of ours yet; `admin_dsn` is the superuser's."""
    from basketry_local.servers.postgres import PostgresServer
    from basketry_local.testing.databases import PASSWORD

    server = PostgresServer(
        server_room / "postgres", password=PASSWORD, log=server_room / "postgres.log", durable=False
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_maker(postgres_server: PostgresServer) -> DatabaseMaker:
    """Keeps the migrated templates of this run."""
    from basketry_local.testing.databases import DatabaseMaker

    return DatabaseMaker(postgres_server)


@pytest.fixture
async def make_database(
    database_maker: DatabaseMaker,
) -> AsyncIterator[Callable[..., Awaitable[TestDatabases]]]:
    """Makes fresh databases with the named services' schemas at head; they are gone after the test."""
    made: list[TestDatabases] = []

    async def make(*services: str) -> TestDatabases:
        databases = await database_maker.make(*services)
        made.append(databases)
        return databases

    yield make
    for databases in made:
        await database_maker.drop(databases)


@pytest.fixture(scope="session")
def nats_server(server_room: Path) -> Iterator[NatsServer]:
    """The real NATS server with JetStream, empty, without permissions; shared, so use names of your own."""
    from basketry_local.servers.nats import NatsServer

    server = NatsServer(server_room / "nats", name="shared-test-bus", log=server_room / "nats.log", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def bus(server_room: Path) -> AsyncIterator[Bus]:
    """A NATS server of this test's own: every stream and consumer of the topology, each service behind its nkey."""
    from basketry_local.servers.nats import NatsServer
    from basketry_local.testing.bus import Bus, authorization_with_tester, new_seeds

    name = f"bus-{secrets.token_hex(4)}"
    seeds = new_seeds()
    server = NatsServer(
        server_room / name,
        name=name,
        log=server_room / f"{name}.log",
        authorization=authorization_with_tester(seeds),
        durable=False,
    )
    server.start()
    made = Bus(server, seeds)
    try:
        await made.provision()
        yield made
    finally:
        server.stop()
        shutil.rmtree(server_room / name, ignore_errors=True)


@pytest.fixture
def recorded_data() -> Path:
    """The folder of recorded venue data; the test is skipped, visibly, where there is none."""
    folder = os.environ.get("BASKETRY_RECORDED_DATA")
    if not folder:
        pytest.skip("BASKETRY_RECORDED_DATA is not set: recorded venue data is not on this machine")
    return Path(folder)
