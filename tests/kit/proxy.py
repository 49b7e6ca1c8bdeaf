"""A TCP proxy on loopback between a service and the venue: it sees each step of an order and lets a test act there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

_ORDER = re.compile(rb"^POST /v5/order/create(-batch)? ")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNK = 65_536


class Step(StrEnum):
    """Where on the wire an order is."""

    BEFORE_SEND = "before_send"
    """The service has written the request; the venue has not seen a byte."""
    SENT = "sent"
    """The venue has the whole request; the service has no reply."""
    REPLIED = "replied"
    """The service has the whole reply."""
    FILL_READ = "fill_read"
    """The service has a frame with executions."""


Hook = Callable[[Step], Awaitable[None]]


async def _ignore(step: Step) -> None:
    del step


@dataclass
class VenueProxy:
    """Forwards everything to `target_port` and calls `hook` at each step; what the hook awaits, the wire waits for."""

    target_port: int
    hook: Hook = _ignore
    port: int = 0
    orders_seen: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # only `stop` cancels
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            venue_reader, venue_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.close()
            return
        link = _Link(self)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(link.upstream(reader, venue_writer))
                group.create_task(link.downstream(venue_reader, writer))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # a side went away, which is what proxies are for here
        finally:
            for side in (writer, venue_writer):
                side.transport.abort()
            await asyncio.sleep(0)  # lets the transports drop their sockets before anybody ends the loop


@dataclass
class _Link:
    proxy: VenueProxy
    order_under_way: bool = False

    async def upstream(self, reader: asyncio.StreamReader, venue: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            if not _ORDER.match(chunk):
                venue.write(chunk)
                await venue.drain()
                continue
            request = await _whole_request(chunk, reader)
            self.proxy.orders_seen += 1
            await self.proxy.hook(Step.BEFORE_SEND)
            self.order_under_way = True
            venue.write(request)
            await venue.drain()
            await self.proxy.hook(Step.SENT)
        venue.write_eof()

    async def downstream(self, venue: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await venue.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
            if self.order_under_way and chunk.startswith(b"HTTP/1.1"):
                self.order_under_way = False
                await self.proxy.hook(Step.REPLIED)
            elif b'"topic":"execution' in chunk:
                await self.proxy.hook(Step.FILL_READ)
        writer.close()


async def _whole_request(head: bytes, reader: asyncio.StreamReader) -> bytes:
    while b"\r\n\r\n" not in head:
        head += await reader.read(_CHUNK)
    start = head.index(b"\r\n\r\n") + 4
    length = _LENGTH.search(head[:start])
    missing = int(length.group(1)) - (len(head) - start) if length else 0
    return head + (await reader.readexactly(missing) if missing > 0 else b"")
