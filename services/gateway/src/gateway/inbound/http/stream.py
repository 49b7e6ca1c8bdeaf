"""The live stream of a user's events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.problems import declared

stream = APIRouter(tags=["events"])
_WORDS = """Server-sent events of the user's own positions, legs, fills, P&L, drift and keys.

`event` is the name (`pnl_updated`, `leg_filled`, …), `data` holds `{id, type, time, aggregate_id, aggregate_version,
data}`: ignore a version that is not newer than the one you have; `legs_updated` tells of several legs, each with its
own `version`, which counts. The first event is `hello` with the state of all positions. Send the last `id` as
`Last-Event-ID` to get what was missed; `reset` with the state comes instead when that is too long ago. `reconnect` ends
the stream, also when the access token ends: come back with a fresh one."""


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
    return await desk.streams.open(user, last_event_id)
