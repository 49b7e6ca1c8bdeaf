from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from shared.contracts.rpc.signing import StreamLogin
from shared.runtime.bybit.pace import Pace
from shared.runtime.bybit.private_stream import PrivateStream, StreamTimes
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, WalletRow
from shared.testing import eventually
from shared.trading.errors import Denied, Unavailable

QUICK = StreamTimes(
    open_s=2, ping_s=0.1, silence_s=0.4, backoff_first_s=0.01, backoff_max_s=0.05, steady_s=60, gap_every_s=0.0
)
EXECUTION = {
    "execId": "e1", "orderId": "1", "orderLinkId": "bp1", "symbol": "BTCUSDT", "side": "Buy", "execPrice": "100",
    "execQty": "1", "execFee": "0.001", "feeCurrency": "BTC", "execTime": "1", "seq": 1,
}  # fmt: skip


class Ear:
    def __init__(self) -> None:
        self.gaps: list[str] = []
        self.seen: list[str] = []
        self.fail_once = False

    async def orders(self, rows: tuple[OrderRow, ...]) -> None:
        self.seen += [row.order_id for row in rows]

    async def executions(self, rows: tuple[ExecutionRow, ...]) -> None:
        if self.fail_once:
            self.fail_once = False
            raise Unavailable("the database is away")
        self.seen += [row.exec_id for row in rows]

    async def wallets(self, rows: tuple[WalletRow, ...]) -> None:
        self.seen += [coin.coin for row in rows for coin in row.coins]

    async def gap(self, reason: str) -> None:
        self.gaps.append(reason)


async def a_login() -> StreamLogin:
    return StreamLogin(api_key="k", expires_ms=1, signature=SecretStr("s"))


Script = Callable[[ServerConnection], Awaitable[None]]


async def greet(socket: ServerConnection) -> list[dict[str, Any]]:
    heard = []
    for operation in ("auth", "subscribe"):
        heard.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"success": True, "ret_msg": "", "op": operation, "conn_id": "c"}))
    return heard


@asynccontextmanager
async def streaming(
    script: Script, ear: Ear, *, process_request: Any = None, **changes: Any
) -> AsyncIterator[PrivateStream]:
    async with serve(script, "127.0.0.1", 0, process_request=process_request) as server:
        port = server.sockets[0].getsockname()[1]
        settings: dict[str, Any] = {"login": a_login, "times": QUICK, "pace": Pace(0.0)} | changes
        stream = PrivateStream(url=f"ws://127.0.0.1:{port}/v5/private", listener=ear, rng=random.Random(1), **settings)
        running = asyncio.create_task(stream.run())
        try:
            yield stream
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_logs_in_subscribes_and_tells_of_the_gap_before_it() -> None:
    heard: list[dict[str, Any]] = []

    async def script(socket: ServerConnection) -> None:
        heard.extend(await greet(socket))
        await socket.send(json.dumps({"topic": "execution", "data": [EXECUTION]}))
        await socket.wait_closed()

    ear = Ear()
    async with streaming(script, ear, times=StreamTimes()):
        await eventually(lambda: ear.seen == ["e1"])
    assert heard[0] == {"op": "auth", "args": ["k", 1, "s"]}
    assert heard[1]["args"] == ["order", "execution", "wallet"]
    assert ear.gaps == ["connected"]


async def test_pings_and_takes_silence_for_death() -> None:
    pings: list[str] = []
    connections = 0

    async def script(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await greet(socket)
        async for text in socket:
            pings.append(json.loads(text)["op"])  # noqa: PERF401 - seen while it grows

    ear = Ear()
    async with streaming(script, ear):
        await eventually(lambda: connections >= 3)
    assert set(pings) == {"ping"}
    assert len(ear.gaps) >= 2


async def test_a_server_that_hangs_up_is_called_again_and_the_gap_is_told() -> None:
    async def script(socket: ServerConnection) -> None:
        await greet(socket)

    ear = Ear()
    async with streaming(script, ear):
        await eventually(lambda: len(ear.gaps) >= 3)
    assert set(ear.gaps) == {"connected"}


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "[]",
        '{"topic":"execution","data":[{"execId":1}]}',
        '{"topic":"order"}',
        b"\xff",
        '{"topic":"order","data":[NaN]}',
    ],
)
async def test_a_malformed_frame_is_set_aside_and_the_next_flows(frame: str | bytes) -> None:
    async def script(socket: ServerConnection) -> None:
        await greet(socket)
        await socket.send(frame)
        await socket.send(json.dumps({"topic": "execution", "data": [EXECUTION]}))
        await socket.wait_closed()

    ear = Ear()
    async with streaming(script, ear, times=StreamTimes()):
        await eventually(lambda: ear.seen == ["e1"])
    assert ear.gaps == ["connected", "malformed_frame"]


async def test_a_refused_login_is_tried_again() -> None:
    tries = 0

    async def script(socket: ServerConnection) -> None:
        nonlocal tries
        tries += 1
        await socket.recv()
        await socket.send(json.dumps({"success": tries > 2, "ret_msg": "expired", "op": "auth"}))
        if tries > 2:
            await socket.recv()
            await socket.send(json.dumps({"success": True, "op": "subscribe"}))
            await socket.wait_closed()

    ear = Ear()
    async with streaming(script, ear, times=StreamTimes(backoff_first_s=0.01)) as stream:
        await asyncio.wait_for(stream.connected.wait(), 60)
    assert tries == 3


