"""One account's private socket: orders, executions and balances as the venue tells them, and every gap made known."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from prometheus_client import Counter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from shared.contracts.rpc.signing import StreamLogin
from shared.runtime.bybit.pace import Pace
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, WalletRow
from shared.runtime.bybit.stream_frames import PrivateFrame, read_frame
from shared.trading.errors import Denied, PlatformError

log = structlog.get_logger(__name__)

QUARANTINED = Counter("venue_frames_quarantined", "Frames of private sockets that could not be read in full")
RECONNECTS = Counter("venue_stream_reconnects", "Private sockets that were opened again")
TOPICS = ("order", "execution", "wallet")


class StreamListener(Protocol):
    """Hears one account's stream. Each call returns quickly.

    An error of our families in it closes the socket and opens it again (a gap); any other error ends `run`.
    """

    async def orders(self, rows: tuple[OrderRow, ...]) -> None:
        """Orders changed."""
        ...

    async def executions(self, rows: tuple[ExecutionRow, ...]) -> None:
        """Matches happened; they may come before or after their order's change, and more than once."""
        ...

    async def wallets(self, rows: tuple[WalletRow, ...]) -> None:
        """Balances changed."""
        ...

    async def gap(self, reason: str) -> None:
        """Something may have been missed: query. `connected` after each (re)connect, `malformed_frame` otherwise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """Bounds of the socket's life, in seconds.

    Attributes:
        silence_s: Without any frame for so long the socket is taken for dead; above `ping_s`.
        refused_max_s: Longest pause after a refused login: a dead key would otherwise use up the connections that the
            venue grants to this address.
        steady_s: A connection that lasted so long starts the back-off afresh.
        gap_every_s: Malformed frames ask for a recovery at most this often.
    """

    open_s: float = 10.0
    ping_s: float = 20.0
    silence_s: float = 30.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    refused_max_s: float = 300.0
    steady_s: float = 60.0
    gap_every_s: float = 5.0


class StreamRefusedError(Exception):
    """The venue did not accept the login or the subscription."""


class PrivateStream:
    """Keeps one private socket open until cancelled.

    Args:
        url: Such as `wss://stream.bybit.com/v5/private`.
        login: Asks keys for the arguments of `auth`; they are valid for a second.
        pace: Shared by all sockets to one host.
        rng: Spreads reconnects of many accounts.
        topics: What to hear; each frame costs its reading.
    """

    def __init__(
        self,
        *,
        url: str,
        login: Callable[[], Awaitable[StreamLogin]],
        listener: StreamListener,
        pace: Pace,
        rng: random.Random,
        times: StreamTimes | None = None,
        name: str = "",
        topics: Sequence[str] = TOPICS,
    ) -> None:
        self._url = url
        self._login = login
        self._listener = listener
        self._pace = pace
        self._rng = rng
        self._times = times or StreamTimes()
        self._topics = list(topics)
        self._log = log.bind(stream=name)
        self._gap_told_at = float("-inf")
        self.connected = asyncio.Event()
        """Set while subscribed."""

    async def run(self) -> None:
        """Connect, listen, and connect again, for ever."""
        loop = asyncio.get_running_loop()
        pause_s = self._times.backoff_first_s
        while True:
            await self._pace.turn()
            since = loop.time()
            longest_s = self._times.backoff_max_s
            try:
                await self._live()
            except (StreamRefusedError, Denied) as error:
                longest_s = self._times.refused_max_s
                self._log.warning("private_stream_refused", detail=str(error)[:200])
            except (OSError, TimeoutError, WebSocketException, PlatformError) as error:
                self._log.warning("private_stream_lost", reason=type(error).__name__, detail=str(error)[:200])
            finally:
                self.connected.clear()
            RECONNECTS.inc()
            if loop.time() - since >= self._times.steady_s:
                pause_s = self._times.backoff_first_s
            await asyncio.sleep(pause_s * self._rng.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, longest_s)

    async def _live(self) -> None:
        async with connect(
            self._url,
            compression=None,
            proxy=None,
            ping_interval=None,  # the venue's own JSON ping does the same and keeps the session
            open_timeout=self._times.open_s,
            close_timeout=1.0,
            max_size=4 << 20,
        ) as socket:
            await self._enter(socket)
            self.connected.set()
            self._log.info("private_stream_connected")
            ping = asyncio.create_task(self._ping(socket))
            try:
                await self._listener.gap("connected")
                await self._listen(socket)
            finally:
                ping.cancel()

    async def _enter(self, socket: ClientConnection) -> None:
        login = await self._login()
        await _say(socket, op="auth", args=[login.api_key, login.expires_ms, login.signature.get_secret_value()])
        await self._answered(socket, "auth")
        await _say(socket, op="subscribe", args=self._topics)
        await self._answered(socket, "subscribe")

    async def _answered(self, socket: ClientConnection, operation: str) -> None:
        async with asyncio.timeout(self._times.open_s):
            while True:
                frame = read_frame(await socket.recv())
                await self._deliver(frame)
                if frame.operation == operation:
                    if not frame.success:
                        raise StreamRefusedError(f"{operation}: {frame.message}")
                    return

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(self._times.silence_s):
                text = await socket.recv()
            await self._deliver(read_frame(text))

    async def _deliver(self, frame: PrivateFrame) -> None:
        if frame.orders:
            await self._listener.orders(frame.orders)
        if frame.executions:
            await self._listener.executions(frame.executions)
        if frame.wallets:
            await self._listener.wallets(frame.wallets)
        if frame.faults:
            await self._quarantine(frame)

    async def _quarantine(self, frame: PrivateFrame) -> None:
        QUARANTINED.inc()
        self._log.error("venue_frame_quarantined", faults=frame.faults[:5])
        now = asyncio.get_running_loop().time()
        if now - self._gap_told_at >= self._times.gap_every_s:
            self._gap_told_at = now
            await self._listener.gap("malformed_frame")

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):  # the reader hears of the end too and acts on it
            while True:
                await asyncio.sleep(self._times.ping_s)
                await _say(socket, op="ping")


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))
