"""The line to another venue: failing subscriptions, broken frames, lost connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve

from paper_exchange.application.market import Market
from paper_exchange.application.venue_clock import VirtualClock
from paper_exchange.domain.price_mirror import PriceMirror
from paper_exchange.outbound import mirror_link
from paper_exchange.outbound.dataset import load_listings
from paper_exchange.outbound.mirror_link import MirrorLink
from shared.testing import eventually

pytestmark = pytest.mark.integration
LISTINGS = load_listings()[:30]
SYMBOLS = [listing.symbol for listing in LISTINGS]
BROKEN = (
    "no json",
    "[]",
    "7",
    "null",
    '{"topic": 3}',
    '{"topic":"orderbook.1.BTCUSDT","data":[]}',
    '{"topic":"orderbook.1.',
)
Behaviour = Callable[[ServerConnection], Awaitable[None]]


def price_frame(symbol: str) -> str:
    data = {"s": symbol, "b": [["99.9", "1"]], "a": [["100.1", "1"]]}
    return orjson.dumps({"topic": f"orderbook.1.{symbol}", "type": "snapshot", "data": data}).decode()


async def bybit(socket: ServerConnection, missing: set[str]) -> None:
    """Answer as the real host does: one pair that is not listed fails its whole request."""
    async for text in socket:
        asked = orjson.loads(text)
        symbols = [topic.rpartition(".")[2] for topic in asked.get("args", [])]
        sound = not missing.intersection(symbols)
        await socket.send(
            orjson.dumps({"op": asked["op"], "req_id": asked.get("req_id", ""), "success": sound}).decode()
        )
        for symbol in symbols if sound else ():
            await socket.send(price_frame(symbol))


@contextlib.asynccontextmanager
async def listening(behaviour: Behaviour, mirror: PriceMirror) -> AsyncIterator[tuple[MirrorLink, asyncio.Task[None]]]:
    async with serve(behaviour, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        link = MirrorLink(f"ws://127.0.0.1:{port}", mirror, SYMBOLS)
        running = asyncio.create_task(link.run())
        try:
            yield link, running
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def heard(link: MirrorLink) -> Callable[[], Awaitable[set[str]]]:
    async def now() -> set[str]:
        link.tell()
        return link.heard

    return now


async def test_two_failing_requests_lose_only_the_pairs_that_are_not_listed() -> None:
    missing = {SYMBOLS[3], SYMBOLS[14], SYMBOLS[25]}
    async with listening(lambda socket: bybit(socket, missing), PriceMirror(LISTINGS)) as (link, _):

        async def all_others() -> bool:
            return await heard(link)() == set(SYMBOLS) - missing

        assert await eventually(all_others, because="every listed pair is heard")


async def test_frames_that_cannot_be_read_are_counted_and_the_line_stays() -> None:
    async def broken(socket: ServerConnection) -> None:
        for text in BROKEN:
            await socket.send(text)
        await bybit(socket, set())

    async with listening(broken, PriceMirror(LISTINGS)) as (link, running):

        async def all_of_them() -> bool:
            return await heard(link)() == set(SYMBOLS)

        assert await eventually(all_of_them, because="every pair is heard behind the broken frames")
        assert not running.done()
        assert link.passed_over == 5  # two of the broken ones are objects without a meaning, one is overtaken


async def test_another_connection_asks_afresh_and_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_link, "FIRST_WAIT_S", 0.01)
    asked: list[list[str]] = []

    async def first_silent(socket: ServerConnection) -> None:
        names: list[str] = []
        asked.append(names)
        if len(asked) == 1:
            names.extend([orjson.loads(await socket.recv())["req_id"] for _ in range(3)])
            return  # closed before any answer
        await bybit(socket, {SYMBOLS[0]})

    async with listening(first_silent, PriceMirror(LISTINGS)) as (link, _):

        async def all_others() -> bool:
            return await heard(link)() == set(SYMBOLS[1:])

        assert await eventually(all_others, because="the second connection hears every listed pair")
    assert len(set(asked[0])) == 3


def test_prices_of_a_line_that_is_lost_grow_old() -> None:
    clock, mirror = VirtualClock(1_790_000_000_000), PriceMirror(LISTINGS)
    market = Market(LISTINGS, mirror, clock)
    clock.advance(1_000)
    mirror.tell(SYMBOLS[0], bid=Decimal("99.9"), ask=Decimal("100.1"))
    market.tick()
    told = clock.now_ms
    assert market.ticked_ms == told
    clock.advance(60_000)
    market.tick()
    assert market.ticked_ms == told
    mirror.tell(SYMBOLS[0], bid=Decimal("99.9"), ask=Decimal("100.1"))
    market.tick()
    assert market.ticked_ms == clock.now_ms
