from __future__ import annotations

import asyncio
import json
import logging
import socket as sockets
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import UUID

import pytest
from kit.gateway_browser import browsing, labels, numbers, socket_url, socketing, tell
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from gateway.application.hub import QUEUE
from shared.contracts import account, execution
from shared.testing import eventually

pytestmark = pytest.mark.integration
OURS = "http://localhost:3000"


async def refusal(socket: ClientConnection) -> tuple[int, str, dict[str, Any]]:
    """Close code, reason, and the problem that came before."""
    problem: dict[str, Any] = {}
    async with asyncio.timeout(15):
        with suppress(ConnectionClosed):
            while True:
                told = json.loads(await socket.recv())
                problem = told["data"] if told["event"] == "problem" else problem
    await socket.wait_closed()
    assert problem.get("type", "urn:problem:").startswith("urn:problem:")
    return int(socket.close_code or 0), str(socket.close_reason), problem


async def first(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(15):
        told: dict[str, Any] = json.loads(await socket.recv())
    return told


async def test_stream_and_socket_tell_the_same_journey(house: Any, ada: UUID, bob: UUID, build: Any) -> None:
    async with browsing(house, ada) as browser, socketing(house, ada) as (client, _):
        accepted = await house.bought(ada)
        view = build.position(ada, accepted, version=2)
        await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
        await tell(house, ada, build, 20)
        await tell(house, bob, build, 3, first=100)
        await tell(house, ada, build, 1, first=21)
        await eventually(lambda: labels(browser)[-1:] == labels(client)[-1:] == ["number 21"])
        assert client.events == browser.events, "same events, ids and data; no command, nobody else's"
        assert client.names == ["hello", "position_active", *["key_checked"] * 21]
        later = client.events[5]["id"]
    async with browsing(house, ada, later) as browser, socketing(house, ada, later) as (client, _):
        await eventually(lambda: len(labels(browser)) == len(labels(client)) == 17)
        assert client.events == browser.events, "what was missed is the same as well"
        assert labels(client) == numbers(5, 21)


async def test_a_gap_is_filled_and_joins_what_is_live(house: Any, ada: UUID, build: Any) -> None:
    async with socketing(house, ada) as (client, _):
        await tell(house, ada, build, 3)
        await eventually(lambda: len(labels(client)) == 3)
    telling = asyncio.create_task(tell(house, ada, build, 60, first=4))
    async with socketing(house, ada, client.last_id) as (again, _):
        await telling
        await eventually(lambda: len(labels(again)) >= 60, timeout_s=60)
        assert labels(again) == numbers(4, 63)


async def test_a_point_that_is_gone_is_answered_with_the_state(house: Any, ada: UUID) -> None:
    await house.bought(ada)
    for lost in ("nonsense", "0-5", "x" * 200):
        async with socketing(house, ada, lost) as (client, _):
            assert client.names == ["reset"]
            assert client.events[0]["data"]["positions"][0]["status"] == "PENDING"


async def test_the_token_may_come_with_the_handshake(house: Any, ada: UUID, build: Any) -> None:
    token = house.mint.token(ada)
    bearer = {"authorization": f"Bearer {token}"}
    offered = [Subprotocol("basketry.v1"), Subprotocol(f"bearer.{token}")]
    async with connect(socket_url(house), additional_headers=bearer, proxy=None) as plain:
        hello = await first(plain)
        assert hello["event"] == "hello"
    async with connect(socket_url(house), subprotocols=offered, origin=Origin(OURS), proxy=None) as page:
        assert page.subprotocol == "basketry.v1", "the token is not sent back"
        assert (await first(page))["event"] == "hello"
    await tell(house, ada, build, 1)
    query = f"?last_event_id={hello['id']}"
    async with connect(socket_url(house, query), additional_headers=bearer, proxy=None) as again:
        assert (await first(again))["event"] == "key_checked"
    cookie = {"cookie": f"__Host-basketry_access={token}"}
    async with connect(socket_url(house), additional_headers=cookie, origin=Origin(OURS), proxy=None) as page:
        assert (await first(page))["event"] == "hello"


async def test_pages_of_others_are_refused_before_the_socket_opens(house: Any, ada: UUID) -> None:
    cookie = {"cookie": f"__Host-basketry_access={house.mint.token(ada)}"}
    bearer = {"authorization": f"Bearer {house.mint.token(ada)}"}
    foreign = [Origin("https://evil.example"), Origin("null"), Origin("http://localhost:3000.evil.example")]
    for headers, origin in [(cookie, None), *((one, page) for one in (cookie, bearer) for page in foreign)]:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(socket_url(house), additional_headers=headers, origin=origin, proxy=None):
                pass
        problem = json.loads(refused.value.response.body or b"")
        assert (refused.value.response.status_code, problem["code"]) == (403, "cross_site_refused"), origin
    assert house.gateway.hub.count(ada) == 0


async def test_tokens_that_are_not_valid_open_nothing(house: Any, ada: UUID, mint: Any) -> None:
    wrong = ["x", "a.b.c", mint.token(ada, life_s=-30), mint.token(ada, aud="another"), mint.token(ada)[:-4]]
    for token in wrong:
        async with connect(socket_url(house), proxy=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token}))
            code, reason, problem = await refusal(socket)
            assert (code, reason, problem["code"], problem["status"]) == (4401, "token_invalid", "token_invalid", 401)
        headers = {"authorization": f"Bearer {token}"}
        async with connect(socket_url(house), additional_headers=headers, proxy=None) as socket:
            assert (await refusal(socket))[:2] == (4401, "token_invalid")
    assert house.gateway.hub.listeners == 0


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "[]",
        "{}",
        "null",
        '{"type": "hello"}',
        '{"type": "subscribe", "token": "x"}',
        '{"token": 5}',
        '{"token": "x", "user_id": "somebody"}',
        '{"token": "x", "last_event_id": 7}',
        "[" * 5000,
        b"\x00\x01",
    ],
)
async def test_a_first_message_that_makes_no_sense_is_refused(house: Any, message: str | bytes) -> None:
    async with connect(socket_url(house), proxy=None) as socket:
        await socket.send(message)
        code, reason, problem = await refusal(socket)
        assert (code, reason, problem["status"]) == (4422, "malformed_message", 422)
        assert "hello" in problem["detail"]


