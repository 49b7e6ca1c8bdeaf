"""One WebSocket connection: frames go out in order, each not before its time, and a slow reader is cut off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

import orjson

from paper_exchange.inbound.exchange_http import Receive, Send, cut_connection, half_open

MAX_WAITING = 20_000
POCKET_S = 0.3
"""So long a frame waits for another that goes before it, when frames are to be out of order."""
ACK_DELAY_S = 0.005
"""Clients that record a request id only after sending it lose an answer that comes sooner (pybit does)."""
IDLE_S = 600.0
"""So long a connection may be without traffic in either direction."""


def kind_of(operation: dict[str, Any]) -> str:
    """What an operation wants, empty when it does not say so in words."""
    kind = operation.get("op")
    return kind if isinstance(kind, str) else ""


def topics_of(operation: dict[str, Any]) -> list[str]:
    """The topics that an operation names, none when they are no list."""
    args = operation.get("args")
    return [str(topic) for topic in args] if isinstance(args, list) else []


class Socket:
    """Sends frames and reads operations.

    Args:
        receive: ASGI's.
        send: ASGI's.
        conn_id: The connection's name in acknowledgements.
        address: Where the client is.
        idle_s: Without traffic for so long, the connection is ended.
    """

    def __init__(self, receive: Receive, send: Send, conn_id: str, address: str, *, idle_s: float = IDLE_S) -> None:
        self.conn_id = conn_id
        self.address = address
        self.topics: set[str] = set()
        self.uid = ""
        self.when_known: Callable[[Socket], None] | None = None
        self._receive = receive
        self._send = send
        self._frames: deque[tuple[float, bytes]] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._idle_s = idle_s
        self._traffic_at = asyncio.get_running_loop().time()
        self.dead = False
        self._pocket: bytes | None = None

    def belongs_to(self, uid: str) -> None:
        """The client has said who it is."""
        self.uid = uid
        if self.when_known is not None:
            self.when_known(self)

    def push(self, frame: bytes, *, delay_s: float = 0.0) -> None:
        """Queue a frame; it leaves after `delay_s`, never before an earlier one."""
        if len(self._frames) >= MAX_WAITING:
            self.close()
            return
        self._frames.append((asyncio.get_running_loop().time() + delay_s, frame))
        self._wake.set()

    def push_json(self, value: object, *, delay_s: float = 0.0) -> None:
        """Queue a JSON frame."""
        self.push(orjson.dumps(value), delay_s=delay_s)

    def push_after_next(self, frame: bytes, *, delay_s: float = 0.0) -> None:
        """Queue a frame behind the one that comes next, or after a moment when none comes."""
        if self._pocket is not None:
            self.push(frame, delay_s=delay_s)
            return
        self._pocket = frame
        asyncio.get_running_loop().call_later(POCKET_S + delay_s, self.empty_pocket)

    def empty_pocket(self) -> None:
        """Queue the frame that was kept back."""
        frame, self._pocket = self._pocket, None
        if frame is not None:
            self.push(frame)

    def go_dead(self) -> None:
        """Neither read nor write any more without closing, as if the network in between were gone."""
        self.dead = True
        half_open(self._send)

    def abort(self) -> None:
        """Reset the connection."""
        self._closing = True
        cut_connection(self._send)

    def close(self) -> None:
        """End the connection, dropping what has not left yet."""
        self._closing = True
        self._wake.set()

    async def send_frames(self) -> None:
        """Send until closed."""
        loop = asyncio.get_running_loop()
        while not self._closing:
            if not self._frames:
                self._wake.clear()
                await self._wake.wait()
                continue
            due, frame = self._frames.popleft()
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if not self.dead:
                self._traffic_at = loop.time()
                await self._send({"type": "websocket.send", "text": frame.decode()})
        await self._send({"type": "websocket.close", "code": 1000})

    async def operation(self) -> dict[str, Any] | None:
        """The client's next operation; {} when it is not one, None when the client left or nothing was heard for long."""
        message = await self._message()
        if message is None or message["type"] == "websocket.disconnect":
            return None
        try:
            value = orjson.loads(message.get("text") or message.get("bytes") or b"{}")
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}

    async def _message(self) -> MutableMapping[str, Any] | None:
        loop = asyncio.get_running_loop()
        while True:
            wait = self._traffic_at + self._idle_s - loop.time()
            if wait <= 0:
                return None
            try:
                async with asyncio.timeout(wait):
                    message: MutableMapping[str, Any] = await self._receive()
            except TimeoutError:
                continue
            self._traffic_at = loop.time()
            return message

    def acknowledge(self, operation: dict[str, Any], *, success: bool = True, text: str = "") -> None:
        """Answer an operation, echoing its request id, not before 5 ms."""
        self.push_json(
            {
                "success": success,
                "ret_msg": text,
                "conn_id": self.conn_id,
                "req_id": operation.get("req_id", ""),
                "op": operation.get("op", ""),
            },
            delay_s=ACK_DELAY_S,
        )
