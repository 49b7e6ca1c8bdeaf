"""Listening to a customer's stream in the background, so that a test can ask what has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect

from basketry_cli.gateway import GatewayClient
from basketry_cli.sse import ServerEvent
from shared.testing import eventually


@dataclass
class Feed:
    """Every event that arrived, in order."""

    events: list[ServerEvent] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of one kind of event."""
        return [event.json()["data"] for event in self.events if event.type == kind]

    def counts(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(event.type for event in self.events)

    async def wait_for(self, kind: str, *, number: int = 1, timeout_s: float = 60) -> list[dict[str, Any]]:
        """At least `number` events of a kind."""

        async def look() -> list[dict[str, Any]]:
            found = self.of(kind)
            assert len(found) >= number, f"{len(found)} of {number}; so far {dict(self.counts())}"
            return found

        return await eventually(look, timeout_s=timeout_s, because=f"{number} {kind} arrive")


@contextlib.asynccontextmanager
async def listening(client: GatewayClient, *, last_event_id: str | None = None) -> AsyncIterator[Feed]:
    """The customer's events while the block runs."""
    feed = Feed()
    async with client.events(last_event_id) as events:

        async def collect() -> None:
            async for event in events:
                feed.events.append(event)

        task = asyncio.create_task(collect())
        try:
            yield feed
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.asynccontextmanager
async def listening_by_socket(client: GatewayClient, *, last_event_id: str | None = None) -> AsyncIterator[Feed]:
    """The same through a WebSocket."""
    assert client.tokens is not None
    feed = Feed()
    hello = {"type": "hello", "token": client.tokens.access, "last_event_id": last_event_id}
    async with connect(f"{client.url.replace('http', 'ws', 1)}/api/ws", proxy=None) as socket:
        await socket.send(json.dumps(hello))

        async def collect() -> None:
            async for text in socket:
                told = json.loads(text)
                data = json.dumps(told.get("data"), separators=(",", ":"))
                feed.events.append(ServerEvent(type=told["event"], data=data, id=told.get("id", "")))

        task = asyncio.create_task(collect())
        await eventually(lambda: feed.events or task.done(), because="the socket begins")
        try:
            yield feed
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
