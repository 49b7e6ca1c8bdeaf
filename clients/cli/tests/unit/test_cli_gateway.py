"""The client against a small gateway of its own: what it does when the access token ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from kit.small_gateway import served
from starlette.middleware.base import RequestResponseEndpoint

from basketry_cli.calls import SILENCE_S
from basketry_cli.following import Following
from basketry_cli.gateway import GatewayClient, Tokens
from basketry_cli.problems import ApiProblem, OrderUnanswered


class Door:
    """A gateway whose access tokens an order of the test ends; a refresh token works once."""

    def __init__(self) -> None:
        self.access = "access-1"
        self.refresh = "refresh-1"
        self.refreshed = 0
        self.resumed_after: list[str | None] = []
        self.silent_since: datetime | None = None
        self.goes_silent = False
        self.over = asyncio.Event()
        self.app = FastAPI()
        self.app.middleware("http")(self._signed_in)
        self.app.post("/api/account/login")(self._login)
        self.app.post("/api/account/refresh")(self._refresh)
        self.app.post("/api/paper-accounts")(self._open)
        self.app.get("/api/events")(self._events)
        self.app.post("/api/positions")(self._order)
        self.app.post("/api/positions/{position_id}/runs")(self._order)
        self.app.post("/api/positions/{position_id}/close")(self._order)
        self.ordered: list[str] = []
        self.paths: list[str] = []
        self.answers: list[int] = []

    def end_the_token(self) -> None:
        self.access = f"access-after-{self.refreshed + 1}"

    async def _signed_in(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        public = request.url.path in {"/api/account/login", "/api/account/refresh"}
        if not public and request.headers.get("authorization") != f"Bearer {self.access}":
            return JSONResponse({"code": "token_expired", "detail": "The access token has ended."}, 401)
        return await answer(request)

    async def _login(self) -> JSONResponse:
        return JSONResponse({"code": "credentials_wrong", "detail": "No."}, 401)

    async def _refresh(self, request: Request) -> JSONResponse:
        if (await request.json())["refresh_token"] != self.refresh:
            return JSONResponse({"code": "token_reused", "detail": "Sign in again."}, 401)
        self.refreshed += 1
        self.refresh = f"refresh-{self.refreshed + 1}"
        return JSONResponse({"access_token": self.access, "refresh_token": self.refresh})

    async def _open(self) -> dict[str, str]:
        return {"account_id": "7"}

    async def _order(self, request: Request) -> JSONResponse:
        """Answers with the next status of the test's list, then takes the order."""
        self.ordered.append(request.headers["idempotency-key"])
        self.paths.append(request.url.path)
        status = self.answers.pop(0) if self.answers else 202
        return JSONResponse({"position_id": "p", "code": f"answer_{status}"}, status)

    async def _events(self, request: Request) -> StreamingResponse:
        last = request.headers.get("last-event-id")
        self.resumed_after.append(last)
        text = f"id: {int(last or 0) + 1}\nevent: pnl_updated\ndata: {{}}\n\n"
        return StreamingResponse(self._said(text), media_type="text/event-stream")

    async def _said(self, text: str) -> AsyncIterator[str]:
        yield text
        if self.goes_silent:
            self.silent_since = self.silent_since or datetime.now(UTC)
            await self.over.wait()


@pytest.fixture
async def door() -> Door:
    return Door()


@pytest.fixture
async def client(door: Door) -> AsyncIterator[GatewayClient]:
    tokens = Tokens(access="access-1", refresh="refresh-1")
    async with served(door.app) as url, GatewayClient(url, tokens, order_pause_s=0.01) as client:
        yield client


async def _next_id(client: GatewayClient, after: str | None = None) -> str:
    async with client.events(after) as events:
        return (await anext(events)).id


async def test_a_stream_goes_on_where_it_was_with_a_fresh_token(door: Door, client: GatewayClient) -> None:
    first = await _next_id(client)
    door.end_the_token()
    assert await _next_id(client, first) == "2"
    assert (door.resumed_after, door.refreshed) == ([None, "1"], 1)


