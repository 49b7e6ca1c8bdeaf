from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from kit.gateway_browser import Browser, browsing, labels, numbers, tell

from gateway.application.hub import QUEUE
from shared.contracts import account, execution
from shared.testing import eventually

pytestmark = pytest.mark.integration


async def test_events_of_the_user_arrive_once_in_order_and_nobody_elses(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    async with browsing(house, ada) as mine, browsing(house, bob) as theirs:
        assert mine.names == ["hello"]
        assert 1000 <= mine.retry_ms <= 3000
        await tell(house, ada, build, 20)
        await tell(house, bob, build, 1, first=100)
        await eventually(lambda: len(labels(mine)) == 20)
        await eventually(lambda: labels(theirs) == ["number 100"])
        assert labels(mine) == numbers(1, 20)
        shown = mine.events[-1]
        assert set(shown["data"]) == {"id", "type", "time", "aggregate_id", "aggregate_version", "data"}
        assert (shown["data"]["type"], shown["data"]["aggregate_version"]) == ("account.key_checked", 20)
        sequences = [int(event["id"].rpartition("-")[2]) for event in mine.events]
        assert sequences == sorted(set(sequences))


async def test_commands_with_their_ceilings_are_not_shown(house: Any, ada: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser:
        accepted = await house.bought(ada)
        view = build.position(ada, accepted, version=2)
        await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
        await eventually(lambda: "position_active" in browser.names)
        assert browser.names == ["hello", "position_active"]
        js = house.tester.jetstream()
        await eventually(lambda: _stored(js, "FEED", 2), because="the command is in the feed as well")
        assert "ceilings" not in json.dumps([event["data"] for event in browser.events])


async def test_whoever_has_heard_of_an_event_sees_it(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    blocker = await asyncpg.connect(house.databases.admin_dsn("gateway"))
    try:
        async with browsing(house, ada) as browser:
            transaction = blocker.transaction()
            await transaction.start()
            await blocker.execute("lock table gateway.position_legs in exclusive mode")
            await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
            await eventually(lambda: "position_active" in browser.names)
            looking = asyncio.create_task(house.status(ada, accepted["position_id"]))
            done, _ = await asyncio.wait({looking}, timeout=0.1)  # most of its patience is left for the painter
            assert not done, "the picture is not painted yet, so the look waits"
            await transaction.rollback()
            assert await looking == "ACTIVE"
    finally:
        await blocker.close()


async def test_a_browser_that_comes_back_gets_exactly_what_it_missed(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    async with browsing(house, ada) as browser:
        await tell(house, ada, build, 3)
        await eventually(lambda: len(labels(browser)) == 3)
    await tell(house, ada, build, 60, first=4)
    await tell(house, bob, build, 5)
    async with browsing(house, ada, browser.last_id) as again:
        await tell(house, ada, build, 5, first=64)
        await eventually(lambda: len(labels(again)) >= 65, timeout_s=60)
        assert labels(again) == numbers(4, 68)
        assert "hello" not in again.names
        assert "reset" not in again.names
    js = house.tester.jetstream()
    await eventually(lambda: _consumers(js, 1), because="replay consumers are deleted, one stays to follow")


async def test_replay_and_live_events_join_without_gap_or_double(house: Any, ada: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser:
        await tell(house, ada, build, 1)
        await eventually(lambda: len(labels(browser)) == 1)
    telling = asyncio.create_task(tell(house, ada, build, 80, first=2))

    def heard_enough(reader: Browser) -> bool:
        return len(labels(reader)) >= 15 or telling.done()

    for _ in range(4):
        async with browsing(house, ada, browser.last_id, missed=False) as again:
            known = len(labels(browser))
            await eventually(partial(heard_enough, again))
            browser.events += again.events
            assert known
    await telling
    async with browsing(house, ada, browser.last_id, missed=False) as last:
        await tell(house, ada, build, 1, first=82)
        await eventually(lambda: labels(last)[-1:] == ["number 82"])
        browser.events += last.events
    assert labels(browser) == numbers(1, 82)


async def test_a_point_that_is_gone_is_answered_with_the_state(house: Any, ada: UUID, build: Any) -> None:
    accepted = await house.bought(ada)
    epoch = ""
    async with browsing(house, ada) as browser:
        epoch = browser.events[0]["data"]["epoch"]
    for lost in ("nonsense", "0-5", f"{epoch}-x", f"{epoch}-999999", f"{epoch}--1", "x" * 500):
        async with browsing(house, ada, lost) as again:
            assert again.names == ["reset"]
            [position] = again.events[0]["data"]["positions"]
            assert (position["position_id"], position["status"]) == (accepted["position_id"], "PENDING")
            assert again.events[0]["data"]["reason"]


async def test_events_that_were_purged_make_a_reset(house: Any, ada: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser:
        await tell(house, ada, build, 1)
        await eventually(lambda: len(labels(browser)) == 1)
        await tell(house, ada, build, 5, first=2)
        await eventually(lambda: len(labels(browser)) == 6)
        early = browser.events[1]["id"]
    await house.tester.jetstream().purge_stream("FEED", keep=1)
    async with browsing(house, ada, early) as again:
        assert again.names == ["reset"]
        await tell(house, ada, build, 1, first=7)
        await eventually(lambda: labels(again) == ["number 7"])


async def test_a_killed_bus_loses_no_event_and_keeps_the_browser(house: Any, ada: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser:
        await tell(house, ada, build, 2)
        await eventually(lambda: len(labels(browser)) == 2)
        await asyncio.to_thread(house.bus.server.kill)
        await asyncio.to_thread(house.bus.server.start)
        await eventually(lambda: house.tester.is_connected, timeout_s=60)
        await tell(house, ada, build, 3, first=3)
        await eventually(lambda: len(labels(browser)) == 5, timeout_s=60)
        assert labels(browser) == numbers(1, 5)


async def test_a_lost_store_starts_every_browser_anew(house: Any, ada: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser:
        await tell(house, ada, build, 3)
        await eventually(lambda: len(labels(browser)) == 3)
        await asyncio.to_thread(house.bus.server.stop)
        await asyncio.to_thread(house.bus.server.lose_store)
        await asyncio.to_thread(house.bus.server.start)
        await house.bus.provision()
        await eventually(lambda: browser.ended, timeout_s=60, because="the browser is told to come back")
        assert browser.names[-1] == "reconnect"
        assert browser.events[-1]["data"]["reason"] == "rebuilt"
    await eventually(lambda: house.tester.is_connected, timeout_s=60)
    async with browsing(house, ada, browser.last_id) as again:
        assert again.names == ["reset"]
        await tell(house, ada, build, 2, first=10)
        await eventually(lambda: labels(again) == numbers(10, 11), timeout_s=60)


async def test_the_stream_ends_with_its_token(house: Any, ada: UUID) -> None:
    async with browsing(house, ada, life_s=6) as browser:
        await eventually(lambda: browser.ended, timeout_s=60)
        assert browser.names == ["hello", "reconnect"]
        assert browser.events[-1]["data"]["reason"] == "token_expired"


async def test_a_reader_that_stops_reading_is_let_go_and_memory_stays_bounded(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    request = f"GET /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.mint.token(ada)}\r\n\r\n"
    writer.write(request.encode())
    await eventually(lambda: house.gateway.hub.count(ada) == 1)
    cast("asyncio.Transport", writer.transport).pause_reading()
    padding = "x" * 60_000
    async with browsing(house, bob) as other:
        for number in range(QUEUE + 200):
            key = build.key(ada, label=f"number {number} {padding}")
            await house.say(account.KeyChecked(key=key), user=ada, about=key.key_id, version=number + 1)
            if house.gateway.hub.count(ada) == 0:
                break
        await eventually(lambda: house.gateway.hub.count(ada) == 0, because="it is disconnected")
        await tell(house, bob, build, 1)
        await eventually(lambda: labels(other) == ["number 1"])
    writer.transport.abort()


async def test_browsers_that_go_away_are_forgotten(house: Any, ada: UUID) -> None:
    async with browsing(house, ada), browsing(house, ada):
        await eventually(lambda: house.gateway.hub.listeners == 2)
    await eventually(lambda: house.gateway.hub.listeners == 0)


async def test_a_user_has_a_bounded_number_of_streams(house: Any, ada: UUID) -> None:
    listeners = [await house.gateway.hub.join(ada, timeout_s=1) for _ in range(20)]
    answer = await house.http.get("/api/events", headers=house.headers(ada))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
    for listener in listeners:
        house.gateway.hub.leave(listener)


async def test_without_the_bus_the_stream_says_so(house: Any, ada: UUID) -> None:
    assert (await house.http.get("/api/me", headers=house.headers(ada))).status_code == 200, "the token's key is known"
    await asyncio.to_thread(house.bus.server.kill)
    await eventually(lambda: not house.gateway.hub.following, timeout_s=60)
    answer = await house.http.get("/api/events", headers=house.headers(ada))
    assert (answer.status_code, answer.json()["code"]) == (503, "live_feed_unavailable")
    await asyncio.to_thread(house.bus.server.start)
    await eventually(lambda: house.gateway.hub.following, timeout_s=60)
    stranger = await house.http.get("/api/events")
    assert (stranger.status_code, stranger.json()["code"]) == (401, "token_missing")


async def _stored(js: Any, stream: str, count: int) -> bool:
    return int((await js.stream_info(stream)).state.messages) >= count


async def _consumers(js: Any, count: int) -> bool:
    return len(await js.consumers_info("FEED")) == count
