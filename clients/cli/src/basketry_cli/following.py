"""What changes, as it changes: the event stream says that something happened, the API says how things are now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx

from basketry_cli.gateway import GatewayClient
from basketry_cli.problems import ApiProblem
from basketry_cli.sse import ServerEvent

RESUME_AFTER_S = 0.5
TOGETHER_S = 0.2
"""Events that come within this time are one change: a screen shows no more."""


class Following:
    """One user's news.

    Attributes:
        connected: Whether the stream is open now; what is shown may be old while it is not.
        lost_at: When the last stream that was open ended; after a silence, when it began.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._last_id: str | None = None
        self._waiting: list[ServerEvent] = []
        self._news = asyncio.Event()
        self.connected = False
        self.lost_at: datetime | None = None

    async def changes(self, *, every_s: float | None = None) -> AsyncGenerator[list[ServerEvent], None]:
        """Events in lots, the first as soon as the stream is open; also when it opens or ends, then with none.

        Args:
            every_s: A lot comes at least so often, empty if nothing happened.

        Raises:
            ApiProblem: the session is over.
        """
        reading = asyncio.create_task(self._read_for_ever())
        try:
            while True:
                news = asyncio.create_task(self._news.wait())
                await asyncio.wait({news, reading}, timeout=every_s, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if reading.done():
                    reading.result()
                await asyncio.sleep(TOGETHER_S)
                self._news.clear()
                lot, self._waiting = self._waiting, []
                yield lot
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _read_for_ever(self) -> None:
        while True:
            try:
                async with self._client.events(self._last_id) as events:
                    self.connected = True
                    self._news.set()
                    await self._take(events)
            except httpx.HTTPError as failure:  # away for a moment, as at a deployment; resumed where it ended
                self._ended(silent_s=self._client.silence_s if isinstance(failure, httpx.ReadTimeout) else 0)
            except ApiProblem as problem:
                if problem.status < 500 and problem.status != httpx.codes.TOO_MANY_REQUESTS:
                    raise
            self._ended()
            self._news.set()
            await asyncio.sleep(RESUME_AFTER_S)

    def _ended(self, *, silent_s: float = 0) -> None:
        if self.connected:
            self.connected, self.lost_at = False, datetime.now(UTC) - timedelta(seconds=silent_s)

    async def _take(self, events: AsyncIterator[ServerEvent]) -> None:
        async for event in events:
            self._last_id = event.id or self._last_id
            self._waiting.append(event)
            self._news.set()