async def test_a_token_in_the_address_is_refused_even_if_it_is_valid(house: Any, ada: UUID) -> None:
    for name in ("token", "access_token", "Authorization"):
        async with connect(socket_url(house, f"?{name}={house.mint.token(ada)}"), proxy=None) as socket:
            assert (await refusal(socket))[:2] == (4422, "token_in_address")


async def test_no_token_is_written_into_a_log(
    house: Any, ada: UUID, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    token, forged = house.mint.token(ada), house.mint.token(ada)[:-4]
    with caplog.at_level(logging.DEBUG):
        async with socketing(house, ada) as (client, _):
            assert client.names == ["hello"]
        for query, headers in [(f"?token={token}", {}), ("", {"authorization": f"Bearer {forged}"})]:
            async with connect(socket_url(house, query), additional_headers=headers, proxy=None) as socket:
                await refusal(socket)
        async with connect(socket_url(house), proxy=None) as socket:
            await socket.send(json.dumps({"token": token, "extra": 1}))
            _, _, problem = await refusal(socket)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")]
    assert any("malformed_message" in line for line in ours), "the refusals themselves are logged"
    written = "\n".join([*ours, *capfd.readouterr(), json.dumps(problem)])
    assert token.rpartition(".")[2] not in written
    assert forged.rpartition(".")[2] not in written


async def test_whoever_says_nothing_is_let_go(house: Any) -> None:
    async with connect(socket_url(house), proxy=None) as socket:
        assert (await refusal(socket))[:2] == (4422, "hello_missing")
    async with connect(socket_url(house), proxy=None) as socket:
        await socket.close()
    assert not house.gateway.desk.nameless.locked()


async def test_the_nameless_are_bounded(house: Any, ada: UUID) -> None:
    places = house.gateway.desk.nameless
    taken = 0
    while not places.locked():
        await places.acquire()
        taken += 1
    async with connect(socket_url(house), proxy=None) as socket:
        assert (await refusal(socket))[:2] == (4503, "too_many_nameless")
    for _ in range(taken):
        places.release()
    async with socketing(house, ada) as (client, _):
        assert client.names == ["hello"]


async def test_oversized_and_unexpected_messages_close_the_socket(house: Any, ada: UUID) -> None:
    async with connect(socket_url(house), proxy=None) as socket:
        await socket.send("x" * 20_000)
        assert (await refusal(socket))[0] == 1009
    async with connect(socket_url(house), proxy=None) as socket:
        await socket.send(["x" * 5_000] * 4)
        assert (await refusal(socket))[0] == 1009
    async with socketing(house, ada) as (_, socket):
        await socket.send("y" * 20_000)
        await socket.wait_closed()
        assert socket.close_code == 1009
    async with socketing(house, ada) as (client, socket):
        await socket.send('{"type": "hello"}')
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4422, "message_unexpected")
        assert client.names == ["hello", "problem"]
    await eventually(lambda: house.gateway.hub.listeners == 0, because="every place is free again")


