"""Server-sent events: what happened to a user's own things, live, resumable, each once and in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.application.freshness import Freshness
from gateway.application.hub import Ended, Hub, Listener
from gateway.application.ports import FeedBounds, FeedHistory, FeedMessage, PositionReader
from gateway.domain.errors import StreamPositionGone
from gateway.domain.position import PositionSummary
from gateway.inbound.tokens import Principal
from shared.contracts.registry import EVENTS
from shared.trading.clock import Clock
from shared.trading.errors import Throttled, Unavailable
from shared.trading.money import plain

PING_S = 15.0
JOIN_S = 5.0
SNAPSHOT_POSITIONS = 200
STREAMS_PER_USER = 20
FAREWELL_S = 0.5
_SHOWN_DOMAINS = ("execution", "portfolio")
SHOWN: dict[str, str] = {
    event.type: event.name
    for event in EVENTS
    if event.domain in _SHOWN_DOMAINS or (event.domain == "account" and event.name.startswith("key_"))
}
"""Envelope type → SSE event name: an allow-list; commands with their ceilings are not in it."""

log = structlog.get_logger(__name__)


class TooManyStreams(Throttled):
    """A user's browsers share a bounded number of streams on one replica."""

    code = "too_many_streams"
    title = "Too many open event streams"


def render(epoch: str, message: FeedMessage) -> bytes | None:
    """Format an event once for everybody; None for one that browsers do not see."""
    envelope = json.loads(message.body)
    name = SHOWN.get(envelope.get("type", ""))
    if name is None:
        return None
    shown = {key: envelope[key] for key in ("id", "type", "time", "aggregate_id", "aggregate_version", "data")}
    text = json.dumps(shown, separators=(",", ":"))
    return format_sse_event(data_str=text, event=name, id=f"{epoch}-{message.sequence}")


