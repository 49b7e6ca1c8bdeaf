"""The live stream of a user's events, as server-sent events or through a WebSocket."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Response, WebSocket

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.problems import declared
from gateway.inbound.sockets import serve_socket
from gateway.inbound.sse import StreamResponse

stream = APIRouter(tags=["events"])
_WORDS = """Server-sent events of the user's own positions, legs, fills, P&L, drift and keys.

`event` is the name (`pnl_updated`, `leg_filled`, …), `data` holds `{id, type, time, aggregate_id, aggregate_version,
data}`: ignore a version that is not newer than the one you have; `legs_updated` tells of several legs, each with its
own `version`, which counts. The first event is `hello` with the state of the newest 200 positions. Send the last `id` as
`Last-Event-ID` to get what was missed; `reset` with the state comes instead when that is too long ago. `reconnect` ends
the stream, also when the access token ends: come back with a fresh one."""
_SOCKET_WORDS = """A WebSocket with the same feed: the same events, ids, greeting and replay as `GET /api/events`.

Say who you are in the first message, within 5 s: `{"type": "hello", "token": "…", "last_event_id": "…"}`; or in the
handshake, as `Authorization: Bearer`, or from a page as the subprotocols `basketry.v1` and `bearer.<token>`, with
`?last_event_id=` to resume. Never put the token into the address. A page's Origin must be one of ours. Each event is a
text message `{"event", "id", "data"}`; `{"event": "ping"}` comes after 15 s of silence. Before the end comes
`{"event": "reconnect", "data": {"reason"}}` and the close code 4000 or 1012, reason `reconnect`: come back with a fresh
token and the last id. 4008 `overflow`: you read too slowly, come back with the last id. A refusal is a message
`{"event": "problem", "data": …}` and the code 4000 + its HTTP status, such as 4401, 4422, 4429 and 4503; 1009: the
message was larger than 16 KiB. At most 20 streams and sockets a user."""


@stream.get(
    "/api/events",
    operation_id="events_stream",
    response_class=Response,  # EventSourceResponse would make FastAPI iterate over this function itself
    responses={**declared(401), 200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    description=_WORDS,
    dependencies=[Depends(by_user("streams"))],
)
async def events(
    user: User, desk: AtDesk, last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None
) -> Response:
    """Open the stream."""
    return StreamResponse(await desk.feed.join(user, last_event_id), chance=desk.chance)


@stream.get(
    "/api/ws",
    operation_id="events_socket",
    status_code=426,
    response_class=Response,
    responses={**declared(401, 403, 426), 101: {"description": "The connection speaks WebSocket from here on."}},
    description=_SOCKET_WORDS,
)
async def no_socket() -> Response:
    """Only a WebSocket handshake gets further."""
    raise HTTPException(426, "Open a WebSocket here.", headers={"Upgrade": "websocket"})


@stream.websocket("/api/ws")
async def socket(websocket: WebSocket, desk: AtDesk) -> None:
    """Open the socket."""
    await serve_socket(websocket, desk)