async def test_a_dead_key_is_tried_ever_more_seldom_while_a_bad_network_is_not() -> None:
    async def pauses(answer: bool) -> list[float]:
        at: list[float] = []
        loop = asyncio.get_running_loop()

        async def script(socket: ServerConnection) -> None:
            at.append(loop.time())
            if answer:
                await socket.recv()
                await socket.send(json.dumps({"success": False, "ret_msg": "key expired", "op": "auth"}))
                await socket.wait_closed()

        times = StreamTimes(backoff_first_s=0.02, backoff_max_s=0.04, refused_max_s=0.64)
        async with streaming(script, Ear(), times=times):
            await eventually(lambda: len(at) >= 7)
        return [right - left for left, right in itertools.pairwise(at)]

    refused, broken = await pauses(True), await pauses(False)
    assert refused[5] > 0.3  # 0.02 doubled five times is 0.64, of which at least half
    assert min(broken[1:]) < 0.3  # never more than 0.04, and what this machine takes for a connection


async def test_a_suspended_key_counts_as_refused() -> None:
    asked = 0

    async def script(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async def no_login() -> StreamLogin:
        nonlocal asked
        asked += 1
        raise Denied("This key is suspended.", code="key_suspended")

    times = StreamTimes(backoff_first_s=0.01, backoff_max_s=0.01, refused_max_s=30)
    async with streaming(script, Ear(), times=times, login=no_login) as stream:
        await eventually(lambda: asked >= 4)
        assert not stream.connected.is_set()


async def test_keys_being_away_costs_a_reconnect_only() -> None:
    asked = 0

    async def script(socket: ServerConnection) -> None:
        await greet(socket)
        await socket.wait_closed()

    async def late_login() -> StreamLogin:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Unavailable("keys is away", code="keys_unavailable")
        return await a_login()

    ear = Ear()
    async with streaming(script, ear, login=late_login, times=StreamTimes(backoff_first_s=0.01)) as stream:
        await asyncio.wait_for(stream.connected.wait(), 60)
        await eventually(lambda: ear.gaps == ["connected"])


async def test_a_venue_that_takes_the_socket_and_says_nothing_is_left_after_a_while() -> None:
    tries = 0

    async def script(socket: ServerConnection) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await socket.wait_closed()  # half open: the login is never answered
            return
        await greet(socket)
        await socket.wait_closed()

    times = StreamTimes(open_s=0.3, backoff_first_s=0.01)
    async with streaming(script, Ear(), times=times) as stream:
        await asyncio.wait_for(stream.connected.wait(), 60)
    assert tries == 2


async def test_a_refused_handshake_is_tried_again() -> None:
    tries = 0

    def banned(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal tries
        tries += 1
        return connection.respond(HTTPStatus.FORBIDDEN, "access too frequent") if tries < 3 else None

    async def script(socket: ServerConnection) -> None:
        await greet(socket)
        await socket.wait_closed()

    ear = Ear()
    times = StreamTimes(backoff_first_s=0.01)
    async with streaming(script, ear, times=times, process_request=banned) as stream:
        await asyncio.wait_for(stream.connected.wait(), 60)
        await eventually(lambda: ear.gaps == ["connected"])
    assert tries == 3


async def test_a_frame_beyond_all_bounds_costs_a_reconnect_and_a_gap_never_the_memory() -> None:
    connections = 0

    async def script(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await greet(socket)
        if connections == 1:
            await socket.send("x" * (5 << 20))
        await socket.wait_closed()

    ear = Ear()
    async with streaming(script, ear, times=StreamTimes(backoff_first_s=0.01)):
        await eventually(lambda: connections == 2 and ear.gaps == ["connected", "connected"])


async def test_frames_twice_and_in_any_order_all_arrive() -> None:
    other = EXECUTION | {"execId": "e2", "seq": 2}

    async def script(socket: ServerConnection) -> None:
        await greet(socket)
        for row in (other, EXECUTION, other):
            await socket.send(json.dumps({"topic": "execution", "data": [row]}))
        await socket.wait_closed()

    ear = Ear()
    async with streaming(script, ear, times=StreamTimes()):
        await eventually(lambda: ear.seen == ["e2", "e1", "e2"])
    assert ear.gaps == ["connected"]


async def test_every_reconnect_logs_in_and_subscribes_again() -> None:
    heard: list[str] = []

    async def script(socket: ServerConnection) -> None:
        heard.extend(message["op"] for message in await greet(socket))

    async with streaming(script, Ear()):
        await eventually(lambda: len(heard) >= 6)
    assert heard[:6] == ["auth", "subscribe"] * 3


async def test_a_listener_in_trouble_costs_a_reconnect_and_loses_nothing_silently() -> None:
    async def script(socket: ServerConnection) -> None:
        await greet(socket)
        await socket.send(json.dumps({"topic": "execution", "data": [EXECUTION]}))
        await socket.wait_closed()

    ear = Ear()
    ear.fail_once = True
    async with streaming(script, ear, times=StreamTimes(backoff_first_s=0.01)):
        await eventually(lambda: ear.seen == ["e1"])
    assert ear.gaps == ["connected", "connected"]


async def test_connections_are_spread_over_time() -> None:
    pace = Pace(0.05)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(4)))
    assert loop.time() - start >= 0.15
