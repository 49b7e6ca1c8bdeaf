"""WebSockets carry the live feed to clients that prefer them: who asks, where from, and what each end means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.requests import Request
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.application.hub import Ended
from gateway.application.live_event import LiveEvent
from gateway.inbound.caller import COOKIE, CrossSiteRefused, address, bearer_token, known_caller
from gateway.inbound.desk import Desk
from gateway.inbound.live_feed import farewell
from gateway.inbound.problems import problem_response, status_of
from gateway.inbound.tokens import LONGEST_TOKEN, Principal
from shared.trading.errors import Invalid, PlatformError, Unavailable

HELLO_S = 5.0
FAREWELL_S = 5.0
PROTOCOL = "basketry.v1"
BEARER = "bearer."
_RECONNECT, _RESTART, _OVERFLOW, _CRASHED = 4000, 1012, 4008, 1011
_SECRETS = {"token", "access_token", "authorization", "bearer"}

log = structlog.get_logger(__name__)


class MalformedMessage(Invalid):
    """The first message is not what it must be."""

    code = "malformed_message"
    title = "The message could not be read"


class MessageUnexpected(Invalid):
    """The feed goes one way: after the first message a client has nothing to say."""

    code = "message_unexpected"
    title = "No message is expected here"


class TokenInAddress(Invalid):
    """Addresses are written into logs on the way."""

    code = "token_in_address"
    title = "A token does not belong into the address"


class HelloMissing(Invalid):
    """Nobody said in time who it is."""

    code = "hello_missing"
    title = "The first message did not come"


class Hello(BaseModel):
    """The first message of a client whose handshake had no token."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    type: Literal["hello"] = "hello"
    token: SecretStr = Field(max_length=LONGEST_TOKEN, description="The access token.")
    last_event_id: str | None = Field(default=None, max_length=200)


def as_message(event: LiveEvent) -> bytes:
    """An event as one JSON text message: `{"event", "id", "data"}`, the same words as in the event stream."""
    identity = f'"id":{json.dumps(event.id)},' if event.id else ""
    return f'{{"event":{json.dumps(event.name)},{identity}"data":{event.data}}}'.encode()


async def serve_socket(socket: WebSocket, desk: Desk) -> None:
    """Serve one client from its handshake to its last message."""
    if not _may_ask(socket, desk):
        log.info("socket_refused", code=CrossSiteRefused.code, origin=socket.headers.get("origin", ""))
        await _deny(socket, CrossSiteRefused("This page may not open a stream here."))
        return
    ours = PROTOCOL in socket.scope["subprotocols"]
    await socket.accept(subprotocol=PROTOCOL if ours else None)
    wire = _Socket(socket)
    try:
        user, last_event_id = await _introduced(socket, desk)
        await desk.limits.hit("streams", str(user.user_id))
        visit = await desk.feed.join(user, last_event_id)
        await visit.serve(wire)
    except WebSocketDisconnect:
        return
    except PlatformError as error:
        log.info("socket_refused", code=error.code)
        await wire.refuse(error)
    except Exception as error:
        log.exception("socket_crashed", error=type(error).__name__)
        await wire.refuse(PlatformError())


def _may_ask(socket: WebSocket, desk: Desk) -> bool:
    """A browser says where its page comes from; only the cookie is sent along without the page's doing."""
    origin = socket.headers.get("origin")
    if origin is None:
        return COOKIE not in socket.cookies
    return origin in desk.origins


async def _introduced(socket: WebSocket, desk: Desk) -> tuple[Principal, str | None]:
    """Who asks, and where an earlier feed ended.

    Raises:
        PlatformError: nobody whom we know.
    """
    if _SECRETS & {name.lower() for name in socket.query_params}:
        raise TokenInAddress(
            "Send the token in the first message, as Bearer, or as a subprotocol; this one is known now."
        )
    last_event_id = socket.query_params.get("last_event_id") or socket.headers.get("last-event-id")
    token = bearer_token(socket) or _offered(socket) or socket.cookies.get(COOKIE, "")
    if not token:
        async with _nameless(socket, desk):
            hello = await _hello(socket)
        token, last_event_id = hello.token.get_secret_value(), hello.last_event_id or last_event_id
    return await known_caller(token, socket, desk), last_event_id


def _offered(socket: WebSocket) -> str:
    """A browser's page can set no header but this one: the token stands among the subprotocols."""
    offered: list[str] = socket.scope["subprotocols"]
    return next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), "")


@asynccontextmanager
async def _nameless(socket: WebSocket, desk: Desk) -> AsyncIterator[None]:
    """A place among the bounded number of those who have not said who they are."""
    await desk.limits.hit("nameless_sockets", address(socket))
    if desk.nameless.locked():
        raise Unavailable("Too many connections have not said who they are.", code="too_many_nameless")
    async with desk.nameless:
        yield


async def _hello(socket: WebSocket) -> Hello:
    try:
        async with asyncio.timeout(HELLO_S):
            message = await socket.receive()
    except TimeoutError:
        raise HelloMissing(f"Say hello with your access token within {HELLO_S:.0f} s.") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    try:
        return Hello.model_validate_json(message.get("text") or "")
    except ValidationError as error:
        faults = ", ".join(".".join(map(str, fault["loc"])) or str(fault["type"]) for fault in error.errors()[:5])
        raise MalformedMessage(
            f'Expected {{"type": "hello", "token": "…", "last_event_id": "…"}}; wrong: {faults}.'
        ) from None


async def _deny(socket: WebSocket, error: PlatformError) -> None:
    """Answer the handshake itself with a problem."""
    scope = {**socket.scope, "type": "http", "method": "GET"}
    await socket.send_denial_response(problem_response(error, Request(scope)))


class _Socket:
    """Carries events as text messages."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def begin(self) -> None:
        """The handshake was the beginning."""

    async def carry(self, events: Sequence[LiveEvent]) -> None:
        for event in events:
            await self._say(event.spelled(as_message).decode())

    async def keep_alive(self) -> None:
        await self._say('{"event":"ping"}')

    async def gone(self) -> None:
        message = await self._socket.receive()
        if message["type"] != "websocket.disconnect":
            raise MessageUnexpected("After the first message nothing is expected; open another socket instead.")

    async def end(self, why: str) -> None:
        if why == Ended.OVERFLOW:
            await self._close(None, _OVERFLOW, why)
        else:
            code = _RESTART if why == Ended.STOPPING else _RECONNECT
            await self._close(farewell(why), code, "reconnect")

    async def refuse(self, error: PlatformError) -> None:
        """Say what is wrong, in the words of every other problem, and close."""
        status = status_of(error)
        scope = {**self._socket.scope, "type": "http", "method": "GET"}
        problem = bytes(problem_response(error, Request(scope)).body).decode()
        code = _CRASHED if status == 500 else 4000 + status
        await self._close(LiveEvent("problem", problem), code, error.code)

    async def _say(self, text: str) -> None:
        with suppress(WebSocketDisconnect):  # whoever waits for it to be gone hears of that too
            await self._socket.send_text(text)

    async def _close(self, last: LiveEvent | None, code: int, reason: str) -> None:
        """Within bounds: a client that does not read its last messages loses the connection without them."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                if last is not None:
                    await self._socket.send_text(as_message(last).decode())
                await self._socket.close(code, reason)
        except TimeoutError:
            if (hang_up := self._socket.scope.get("hang_up")) is not None:
                hang_up()
        except (WebSocketDisconnect, RuntimeError):
            return  # it went first
