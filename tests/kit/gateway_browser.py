"""Clients of the live feed, reading in the background: a browser's event stream, and a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from shared.contracts import account
from shared.testing import eventually


@dataclass
class Browser:
    """What a client of the live feed has read so far, by stream or by socket: `events` of `event`, `id` and `data`."""

    events: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    status: int = 0
    ended: bool = False
    retry_ms: int = 0

    @property
    def names(self) -> list[str]:
        """The names of the events, in order."""
        return [event["event"] for event in self.events]

    @property
    def last_id(self) -> str:
        """Where to resume."""
        return str(next(event["id"] for event in reversed(self.events) if event.get("id")))

    async def read(self, answer: httpx.Response) -> None:
        """Read server-sent events until they end."""
        event: dict[str, Any] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if not line:
                if "event" in event:
                    event["data"] = json.loads(event["data"])
                    self.events.append(event)
                event = {}
            elif not name:
                self.comments.append(value)
            elif name == "retry":
                self.retry_ms = int(value)
            else:
                event[name] = value
        self.ended = True

    async def hear(self, socket: ClientConnection) -> None:
        """Read messages until the socket closes."""
        with suppress(ConnectionClosed):
            async for text in socket:
                self.events.append(json.loads(text))
        self.ended = True


@asynccontextmanager
async def browsing(
    house: Any, user: UUID, last_id: str | None = None, *, missed: bool = True, **claims: Any
) -> AsyncIterator[Browser]:
    """A browser that reads the event stream while the block runs.

    Args:
        missed: Something is told at once; False where whoever comes back may have heard everything.
    """
    browser = Browser()
    headers = house.headers(user, **claims) | ({"last-event-id": last_id} if last_id else {})
    async with (
        httpx.AsyncClient(base_url=house.url, timeout=60) as http,
        http.stream("GET", "/api/events", headers=headers) as answer,
    ):
        browser.status = answer.status_code
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        reading = asyncio.create_task(browser.read(answer))
        await eventually(lambda: browser.events or (browser.retry_ms and not missed), because="the stream begins")
        try:
            yield browser
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def tell(house: Any, user: UUID, build: Any, count: int, *, first: int = 1) -> None:
    """Let numbered things happen to a user."""
    for number in range(first, first + count):
        key = build.key(user, label=f"number {number}")
        await house.say(account.KeyChecked(key=key), user=user, about=key.key_id, version=number)


def labels(browser: Browser) -> list[str]:
    """Which of the numbered things were read, in order."""
    return [event["data"]["data"]["key"]["label"] for event in browser.events if event["event"] == "key_checked"]


def numbers(first: int, last: int) -> list[str]:
    """Their names, both ends included."""
    return [f"number {number}" for number in range(first, last + 1)]


@asynccontextmanager
async def socketing(
    house: Any, user: UUID, last_id: str | None = None, *, origin: str | None = None, **claims: Any
) -> AsyncIterator[tuple[Browser, ClientConnection]]:
    """A client that says hello and reads the socket while the block runs."""
    browser = Browser()
    async with connect(socket_url(house), origin=Origin(origin) if origin else None, proxy=None) as socket:
        resumed = {"last_event_id": last_id} if last_id else {}
        await socket.send(json.dumps({"type": "hello", "token": house.mint.token(user, **claims), **resumed}))
        reading = asyncio.create_task(browser.hear(socket))
        await eventually(lambda: browser.events or browser.ended, because="the socket begins")
        try:
            yield browser, socket
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def socket_url(house: Any, query: str = "") -> str:
    """Where the sockets are."""
    return f"{house.url.replace('http', 'ws', 1)}/api/ws{query}"
