"""The feed of what happened, in sentences."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import ActivityAnswer, Limit, Page, cursor_of, position_in
from gateway.inbound.problems import declared

activity = APIRouter(tags=["activity"])


@activity.get("/api/activity", operation_id="activity_list", responses=declared(401))
async def list_activity(
    user: User,
    desk: AtDesk,
    limit: Annotated[Limit, Query()] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[ActivityAnswer]:
    """What happened to the user's positions and keys, newest first."""
    await desk.fresh.about(user.user_id)
    found = await desk.positions.activity(user.user_id, limit=limit + 1, after=position_in(cursor))
    shown, more = found[:limit], len(found) > limit
    return Page[ActivityAnswer](
        items=[ActivityAnswer.model_validate(entry) for entry in shown],
        next_cursor=cursor_of(shown[-1].at, shown[-1].event_id) if more else None,
    )