async def test_the_socket_ends_with_its_token(house: Any, ada: UUID) -> None:
    async with socketing(house, ada, life_s=5) as (client, socket):
        await eventually(lambda: client.ended)
        assert client.names == ["hello", "reconnect"]
        assert client.events[-1]["data"] == {"reason": "token_expired"}
        assert (socket.close_code, socket.close_reason) == (4000, "reconnect")


async def test_streams_and_sockets_of_a_user_are_counted_together(house: Any, ada: UUID, bob: UUID) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(browsing(house, ada))
            await stack.enter_async_context(socketing(house, ada))
        async with connect(socket_url(house), proxy=None) as socket:
            await socket.send(json.dumps({"token": house.mint.token(ada)}))
            code, reason, problem = await refusal(socket)
            assert (code, reason) == (4429, "too_many_streams")
            assert problem["retry_after_s"] > 0
        answer = await house.http.get("/api/events", headers=house.headers(ada))
        assert answer.status_code == 429
        async with socketing(house, bob) as (other, _):
            assert other.names == ["hello"]
    await eventually(lambda: house.gateway.hub.listeners == 0)


async def test_a_reader_that_stops_reading_is_cut_with_a_reason_and_delays_nobody(
    house: Any, ada: UUID, bob: UUID, build: Any
) -> None:
    async with socketing(house, bob) as (other, _), connect(socket_url(house), proxy=None) as slow:
        await slow.send(json.dumps({"token": house.mint.token(ada)}))
        assert (await first(slow))["event"] == "hello"
        slow.transport.pause_reading()
        await _flood(house, ada, build)
        await eventually(lambda: house.gateway.hub.count(ada) == 0, because="it is let go")
        await tell(house, bob, build, 1)
        await eventually(lambda: labels(other) == ["number 1"])
        slow.transport.resume_reading()
        heard = 0
        async with asyncio.timeout(20):
            with suppress(ConnectionClosed):
                while json.loads(await slow.recv())["event"] == "key_checked":
                    heard += 1
        assert (slow.close_code, slow.close_reason) == (4008, "overflow")
        assert heard > 0, "what was on its way still arrives, then the reason"


async def test_a_reader_that_never_reads_again_loses_the_connection(house: Any, ada: UUID, build: Any) -> None:
    stuck = await _stuck_client(house, ada)
    await eventually(lambda: house.gateway.hub.count(ada) == 1)
    await _flood(house, ada, build)
    await eventually(lambda: house.gateway.hub.count(ada) == 0, because="it is let go")
    await eventually(lambda: _reset(stuck), because="the connection is dropped, not kept until it is read")
    stuck.close()


async def test_without_the_bus_the_socket_says_so(house: Any, ada: UUID) -> None:
    assert (await house.http.get("/api/me", headers=house.headers(ada))).status_code == 200, "the token's key is known"
    await asyncio.to_thread(house.bus.server.kill)
    await eventually(lambda: not house.gateway.hub.following, timeout_s=60)
    async with connect(socket_url(house), proxy=None) as socket:
        await socket.send(json.dumps({"token": house.mint.token(ada)}))
        assert (await refusal(socket))[:2] == (4503, "live_feed_unavailable")
    await asyncio.to_thread(house.bus.server.start)
    await eventually(lambda: house.gateway.hub.following, timeout_s=60)


async def test_a_plain_request_is_told_what_is_here(house: Any) -> None:
    answer = await house.http.get("/api/ws")
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"


async def _flood(house: Any, user: UUID, build: Any) -> None:
    padding = "x" * 60_000
    for number in range(QUEUE + 200):
        key = build.key(user, label=f"number {number} {padding}")
        await house.say(account.KeyChecked(key=key), user=user, about=key.key_id, version=number + 1)
        if house.gateway.hub.count(user) == 0:
            return


async def _stuck_client(house: Any, user: UUID) -> sockets.socket:
    """A client in the raw that opens a socket and never reads after the handshake."""
    host, port = house.url.removeprefix("http://").split(":")
    raw = sockets.create_connection((host, int(port)), timeout=10)
    raw.sendall(
        f"GET /api/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        f"sec-websocket-key: {'A' * 22}==\r\nauthorization: Bearer {house.mint.token(user)}\r\n\r\n".encode()
    )
    await eventually(lambda: house.gateway.hub.count(user) == 1)
    return raw


def _reset(raw: sockets.socket) -> bool:
    """Whether the other end dropped the connection: writing into it fails."""
    try:
        raw.sendall(b"\x8a\x80\x00\x00\x00\x00")
    except OSError:
        return True
    return False
