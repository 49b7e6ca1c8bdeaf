from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from basketry_local.ports import free_port
from basketry_local.servers.nats import NatsFailed, NatsServer
from basketry_local.servers.postgres import PostgresServer

START = """
import sys, time
from pathlib import Path
from basketry_local.servers.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]), password="pw", log=Path(sys.argv[1]) / "log", durable=False)
server.start()
print(server.process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def home(server_room: Path, request: pytest.FixtureRequest) -> Path:
    folder = server_room / f"{request.node.name} with blanks, ä"
    folder.mkdir(mode=0o755)
    return folder


async def test_postgres_survives_a_crash_with_every_row(home: Path) -> None:
    server = PostgresServer(home, password="pw", log=home / "log")
    server.start()
    try:
        connection = await asyncpg.connect(server.admin_dsn)
        await connection.execute("create table kept (x int); insert into kept values (7)")
        await connection.close()
        server.kill()
        server.start()
        connection = await asyncpg.connect(server.admin_dsn)
        assert await connection.fetchval("select x from kept") == 7
        await connection.close()
    finally:
        server.stop()


def test_the_server_of_a_killed_runner_does_not_stand_in_the_way(home: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    assert int(runner.stdout.readline()) > 0
    runner.send_signal(signal.SIGKILL)
    runner.wait(10)
    runner.stdout.close()
    server = PostgresServer(home, password="pw", log=home / "log", durable=False)
    server.start()
    server.stop()


def test_the_password_is_asked_for(home: Path) -> None:
    server = PostgresServer(home, password="right", log=home / "log", durable=False)
    server.start()
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(asyncpg.connect(server.dsn("postgres", "basketry_admin", "wrong")))
    finally:
        server.stop()


def test_a_wrong_nats_configuration_is_refused_before_it_starts(home: Path) -> None:
    users = {"users": [{"nkey": "not a key"}]}
    server = NatsServer(home, name="wrong", log=home / "log", authorization=users, durable=False)
    with pytest.raises(NatsFailed, match="refused"):
        server.start()


def test_a_stranger_on_the_port_is_not_taken_for_our_server(home: Path) -> None:
    port = free_port()
    theirs = NatsServer(home / "theirs", name="theirs", log=home / "theirs.log", durable=False, port=port)
    theirs.start()
    try:
        ours = NatsServer(home / "ours", name="ours", log=home / "ours.log", durable=False, port=port)
        with pytest.raises(NatsFailed, match="ended with status"):
            ours.start()
    finally:
        theirs.stop()


async def test_a_folder_that_was_deleted_by_hand_starts_anew(server_room: Path) -> None:
    private = server_room / "private"
    private.mkdir(mode=0o700)  # as root: the account that PostgreSQL runs as cannot enter it
    left: list[Path] = []
    for password in ("first", "second"):
        home = private / "postgres"
        server = PostgresServer(home, password=password, log=private / "log", durable=False)
        server.start()
        try:
            connection = await asyncpg.connect(server.admin_dsn)
            await connection.close()
        finally:
            server.stop()
        shutil.rmtree(home)
        left.append(server.data)
    for data in left:
        shutil.rmtree(data, ignore_errors=True)
