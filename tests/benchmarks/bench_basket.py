"""Twenty spot legs at a venue 80 ms away: accepted → last leg filled, beside its floor and plain pybit in the same run.

The floor is the least that any program must do for the same basket (`kit.basket_floor`). A leg counts as filled when the
commit that booked it has told everybody so, not when its frame was read.

The venue answers REST after 80 ms (half before, half after the order is taken) and its frames come 40 ms late.

Rounds in which the machine itself was slower than in its best one are printed, repeated and not counted (`kit.pace`).
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.basket_floor import floor
from kit.feed import Feed, listening
from kit.measuring import Report, measured_platform, report
from kit.pace import Pace, rounds_at_a_steady_pace
from kit.stage import Stage
from pybit.unified_trading import HTTP

from shared.testing import eventually

LEGS = 20
ROUNDS = 7
ROUNDS_MAX = 21
FLOOR_MAX = 4.0
"""ADR 22: on two cores the absolute line does not hold; this one does, whatever the machine."""
OWN_MS_MAX = 260.0
RATIO_MIN = 3.0
CALM_S = 1.5
GOVERNOR_MS = 0.0
"""The venue takes 20 spot orders a second from an account: a fresh second's worth is exactly one basket."""
SETTINGS = {"PAPER_EXCHANGE_LATENCY_MS": "80", "PAPER_EXCHANGE_STREAM_LATENCY_MS": "40"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """One basket, in ms since its acceptance.

    Attributes:
        heard_ms: Until the news of its last fill were taken up.
        booked_ms: Until the commit that booked its last leg as filled was over.
        seen_ms: From the 202 until the last leg's event was in the customer's stream.
        pace_ms: The machine's pace from the order to that event.
    """

    position_id: UUID
    legs: list[dict[str, Any]]
    heard_ms: float
    booked_ms: float
    seen_ms: float
    pace_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A basket, its floor and its peer, in ms, one after another."""

    basket: Basket
    floor_ms: float
    pybit_ms: float


async def ours(stage: Stage) -> Basket:
    """One basket of a new customer."""
    customer = await stage.customer(balance="20000")
    async with listening(customer.client) as feed, commits(stage) as told:
        plan = await customer.client.plan(index="top-20", amount="5000", account=str(customer.account_id))
        assert len(plan["legs"]) == LEGS
        assert {leg["check"] for leg in plan["legs"]} == {"ok"}
        with Pace() as pace:
            accepted = await customer.client.open_position(plan["plan_id"])
            began = time.perf_counter()
            seen = await _last_leg(feed, began)
        position = await customer.settled(UUID(accepted["position_id"]))
    heard = await _last_heard(stage, UUID(accepted["position_id"]))
    since = datetime.fromisoformat(accepted["accepted_at"]).timestamp()
    committed = min(moment for moment in told if moment >= heard.timestamp())
    return Basket(
        position_id=UUID(accepted["position_id"]),
        legs=position["legs"],
        heard_ms=(heard.timestamp() - since) * 1000,
        booked_ms=(committed - since) * 1000,
        seen_ms=seen,
        pace_ms=pace.cost_ms,
    )


@contextlib.asynccontextmanager
async def commits(stage: Stage) -> AsyncIterator[list[float]]:
    """Moments at which a commit of execution that tells something was over: PostgreSQL notifies nobody before."""
    books, told = await stage.books(), list[float]()
    try:
        await books.add_listener("outbox_execution", lambda *_: told.append(time.time()))
        yield told
    finally:
        await books.close()


async def _last_heard(stage: Stage, position_id: UUID) -> datetime:
    books = await stage.books()
    try:
        last = await books.fetchval("select max(booked_at) from execution.fills where position_id = $1", position_id)
    finally:
        await books.close()
    assert isinstance(last, datetime)
    return last


async def _last_leg(feed: Feed, began: float) -> float:
    async def look() -> float:
        assert feed.counts()["leg_filled"] == LEGS, dict(feed.counts())
        return (time.perf_counter() - began) * 1000

    return await eventually(look, timeout_s=60, every_s=0.005, because="every leg is filled")


async def plain_pybit(stage: Stage, legs: list[dict[str, Any]]) -> float:
    """The same legs, each sent when the one before was answered: ms from the first send to the last reply."""
    account = (await stage.venue.post("/paper/v1/accounts", json={"balances": {"USDT": "20000"}})).json()
    session: Any = HTTP(api_key=account["api_key"], api_secret=account["api_secret"])  # type: ignore[no-untyped-call]
    session.endpoint = stage.platform.exchange_url
    session.client.trust_env = False

    def send_all() -> float:
        began = time.perf_counter()
        for leg in legs:
            session.place_order(
                category="spot",
                symbol=leg["symbol"],
                side="Buy",
                orderType="Limit",
                timeInForce="IOC",
                qty=leg["quantity"],
                price=leg["limit_price"],
            )
        return (time.perf_counter() - began) * 1000

    return await asyncio.to_thread(send_all)


async def one_round(stage: Stage) -> tuple[Round, float]:
    """All three in turn, so that the machine's mood is shared; and its pace in the slower of the first two."""
    basket = await ours(stage)
    await asyncio.sleep(CALM_S)  # what the basket set in motion is done with
    with Pace() as pace:
        least = await floor(stage, basket.position_id, basket.legs)
    peer = await plain_pybit(stage, basket.legs)
    return Round(basket=basket, floor_ms=least, pybit_ms=peer), max(basket.pace_ms, pace.cost_ms)


async def bench() -> Report:
    """Rounds of all three; medians over those at a steady pace."""
    async with measured_platform(SETTINGS) as stage:
        await ours(stage)  # the first one opens connections
        done = await rounds_at_a_steady_pace(lambda: one_round(stage), wanted=ROUNDS, most=ROUNDS_MAX)
    counted = done.counted(ROUNDS)
    median = statistics.median(one.basket.booked_ms for one in counted)
    peers = statistics.median(one.pybit_ms / one.basket.booked_ms for one in counted)
    floors = statistics.median(one.basket.booked_ms / one.floor_ms for one in counted)
    lines = {
        f"accepted, last of {LEGS} legs booked <= {GOVERNOR_MS + OWN_MS_MAX:.0f} ms": median
        <= GOVERNOR_MS + OWN_MS_MAX,
        f">= {RATIO_MIN:.0f}x plain pybit one by one": peers >= RATIO_MIN,
        f"<= {FLOOR_MAX:.0f}x the floor": floors <= FLOOR_MAX,
    }
    return {
        "met": all(lines.values()),
        "lines": lines,
        "rounds": len(done.results),
        "counted": len(counted),
        "pace_ms": [round(cost, 2) for cost in done.costs_ms],
        "booked_ms": [round(one.basket.booked_ms, 1) for one in done.results],
        "heard_ms": [round(one.basket.heard_ms, 1) for one in done.results],
        "in_the_stream_ms": [round(one.basket.seen_ms, 1) for one in done.results],
        "floor_ms": [round(one.floor_ms, 1) for one in done.results],
        "plain_pybit_ms": [round(one.pybit_ms, 1) for one in done.results],
        "booked_median_ms": round(median, 1),
        "times_the_floor": round(floors, 2),
        "times_faster_than_pybit": round(peers, 2),
    }


if __name__ == "__main__":
    report(bench)
