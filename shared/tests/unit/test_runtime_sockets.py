from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from shared.runtime.sockets import SOCKETS, BoundedSocket
from shared.testing import eventually

PING = b"\x89\xfd\x00\x00\x00\x00" + b"p" * 125
"""A masked ping of the largest size."""


async def listening(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts, and waits until the client goes."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.fixture
def pings() -> dict[str, float | None]:
    """How impatient the server is."""
    return {"ws_ping_interval": 0.5, "ws_ping_timeout": 1.0}


@pytest.fixture
async def server(pings: dict[str, float | None]) -> AsyncIterator[uvicorn.Server]:
    options: dict[str, Any] = {**SOCKETS, **pings}
    config = uvicorn.Config(
        listening, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1, **options
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started or task.done(), timeout_s=20, because="the server listens")
    yield server
    server.should_exit = True
    await asyncio.wait_for(task, 20)


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    found: int = server.servers[0].sockets[0].getsockname()[1]
    return found


@pytest.fixture
async def stuck(server: uvicorn.Server, port: int) -> AsyncIterator[socket.socket]:
    """A client that never reads after its handshake."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=10)
    raw.sendall(
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    raw.settimeout(90)
    await eventually(lambda: open_sockets(server), because="the socket is open")
    yield raw
    raw.close()


def open_sockets(server: uvicorn.Server) -> list[BoundedSocket]:
    return [one for one in server.server_state.connections if isinstance(one, BoundedSocket)]


async def test_pings_are_answered(server: uvicorn.Server, port: int) -> None:
    async with asyncio.timeout(10), connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
        await (await client.ping(b"still there?"))


@pytest.mark.parametrize("pings", [{"ws_ping_interval": None}])  # whoever reads nothing would be dropped too soon
async def test_answers_that_nobody_reads_do_not_pile_up(server: uvicorn.Server, stuck: socket.socket) -> None:
    [connection] = open_sockets(server)
    flood = asyncio.create_task(asyncio.to_thread(stuck.sendall, PING * 300_000))
    unread: list[int] = []
    while not flood.done():
        unread.append(connection.transport.get_write_buffer_size())
        await asyncio.wait([flood], timeout=0.01)
    await flood
    assert 0 < max(unread) < 600_000, "one reading of the connection beyond the high-water mark, of 40 MB"


async def test_a_client_that_answers_no_ping_is_dropped(server: uvicorn.Server, stuck: socket.socket) -> None:
    await eventually(lambda: not open_sockets(server), because="no pong came")


async def test_one_that_answers_stays(server: uvicorn.Server, port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}", proxy=None, ping_interval=None) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 2.5)
        assert len(open_sockets(server)) == 1
