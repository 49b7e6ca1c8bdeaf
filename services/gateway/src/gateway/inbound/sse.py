"""Server-sent events carry the live feed to a browser."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.application.hub import Ended
from gateway.application.live_event import LiveEvent
from gateway.inbound.live_feed import Visit, farewell

FAREWELL_S = 0.5


def as_stream_text(event: LiveEvent) -> bytes:
    """An event in the words of `text/event-stream`."""
    return format_sse_event(data_str=event.data, event=event.name, id=event.id)


class StreamResponse(Response):
    """The answer that does not end before the visit does.

    Args:
        chance: Spreads the reconnects of many browsers.
    """

    media_type = "text/event-stream"

    def __init__(self, visit: Visit, *, chance: random.Random) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._visit = visit
        self._retry_ms = 1000 + chance.randrange(2000)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the visit."""
        await self._visit.serve(_Stream(self.raw_headers, self._retry_ms, receive, send))


class _Stream:
    """Carries events in the body of one answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]], retry_ms: int, receive: Receive, send: Send) -> None:
        self._headers = headers
        self._retry_ms = retry_ms
        self._receive = receive
        self._send = send

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._write(format_sse_event(retry=self._retry_ms, comment="basketry"))

    async def carry(self, events: Sequence[LiveEvent]) -> None:
        await self._write(b"".join(event.spelled(as_stream_text) for event in events))

    async def keep_alive(self) -> None:
        await self._write(KEEPALIVE_COMMENT)

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def end(self, why: str) -> None:
        """A reader that stopped reading cannot take it; it is closed all the same."""
        last = as_stream_text(farewell(why)) if why != Ended.OVERFLOW else b""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._write(last, more=False)
        except (TimeoutError, OSError):
            return

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
