"""A typed client of Basketry's public API: what the terminal and the demo speak through."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from basketry_cli.account_calls import AccountCalls
from basketry_cli.calls import Json, Tokens, items_of
from basketry_cli.problems import ApiProblem, OrderUnanswered
from basketry_cli.sse import ServerEvent, read_events

__all__ = ["GatewayClient", "Json", "Tokens"]
_ORDER_TRIES = 4


class GatewayClient(AccountCalls):
    """One user's way into a gateway.

    Args:
        url: Such as `http://127.0.0.1:8080`.
        tokens: Of an earlier sign-in.
        silence_s: For how long a stream may say nothing before it counts as dead.
        order_pause_s: Before an order that was not answered is sent again; longer each time.
    """

    async def register(self, email: str, password: str) -> Json:
        """Sign up; the risk notice counts as read and accepted."""
        body = {"email": email, "password": password, "risk_accepted": True}
        return await self._call("POST", "/api/account/register", body)

    async def login(self, email: str, password: str) -> Tokens:
        """Sign in with a password."""
        answer = await self._call("POST", "/api/account/login", {"email": email, "password": password})
        return self._keep(answer)

    async def indices(self) -> list[Json]:
        """Every index with its newest version."""
        return items_of(await self._call("GET", "/api/indices"))

    async def index(self, index_id: str) -> Json:
        """One index with its constituents and weights."""
        return await self._call("GET", f"/api/indices/{index_id}")

    async def preview_index(self, draft: Json) -> Json:
        """What rules would make; nothing is stored."""
        return await self._call("POST", "/api/indices/preview", {"rules": draft.get("rules", draft)})

    async def create_index(self, draft: Json) -> Json:
        """An index of one's own: `name`, `description`, `rules`."""
        return await self._call("POST", "/api/indices", draft)

    async def edit_index(self, index_id: str, draft: Json) -> Json:
        """Other rules for an index of one's own: a new version."""
        return await self._call("PUT", f"/api/indices/{index_id}", draft)

    async def delete_index(self, index_id: str) -> None:
        """Take an index of one's own away."""
        await self._call("DELETE", f"/api/indices/{index_id}")

    async def index_diff(self, index_id: str) -> Json:
        """What changed between the last two versions."""
        return await self._call("GET", f"/api/indices/{index_id}/diff")

    async def index_level(self, index_id: str) -> list[Json]:
        """The level's points, oldest first."""
        return items_of(await self._call("GET", f"/api/indices/{index_id}/level"))

    async def plan(self, *, index: str, amount: str, account: str, policy: str = "HOLD") -> Json:
        """What buying would do; `amount` in USDT, as text so that no digit is lost."""
        body = {"index": index, "amount": amount, "account_id": account, "policy": policy}
        return await self._call("POST", "/api/plans", body)

    async def close_plan(self, position_id: str, *, policy: str = "HOLD") -> Json:
        """What selling a position would do."""
        return await self._call("POST", "/api/plans", {"position_id": position_id, "policy": policy})

    async def run_plan(
        self, position_id: str, kind: str, *, amount: str = "", options: Json | None = None, policy: str = "HOLD"
    ) -> Json:
        """What `invest`, `withdraw` (with an amount) or `rebalance` (with options) would do to a position."""
        body: Json = {"position_id": position_id, "kind": kind, "policy": policy}
        body |= {"amount": amount} if amount else {}
        body |= {"options": options} if options else {}
        return await self._call("POST", "/api/plans", body)

    async def plan_again(self, plan_id: str) -> Json:
        """A plan as it was made."""
        return await self._call("GET", f"/api/plans/{plan_id}")

    async def open_position(self, plan_id: str, *, idempotency_key: str | None = None, as_seen: bool = False) -> Json:
        """Buy what a plan says; the same key buys once, however often it is sent.

        Args:
            plan_id: The plan.
            idempotency_key: A fresh one when left out.
            as_seen: Refuse the order when prices have moved beyond the tolerance since the plan was made.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        headers |= {"If-Match": f'"{plan_id}"'} if as_seen else {}
        return await self._call("POST", "/api/positions", {"plan_id": plan_id}, headers)

    async def close_position(
        self, position_id: str, *, plan_id: str | None = None, idempotency_key: str | None = None
    ) -> Json:
        """Sell what a position holds."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = {"plan_id": plan_id} if plan_id else {}
        return await self._call("POST", f"/api/positions/{position_id}/close", body, headers)

    async def execute(self, plan: Json, *, idempotency_key: str) -> Json:
        """Order what a plan says, sent again under the same key until an answer comes.

        Raises:
            ApiProblem: it was refused; nothing is traded.
            OrderUnanswered: no answer came; it may have been taken.
        """
        why = ""
        for attempt in range(_ORDER_TRIES):
            try:
                return await self._execute(plan, idempotency_key)
            except httpx.TransportError as failure:
                why = str(failure) or type(failure).__name__
            except ApiProblem as problem:
                # Once an answer was lost, only a refusal by the door itself means that nothing was taken before.
                if problem.status < 500 or (problem.status == httpx.codes.SERVICE_UNAVAILABLE and not why):
                    raise
                why = str(problem)
            await asyncio.sleep(self._order_pause_s * (attempt + 1))
        raise OrderUnanswered(idempotency_key, str(plan["plan_id"]), why)

    async def _execute(self, plan: Json, key: str) -> Json:
        if plan["kind"] == "close":
            return await self.close_position(
                str(plan["position_id"]), plan_id=str(plan["plan_id"]), idempotency_key=key
            )
        if plan["kind"] == "buy":
            return await self.open_position(str(plan["plan_id"]), idempotency_key=key, as_seen=True)
        path = f"/api/positions/{plan['position_id']}/runs"
        return await self._call("POST", path, {"plan_id": plan["plan_id"]}, {"Idempotency-Key": key})

    async def positions(self) -> list[Json]:
        """All positions, newest first."""
        return await self._pages("/api/positions")

    async def position(self, position_id: str) -> Json:
        """One position with legs, fills, P&L and drift."""
        return await self._call("GET", f"/api/positions/{position_id}")

    async def choose_rebalancing(self, position_id: str, chosen: Json) -> Json:
        """Who brings a position back to its targets, and when; what is not named is the default."""
        return await self._call("PUT", f"/api/positions/{position_id}/rebalancing", chosen)

    async def performance(self, position_id: str, back: str = "all") -> Json:
        """How a position did: returns, benchmarks, and the points of its course."""
        return await self._call("GET", f"/api/positions/{position_id}/performance?range={back}")

    async def portfolio(self, back: str = "all") -> Json:
        """How all positions did, one picture for each environment."""
        return await self._call("GET", f"/api/portfolio?range={back}")

    async def guards(self, environment: str) -> Json:
        """Limits of an environment, what is used of them, and what is halted."""
        return await self._call("GET", f"/api/guards?environment={environment}")

    async def set_guards(self, environment: str, own: Json, version: int) -> Json:
        """Replace the user's own limits as they were seen in that version."""
        return await self._call("PUT", f"/api/guards?environment={environment}", own, {"If-Match": f'"{version}"'})

    async def halt(self, body: Json) -> Json:
        """Throw the user's kill switch; twice is still one halt."""
        return await self._call("POST", "/api/kill-switch", body)

    async def release(self, reason: str = "") -> list[Json]:
        """Lift all that the user has halted; the halts that are gone."""
        return items_of(await self._call("POST", "/api/kill-switch/release", {"reason": reason}))

    @asynccontextmanager
    async def table(self, name: str, form: str, position_id: str = "") -> AsyncIterator[AsyncIterator[bytes]]:
        """A table of `orders`, `fills` or `lots` as `csv` or `json`, piece by piece as the server writes it."""
        named = {"position_id": position_id} if position_id else {}
        answer = await self._streamed(f"/api/export/{name}", {}, params={"format": form, **named})
        try:
            yield answer.aiter_bytes()
        finally:
            await answer.aclose()

    @asynccontextmanager
    async def events(self, last_event_id: str | None = None) -> AsyncIterator[AsyncIterator[ServerEvent]]:
        """The user's events from now on, or from where an earlier stream ended.

        The block is entered when the server has accepted the stream, so nothing that happens later is missed. The
        server ends a stream with its access token: the next one is opened with a fresh token.
        """
        resumed = {"Last-Event-ID": last_event_id} if last_event_id else {}
        answer = await self._streamed("/api/events", {"Accept": "text/event-stream", **resumed})
        try:
            yield read_events(answer.aiter_lines())
        finally:
            await answer.aclose()