class EventStreams:
    """Opens streams of events.

    Args:
        chance: Spreads the reconnects of many browsers.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        history: FeedHistory,
        positions: PositionReader,
        fresh: Freshness,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._hub = hub
        self._history = history
        self._positions = positions
        self._fresh = fresh
        self._clock = clock
        self._chance = chance

    async def open(self, user: Principal, last_event_id: str | None) -> StreamResponse:
        """A stream for a user, from where it was left, or from now on.

        Raises:
            TooManyStreams: the user has enough of them.
            Unavailable: the live feed is not there now.
        """
        if self._hub.count(user.user_id) >= STREAMS_PER_USER:
            raise TooManyStreams(f"At most {STREAMS_PER_USER} event streams at a time.", retry_after_s=5.0)
        try:
            listener = await self._hub.join(user.user_id, timeout_s=JOIN_S)
        except TimeoutError:
            raise Unavailable(
                "The live feed is not reachable now; your orders are not affected.", code="live_feed_unavailable"
            ) from None
        return StreamResponse(self._chunks(user, listener, last_event_id), listener, self._hub)

    async def _chunks(
        self, user: Principal, listener: Listener, last_event_id: str | None
    ) -> AsyncGenerator[bytes, None]:
        yield format_sse_event(retry=1000 + self._chance.randrange(2000), comment="basketry")
        sent = listener.joined_at
        async with aclosing(self._beginning(user, listener, last_event_id)) as beginning:
            async for chunk in beginning:
                yield chunk
        async with aclosing(self._live(user, listener, sent)) as live:
            async for chunk in live:
                yield chunk

    async def _beginning(
        self, user: Principal, listener: Listener, last_event_id: str | None
    ) -> AsyncGenerator[bytes, None]:
        """A greeting with the state of things, or what was missed; the queue already collects what comes."""
        after = _position_in(last_event_id, listener.epoch)
        if last_event_id is None:
            yield await self._snapshot("hello", user, listener, reason=None)
            return
        try:
            await self._must_be_there(after, await self._history.bounds(), listener)
            async with aclosing(
                self._history.replay(user.user_id, after=after or 0, until=listener.joined_at)
            ) as replay:
                async for message in replay:
                    if (data := render(listener.epoch, message)) is not None:
                        yield data
        except StreamPositionGone as gone:
            yield await self._snapshot("reset", user, listener, reason=gone.detail)

    @staticmethod
    async def _must_be_there(after: int | None, bounds: FeedBounds, listener: Listener) -> None:
        if after is None or bounds.epoch != listener.epoch or after > listener.joined_at:
            raise StreamPositionGone("The live feed was made anew; here is the state as it is now.")
        if after + 1 < bounds.first_sequence:
            raise StreamPositionGone("That is too long ago; here is the state as it is now.")

    async def _live(self, user: Principal, listener: Listener, sent: int) -> AsyncGenerator[bytes, None]:
        while listener.ended is None:
            left_s = (user.expires_at - self._clock.now()).total_seconds()
            if left_s <= 0:
                yield _bye("token_expired")
                return
            fresh = [chunk for chunk in listener.take() if chunk.sequence > sent]
            if fresh:
                sent = fresh[-1].sequence
                yield b"".join(chunk.data for chunk in fresh)
            elif not await _news(listener, min(PING_S, left_s)) and left_s > PING_S:
                yield KEEPALIVE_COMMENT

    async def _snapshot(self, name: str, user: Principal, listener: Listener, *, reason: str | None) -> bytes:
        await self._fresh.about(user.user_id)
        found = await self._positions.positions(user.user_id, limit=SNAPSHOT_POSITIONS)
        body: dict[str, Any] = {
            "epoch": listener.epoch,
            "sequence": listener.joined_at,
            "positions": [_state(one) for one in found],
        }
        if reason is not None:
            body["reason"] = reason
        text = json.dumps(body, separators=(",", ":"))
        return format_sse_event(data_str=text, event=name, id=f"{listener.epoch}-{listener.joined_at}")


class StreamResponse(Response):
    """One browser's stream: a feeding task, and this one that waits for the browser to go."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None], listener: Listener, hub: Hub) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._listener = listener
        self._hub = hub

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the browser goes, the token ends, or the hub lets go."""
        feeding: asyncio.Task[None] | None = None
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            feeding = asyncio.create_task(self._feed(send))
            self._listener.on_end = feeding.cancel
            if self._listener.ended is not None:
                feeding.cancel()
            gone = asyncio.create_task(_gone(receive))
            await asyncio.wait({feeding, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        finally:
            self._hub.leave(self._listener)
            await self._end(feeding)
        await self._farewell(send)

    async def _feed(self, send: Send) -> None:
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _end(self, feeding: asyncio.Task[None] | None) -> None:
        if feeding is not None:
            feeding.cancel()
            [result] = await asyncio.gather(feeding, return_exceptions=True)
            if isinstance(result, Exception):
                log.warning("event_stream_broke", error=type(result).__name__, detail=str(result))
        await self._chunks.aclose()

    async def _farewell(self, send: Send) -> None:
        """A reader that stopped reading cannot take it; it is closed all the same."""
        last = _bye(self._listener.ended.value) if self._listener.ended not in {None, Ended.OVERFLOW} else b""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await send({"type": "http.response.body", "body": last, "more_body": False})
        except (TimeoutError, OSError):
            return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _news(listener: Listener, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await listener.news.wait()
    except TimeoutError:
        return False
    return True


def _position_in(last_event_id: str | None, epoch: str) -> int | None:
    """The sequence of an id of this very stream."""
    stream, _, sequence = (last_event_id or "").rpartition("-")
    return int(sequence) if stream == epoch and sequence.isdecimal() and len(sequence) < 19 else None


def _bye(reason: str) -> bytes:
    return format_sse_event(data_str=json.dumps({"reason": reason}), event="reconnect")


def _state(summary: PositionSummary) -> dict[str, Any]:
    """As much as a client needs to see whether what it has is old."""
    position, valuation = summary.position, summary.valuation
    return {
        "position_id": str(position.position_id),
        "status": position.status.value,
        "version": position.version,
        "index_id": position.index_id,
        "invested": plain(position.invested),
        "pnl": plain(valuation.pnl) if valuation else None,
        "value": plain(valuation.value) if valuation else None,
        "value_version": valuation.version if valuation else None,
        "deviating": summary.deviation.active if summary.deviation else False,
    }