async def test_a_stream_is_not_opened_for_ever_when_the_fresh_token_is_refused_too(
    door: Door, client: GatewayClient
) -> None:
    door.end_the_token()
    door.refresh = "another"
    with pytest.raises(ApiProblem) as refused:
        await _next_id(client)
    assert (refused.value.code, refused.value.status, door.resumed_after) == ("token_reused", 401, [])


async def test_opening_a_paper_account_refreshes_a_token_that_has_ended(door: Door, client: GatewayClient) -> None:
    door.end_the_token()
    assert await client.open_paper_account() == {"account_id": "7"}
    assert door.refreshed == 1


async def test_a_refused_sign_in_is_not_tried_again_with_another_token(door: Door, client: GatewayClient) -> None:
    with pytest.raises(ApiProblem) as refused:
        await client.login("ada@example.org", "wrong")
    assert (refused.value.code, door.refreshed) == ("credentials_wrong", 0)


BUY = {"kind": "buy", "plan_id": "plan-1"}


async def test_an_order_whose_answer_was_lost_is_sent_again_under_the_same_key(
    door: Door, client: GatewayClient
) -> None:
    door.answers = [500, 503, 504]
    assert await client.execute(BUY, idempotency_key="key-1") == {"position_id": "p", "code": "answer_202"}
    assert door.ordered == ["key-1"] * 4


async def test_an_order_that_is_never_answered_is_neither_taken_nor_refused(door: Door, client: GatewayClient) -> None:
    door.answers = [500] * 9
    with pytest.raises(OrderUnanswered) as unknown:
        await client.execute(BUY, idempotency_key="key-1")
    assert (unknown.value.key, unknown.value.plan_id, set(door.ordered)) == ("key-1", "plan-1", {"key-1"})


@pytest.mark.parametrize("status", [409, 422, 429, 503])
async def test_a_refused_order_is_not_sent_again(door: Door, client: GatewayClient, status: int) -> None:
    door.answers = [status]
    with pytest.raises(ApiProblem) as refused:
        await client.execute(BUY, idempotency_key="key-1")
    assert (refused.value.status, door.ordered) == (status, ["key-1"])


async def test_each_kind_of_plan_is_executed_where_it_belongs(door: Door, client: GatewayClient) -> None:
    for kind in ("buy", "invest", "rebalance", "withdraw", "close"):
        await client.execute({"kind": kind, "plan_id": "plan-1", "position_id": "pos"}, idempotency_key=kind)
    runs = ["/api/positions/pos/runs"] * 3
    assert door.paths == ["/api/positions", *runs, "/api/positions/pos/close"]


async def test_following_goes_on_across_ended_streams_and_tells_of_each_event_once(
    door: Door, client: GatewayClient
) -> None:
    seen: list[str] = []
    async with asyncio.timeout(20), aclosing(Following(client).changes()) as changes:
        async for lot in changes:
            seen += [event.id for event in lot]
            if len(seen) >= 3:
                break
    assert seen == ["1", "2", "3"]
    assert door.resumed_after[:3] == [None, "1", "2"]


async def test_following_ends_when_the_session_is_over(door: Door, client: GatewayClient) -> None:
    door.end_the_token()
    door.refresh = "another"
    async with asyncio.timeout(20), aclosing(Following(client).changes()) as changes:
        with pytest.raises(ApiProblem) as over:
            [_ async for _ in changes]
    assert over.value.status == 401


async def test_a_stream_that_says_nothing_is_lost_since_it_fell_silent_and_is_opened_again_where_it_was(
    door: Door,
) -> None:
    assert SILENCE_S == 45, "three beats of the server"
    door.goes_silent = True
    silence = timedelta(seconds=0.5)
    tokens = Tokens(access="access-1", refresh="refresh-1")
    async with served(door.app) as url, GatewayClient(url, tokens, silence_s=silence.total_seconds()) as client:
        following = Following(client)
        async with asyncio.timeout(60), aclosing(following.changes(every_s=0.05)) as changes:
            async for _ in changes:
                if "1" in door.resumed_after:
                    break
        door.over.set()
    assert door.silent_since is not None
    assert following.lost_at is not None
    begun, noticed = door.silent_since, datetime.now(UTC)
    assert begun - timedelta(seconds=0.1) <= following.lost_at <= noticed - silence, "not when it was noticed"
