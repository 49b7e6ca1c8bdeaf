"""Twenty spot legs at a venue 80 ms away: accepted → last leg filled, beside plain pybit, one order after another.

The venue answers REST after 80 ms (half before, half after the order is taken) and its frames come 40 ms late.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.feed import Feed, listening
from kit.measuring import Report, measured_platform, report
from kit.stage import Stage
from pybit.unified_trading import HTTP

from shared.testing import eventually

LEGS = 20
ROUNDS = 7
OWN_MS_MAX = 260.0
RATIO_MIN = 3.0
GOVERNOR_MS = 0.0
"""The venue takes 20 spot orders a second from an account: a fresh second's worth is exactly one basket."""
SETTINGS = {"PAPER_EXCHANGE_LATENCY_MS": "80", "PAPER_EXCHANGE_STREAM_LATENCY_MS": "40"}


async def ours(stage: Stage) -> tuple[float, float, list[dict[str, Any]]]:
    """One basket of a new customer.

    Returns:
        ms from the acceptance to the commit that booked the last leg as filled, ms from the 202 to that leg's event in
        the customer's stream, and the legs.
    """
    customer = await stage.customer(balance="20000")
    async with listening(customer.client) as feed:
        plan = await customer.client.plan(index="top-20", amount="5000", account=str(customer.account_id))
        assert len(plan["legs"]) == LEGS
        assert {leg["check"] for leg in plan["legs"]} == {"ok"}
        accepted = await customer.client.open_position(plan["plan_id"])
        began = time.perf_counter()
        seen = await _last_leg(feed, began)
        position = await customer.settled(UUID(accepted["position_id"]))
    booked = await _last_booked(stage, UUID(accepted["position_id"]))
    took = (booked - datetime.fromisoformat(accepted["accepted_at"])).total_seconds() * 1000
    return took, seen, position["legs"]


async def _last_booked(stage: Stage, position_id: UUID) -> datetime:
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


async def bench() -> Report:
    """Rounds of both in turn, so that the machine's mood is shared."""
    async with measured_platform(SETTINGS) as stage:
        await ours(stage)  # the first one opens connections
        rounds = []
        for _ in range(ROUNDS):
            took, seen, legs = await ours(stage)
            rounds.append((took, seen, await plain_pybit(stage, legs)))
    median = statistics.median(took for took, _, _ in rounds)
    ratio = statistics.median(peer / took for took, _, peer in rounds)
    return {
        "met": median <= GOVERNOR_MS + OWN_MS_MAX and ratio >= RATIO_MIN,
        "line": f"accepted, last of {LEGS} legs filled <= {GOVERNOR_MS + OWN_MS_MAX:.0f} ms; >= {RATIO_MIN:.0f}x pybit",
        "rounds": ROUNDS,
        "ours_ms": [round(took, 1) for took, _, _ in rounds],
        "ours_in_the_stream_ms": [round(seen, 1) for _, seen, _ in rounds],
        "plain_pybit_ms": [round(peer, 1) for _, _, peer in rounds],
        "ours_median_ms": round(median, 1),
        "ratio_median": round(ratio, 2),
    }


if __name__ == "__main__":
    report(bench)
