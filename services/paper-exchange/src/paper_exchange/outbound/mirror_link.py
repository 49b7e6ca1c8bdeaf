"""Listens to the public stream of another Bybit host and tells the mirror feed the best prices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from paper_exchange.domain.price_mirror import PriceMirror
from shared.trading.money import InvalidAmount, parse_decimal

log = structlog.get_logger()

TOPIC = "orderbook.1."
ARGS = 10
PING_S = 20.0
SILENCE_S = 30.0
"""The venue repeats an unchanged best price every three seconds: so long a silence is a dead stream."""
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class MirrorLink:
    """One connection, made again for as long as the process runs.

    The newest frame of each pair is kept and told once a tick. A frame that cannot be read is counted and passed over:
    nothing that the other host sends ends the listening.

    Args:
        url: The other host's public spot stream, such as `wss://stream.bybit.com/v5/public/spot`.
        mirror: Whom to tell.
        symbols: What to ask for.

    Attributes:
        connected: Whether prices can be heard now.
        frames: Price frames heard since the start.
        passed_over: Frames that could not be read since the start.
        heard: The pairs that a price was heard of.
    """

    def __init__(self, url: str, mirror: PriceMirror, symbols: Sequence[str]) -> None:
        self._url = url
        self._mirror = mirror
        self._symbols = symbols
        self._newest: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, list[str]] = {}
        self._requests = 0
        self.connected = False
        self.frames = 0
        self.passed_over = 0
        self.heard: set[str] = set()

    async def run(self) -> None:
        """Listen until cancelled; the waits between attempts double up to half a minute."""
        wait = FIRST_WAIT_S
        while True:
            heard = self.frames
            try:
                async with connect(self._url, open_timeout=10, compression=None, max_queue=1024) as socket:
                    await self._listen(socket)
            except (OSError, WebSocketException, TimeoutError) as error:
                log.warning("mirror_lost", url=self._url, reason=str(error), wait_s=wait)
            self.connected = False
            wait = FIRST_WAIT_S if self.frames > heard else min(LONGEST_WAIT_S, wait * 2)
            await asyncio.sleep(wait)

    async def _listen(self, socket: ClientConnection) -> None:
        self._asked.clear()  # what another connection was asked will never be answered
        for place in range(0, len(self._symbols), ARGS):
            await self._subscribe(socket, [TOPIC + symbol for symbol in self._symbols[place : place + ARGS]])
        self.connected = True
        log.info("mirror_connected", url=self._url, symbols=len(self._symbols))
        pinging = asyncio.create_task(self._ping(socket))
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    frame = await socket.recv(decode=True)
                await self._take(socket, frame)
        finally:
            pinging.cancel()

    @staticmethod
    async def _ping(socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await socket.send('{"op":"ping"}')

    async def _subscribe(self, socket: ClientConnection, topics: list[str]) -> None:
        self._requests += 1
        name = f"m{self._requests}"
        self._asked[name] = topics
        await socket.send(orjson.dumps({"req_id": name, "op": "subscribe", "args": topics}).decode())

    async def _take(self, socket: ClientConnection, frame: str) -> None:
        told = _object(frame)
        if told is None:
            self._pass_over("not an object")
            return
        topic = told.get("topic")
        if isinstance(topic, str) and topic.startswith(TOPIC):
            self._newest[topic.removeprefix(TOPIC)] = told
            self.frames += 1
        elif told.get("op") == "subscribe":
            await self._answered(socket, told)

    async def _answered(self, socket: ClientConnection, answer: dict[str, Any]) -> None:
        topics = self._asked.pop(str(answer.get("req_id", "")), [])
        if not answer.get("success") and len(topics) > 1:
            # One pair that the other host does not list spoils its nine neighbours: ask one by one.
            for topic in topics:
                await self._subscribe(socket, [topic])

    def _pass_over(self, reason: str, symbol: str = "") -> None:
        self.passed_over += 1
        if self.passed_over & (self.passed_over - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a torrent does not fill the log
            log.warning("mirror_frame_unreadable", symbol=symbol, reason=reason, so_far=self.passed_over)

    def tell(self) -> None:
        """Tell the mirror what came since the last time; a frame that cannot be read is passed over and counted."""
        newest, self._newest = self._newest, {}
        for symbol, frame in newest.items():
            best = _best(frame.get("data"))
            if best is None:
                self._pass_over("no best prices", symbol)
                continue
            self.heard.add(symbol)
            self._mirror.tell(symbol, bid=best[0], ask=best[1])


def _object(frame: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(frame)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _best(data: Any) -> tuple[Decimal, Decimal] | None:
    try:
        return parse_decimal(data["b"][0][0]), parse_decimal(data["a"][0][0])
    except (KeyError, IndexError, TypeError, InvalidAmount):
        return None
