"""Twenty spot legs at a venue 80 ms away: accepted → last leg filled, beside plain pybit, one order after another.

The venue answers REST after 80 ms (half before, half after the order is taken) and its frames come 40 ms late.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import httpx
from kit.feed import listening
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


async def ours(stage: Stage) -> tuple[float, list[dict[str, Any]]]:
    """One basket of a new customer: ms from the 202 to the event of the last filled leg; and its legs."""
    customer = await stage.customer(balance="20000")
    async with listening(customer.client) as feed:
        plan = await customer.client.plan(index="top-20", amount="5000", account=str(customer.account_id))
        assert len(plan["legs"]) == LEGS
        assert {leg["check"] for leg in plan["legs"]} == {"ok"}
        accepted = await customer.client.open_position(plan["plan_id"])
        began = time.perf_counter()
        ended = await _last_leg(feed, began)
        position = await customer.client.position(accepted["position_id"])
    return ended, position["legs"]


async def _last_leg(feed: Any, began: float) -> float:
    async def look() -> float:
        assert feed.counts()["leg_filled"] == LEGS, dict(feed.counts())
        return (time.perf_counter() - began) * 1000

    return await eventually(look, timeout_s=30, every_s=0.002, because="every leg is filled")


async def plain_pybit(stage: Stage, legs: list[dict[str, Any]]) -> float:
    """The same legs, each sent when the one before was answered: ms from the first send to the last reply."""
    async with httpx.AsyncClient(base_url=stage.platform.exchange_url, trust_env=False) as venue:
        terms = {"balances": {"USDT": "20000"}}
        account = (await venue.post("/paper/v1/accounts", json=terms)).json()
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
        pairs = []
        for _ in range(ROUNDS):
            took, legs = await ours(stage)
            pairs.append((took, await plain_pybit(stage, legs)))
    median = statistics.median(took for took, _ in pairs)
    ratio = statistics.median(peer / took for took, peer in pairs)
    return {
        "met": median <= GOVERNOR_MS + OWN_MS_MAX and ratio >= RATIO_MIN,
        "line": f"accepted → last of {LEGS} legs <= {GOVERNOR_MS + OWN_MS_MAX:.0f} ms, >= {RATIO_MIN:.0f}x plain pybit",
        "rounds": ROUNDS,
        "ours_ms": [round(took, 1) for took, _ in pairs],
        "plain_pybit_ms": [round(peer, 1) for _, peer in pairs],
        "ours_median_ms": round(median, 1),
        "ratio_median": round(ratio, 2),
    }


if __name__ == "__main__":
    report(bench)
