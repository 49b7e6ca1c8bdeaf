"""Listening to a customer's stream in the background, so that a test can ask what has arrived."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

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
