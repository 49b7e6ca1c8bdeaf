"""One WebSocket connection: frames go out in order, each not before its time, and a slow reader is cut off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from typing import Any

import orjson

from paper_exchange.inbound.exchange_http import Receive, Send

MAX_WAITING = 20_000
ACK_DELAY_S = 0.005
"""Clients that record a request id only after sending it lose an answer that comes sooner (pybit does)."""


class Socket:
    """Sends frames and reads operations.

    Args:
        receive: ASGI's.
        send: ASGI's.
        conn_id: The connection's name in acknowledgements.
        address: Where the client is.
    """

    def __init__(self, receive: Receive, send: Send, conn_id: str, address: str) -> None:
        self.conn_id = conn_id
        self.address = address
        self.topics: set[str] = set()
        self._receive = receive
        self._send = send
        self._frames: deque[tuple[float, bytes]] = deque()
        self._wake = asyncio.Event()
        self._closing = False

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
            await self._send({"type": "websocket.send", "text": frame.decode()})
        await self._send({"type": "websocket.close", "code": 1000})

    async def operation(self) -> dict[str, Any] | None:
        """The client's next operation; {} when it is not one, None when the client left."""
        message: MutableMapping[str, Any] = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        try:
            value = orjson.loads(message.get("text") or message.get("bytes") or b"{}")
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}

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
