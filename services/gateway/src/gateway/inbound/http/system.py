"""The door's own health, its front page, and what operators look at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from gateway.inbound.caller import Operator
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import Answer, Limit, Page, named_cursor_of, named_position_in
from gateway.inbound.problems import declared
from shared.contracts.fields import Moment

system = APIRouter(tags=["system"])
CHECK_S = 2.0


class HealthAnswer(Answer):
    """What the gateway needs to work, each `ok` or `down`."""

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "down"]]


class FrontPage(Answer):
    """Where things are."""

    name: str = "Basketry"
    docs: str = "/docs"
    openapi: str = "/api/openapi.json"
    links: dict[str, str]


class DeadLetterAnswer(Answer):
    """A message that a service gave up on."""

    stream: str
    sequence: int
    consumer: str
    subject: str | None
    code: str
    error: str
    body: str | None
    received_at: Moment


@system.get("/", operation_id="front_page", responses=declared())
async def front_page() -> FrontPage:
    """Where things are."""
    names = ("account/register", "account/login", "me", "keys", "indices", "plans", "positions", "activity", "events")
    return FrontPage(links={name: f"/api/{name}" for name in (*names, "system/health")})


@system.get(
    "/api/system/health",
    operation_id="system_health",
    responses={**declared(), 503: {"model": HealthAnswer, "description": "Some part is down."}},
)
async def health(desk: AtDesk, response: Response) -> HealthAnswer:
    """Whether orders can be accepted and events flow."""
    names = list(desk.health)
    fine = await asyncio.gather(*(_fine(desk.health[name]) for name in names))
    if not all(fine):
        response.status_code = 503
    return HealthAnswer(
        status="ok" if all(fine) else "degraded",
        parts={name: "ok" if good else "down" for name, good in zip(names, fine, strict=True)},
    )


@system.get("/api/system/dead-letters", operation_id="dead_letters_list", responses=declared(401, 403))
async def dead_letters(
    _operator: Operator,
    desk: AtDesk,
    limit: Annotated[Limit, Query()] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[DeadLetterAnswer]:
    """Messages that services gave up on, newest first; operators only."""
    found = await desk.dead_letters.newest(limit=limit + 1, after=named_position_in(cursor))
    shown, more = found[:limit], len(found) > limit
    return Page[DeadLetterAnswer](
        items=[DeadLetterAnswer.model_validate(letter) for letter in shown],
        next_cursor=named_cursor_of(shown[-1].received_at, shown[-1].name) if more else None,
    )


async def _fine(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_S):
            await check()
    except Exception:  # noqa: BLE001 - whatever it is, the part is down; its own logs say why
        return False
    return True
