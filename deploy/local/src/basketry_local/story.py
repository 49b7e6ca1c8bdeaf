"""The demo's story: a user signs up, opens a paper account, plans, buys an index and sees its P&L move."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.problems import ApiProblem
from basketry_cli.sse import ServerEvent

INDEX = "top-10"
AMOUNT = "1000"
MOVES = 3
"""So many different P&L values must have arrived before the story is told."""
_INDEX_WITHIN_S = 60.0
_ACTIVE_WITHIN_S = 120.0
_MOVED_WITHIN_S = 60.0


class StoryFailed(RuntimeError):
    """The story did not come to its end; the message says where it stopped."""


@dataclass(slots=True)
class Story:
    """Everything that happened, for the screen and for `--json`.

    Attributes:
        events: Count of events by type, as they came over SSE.
        timings_ms: Since the order was sent: accepted, executing, active, first_pnl.
        pnl_values: Different values of `pnl`, in the order of their arrival.
    """

    gateway_url: str
    exchange_url: str
    email: str = ""
    access_token: str = ""
    account: Json = field(default_factory=dict)
    plan: Json = field(default_factory=dict)
    position: Json = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    timings_ms: dict[str, int] = field(default_factory=dict)
    pnl_values: list[str] = field(default_factory=list)
    last_pnl: Json = field(default_factory=dict)
    problem: str = ""

    @property
    def settled(self) -> bool:
        """Whether the index is bought."""
        return self.position.get("status") not in {None, "PENDING", "EXECUTING"}

    @property
    def ok(self) -> bool:
        """Bought completely, and its value moves."""
        legs = self.position.get("legs", [])
        bought = (
            self.position.get("status") == "ACTIVE" and bool(legs) and all(leg["status"] == "FILLED" for leg in legs)
        )
        return bought and len(self.pnl_values) >= MOVES and not self.problem

    def as_json(self) -> Json:
        """What `demo --json` prints."""
        told: Json = {
            "ok": self.ok,
            "gateway_url": self.gateway_url,
            "exchange_url": self.exchange_url,
            "user": {"email": self.email, "access_token": self.access_token},
            "account": {"uid": str(self.account.get("venue_uid", "")), **self.account},
            "plan": self.plan,
            "position": self.position,
            "events": dict(self.events),
            "pnl_values": self.pnl_values,
            "last_pnl": self.last_pnl,
            "timings_ms": self.timings_ms,
        }
        return {**told, "problem": self.problem} if self.problem else told


class Teller:
    """Lives the story through the public API.

    Args:
        client: Nobody is signed in yet.
        story: Written while it happens.
        changed: Called after every change, to draw.
    """

    def __init__(self, client: GatewayClient, story: Story, changed: Callable[[], None]) -> None:
        self._client = client
        self._story = story
        self._changed = changed
        self._sent_at = 0.0

    async def sign_up(self) -> None:
        """A fresh user with a paper account."""
        password = secrets.token_urlsafe(18)
        self._story.email = f"demo-{secrets.token_hex(4)}@basketry.example"
        await self._client.register(self._story.email, password)
        tokens = await self._client.login(self._story.email, password)
        self._story.access_token = tokens.access
        self._story.account = await self._client.open_paper_account("Demo account")
        self._changed()

    async def buy(self) -> AsyncIterator[None]:
        """Plan and buy with the event stream open; yields after each event until the stream ends.

        The stream is opened first, so that no event of the order can be missed.
        """
        account = str(self._story.account.get("account_id") or self._story.account["key_id"])
        self._story.plan = await self._plan_when_the_index_is_there(account)
        self._changed()
        async with self._client.events() as events:
            self._sent_at = time.monotonic()
            accepted = await self._client.open_position(
                str(self._story.plan["plan_id"]), idempotency_key=str(uuid.uuid4())
            )
            self._note_time("accepted")
            self._story.position = accepted
            self._changed()
            async for event in events:
                self._hear(event)
                yield

    async def until_it_moves(self) -> None:
        """Tell the story to its end.

        Raises:
            StoryFailed: The order failed or took too long, or the value did not move.
        """
        await self.sign_up()
        events = self.buy()
        try:
            await _bounded(
                self._until(events, lambda: self._story.settled), _ACTIVE_WITHIN_S, "the index was not bought"
            )
            status = self._story.position.get("status")
            if status != "ACTIVE":
                raise StoryFailed(f"the position became {status}: {self._story.position.get('reasons')}")
            moved = self._until(events, lambda: len(self._story.pnl_values) >= MOVES)
            await _bounded(moved, _MOVED_WITHIN_S, "the P&L did not move")
            self._story.position = await self._client.position(self._position_id)
        finally:
            await events.aclose()  # type: ignore[attr-defined]
        self._changed()

    async def watch(self) -> None:
        """Follow the position for as long as anybody looks; a stream that ends is resumed where it ended."""
        last_id: str | None = None
        while True:
            async with self._client.events(last_id) as events:
                async for event in events:
                    last_id = event.id or last_id
                    self._hear(event)
            await asyncio.sleep(0.5)

    @property
    def _position_id(self) -> str:
        return str(self._story.position["position_id"])

    async def _plan_when_the_index_is_there(self, account: str) -> Json:
        """On a machine's first start the index is still being made from the day's market caps."""
        deadline = time.monotonic() + _INDEX_WITHIN_S
        while True:
            try:
                return await self._client.plan(index=INDEX, amount=AMOUNT, account=account)
            except ApiProblem as problem:
                if problem.status not in {404, 503} or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(problem.retry_after_s or 0.5)

    def _hear(self, event: ServerEvent) -> None:
        self._story.events[event.type] += 1
        if self._position_id not in event.data:
            return
        name = event.type.rpartition(".")[2]
        if name == "position_executing":
            self._note_time("executing")
        if name == "position_active":
            self._note_time("active")
        data: Json = event.json().get("data", {})
        if name == "pnl_updated":
            self._note_pnl(data)
        self._take_over(data)
        self._changed()

    def _take_over(self, data: Json) -> None:
        """Events carry the whole state of their noun, so nothing needs to be asked for again."""
        self._story.position |= data.get("position", {})
        told = [data["leg"]] if "leg" in data else data.get("legs", [])
        if told:
            self._story.position["legs"] = _newest([*self._story.position.get("legs", []), *told])

    def _note_pnl(self, data: Json) -> None:
        self._note_time("first_pnl")
        self._story.last_pnl = data
        known = {Decimal(value) for value in self._story.pnl_values}
        if Decimal(str(data["pnl"])) not in known:
            self._story.pnl_values.append(str(data["pnl"]))

    def _note_time(self, what: str) -> None:
        self._story.timings_ms.setdefault(what, round((time.monotonic() - self._sent_at) * 1000))

    async def _until(self, events: AsyncIterator[None], done: Callable[[], bool]) -> None:
        while not done():
            try:
                await anext(events)
            except StopAsyncIteration:
                raise StoryFailed("the event stream ended") from None


def _newest(legs: Iterable[Json]) -> list[Json]:
    """Each leg as its highest version tells it, in the plan's order."""
    newest: dict[str, Json] = {}
    for leg in legs:
        known = newest.get(leg["leg_id"])
        if known is None or int(leg["version"]) > int(known["version"]):
            newest[leg["leg_id"]] = leg
    return sorted(newest.values(), key=lambda one: int(one["number"]))


async def _bounded(work: Any, seconds: float, otherwise: str) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        raise StoryFailed(f"{otherwise} within {seconds:.0f} s") from None
