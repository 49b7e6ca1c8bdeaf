"""Order accepted → 202, at 100 requests a second, beside the same rows committed through plain asyncpg.

Who works on accepted orders stands still meanwhile (stopped by a signal), so that the two cores of a small machine
measure the acceptance and not what follows; the orders wait on the bus. The client speaks HTTP by hand for the same
reason. Both are measured in rounds, one after the other; rounds in which the machine itself was slower than in its best
one are printed, repeated and not counted (`kit.pace`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from kit.measuring import Report, measured_platform, percentile, report
from kit.pace import Pace, rounds_at_a_steady_pace
from kit.stage import Customer, Stage
from kit.wire import Line, post
from kit.wire import lines as opened_lines

from basketry_local.environment import database_dsn

RATE = 100
CALM_RATE = 40
"""ADR 22: far from where any queue begins, so that the ratio compares work with work."""
ORDERS = 200
CALM_ORDERS = 40
"""Orders in each round, at the one rate and at the other."""
ROUNDS = 3
ROUNDS_MAX = 5
CUSTOMERS = 50
WARM_UP = 50
PLANS = WARM_UP + ROUNDS_MAX * (CALM_ORDERS + ORDERS)
LINES = 32
"""Connections: enough that none is waited for unless the gateway is slow."""
WORKERS = ("execution", "keys", "reconciler", "market_data")
PLANNING = 3
"""Customers who plan at once: each plan asks for a balance, and an address has a budget of such questions."""
P99_MS_MAX = 100.0
RATIO_MAX = 5.0
SETTINGS = {
    "GATEWAY_LIMITS": '{"address": "1000000/minute", "register_address": "1000/minute"}',
    "EXECUTION_PLAN_VALID_S": "600",  # many plans are made before the first is bought
}
TABLES = ("idempotency_keys", "synthetic_positions", "outbox")
_TAKEN = "(select position_id from gateway.synthetic_positions order by position_id limit $1) as taken"
OF_ACCEPTANCES = {
    "idempotency_keys": f"select one.* from gateway.idempotency_keys one join {_TAKEN} "
    "on (one.answer ->> 'position_id')::uuid = taken.position_id order by taken.position_id",
    "synthetic_positions": f"select one.* from gateway.synthetic_positions one join {_TAKEN} "
    "using (position_id) order by taken.position_id",
    "outbox": f"select one.* from gateway.outbox one join {_TAKEN} "
    "on one.aggregate_id = taken.position_id::text order by taken.position_id",
}
"""What one acceptance wrote, row by row in the same order; `$1` acceptances."""


Work = Callable[[], Awaitable[None]]
Rows = list[tuple[str, dict[str, Any]]]
"""Of one acceptance: table and columns."""


async def at_rate(work: Sequence[Work], rate: int = RATE) -> list[float]:
    """Start each piece of work on its beat, whatever became of the ones before; durations in ms."""
    took: list[float] = []
    start = time.perf_counter() + 0.1

    async def one(number: int, piece: Work) -> None:
        await asyncio.sleep(start + number / rate - time.perf_counter())
        began = time.perf_counter()
        await piece()
        took.append((time.perf_counter() - began) * 1000)

    async with asyncio.TaskGroup() as group:
        for number, piece in enumerate(work):
            group.create_task(one(number, piece))
    return took


async def plans(stage: Stage) -> list[tuple[Customer, str]]:
    """Plans of many customers, ready to be bought."""
    customers = [await stage.customer() for _ in range(CUSTOMERS)]
    turn = asyncio.Semaphore(PLANNING)

    async def some(customer: Customer) -> list[tuple[Customer, str]]:
        number = PLANS // CUSTOMERS
        async with turn:
            made = [
                await customer.client.plan(index="top-5", amount="100", account=str(customer.account_id))
                for _ in range(number)
            ]
        return [(customer, str(plan["plan_id"])) for plan in made]

    return [item for items in await asyncio.gather(*(some(customer) for customer in customers)) for item in items]


async def accepting(stage: Stage, ready: Sequence[tuple[Customer, str]], rate: int = RATE) -> list[float]:
    """Buy every plan, on the beat."""
    port = urlsplit(stage.platform.gateway_url).port
    assert port is not None
    async with opened_lines(port, LINES) as opened:
        free: asyncio.Queue[Line] = asyncio.Queue()
        for line in opened:
            free.put_nowait(line)

        def buy(customer: Customer, plan_id: str) -> Work:
            assert customer.client.tokens is not None
            headers = {"Authorization": f"Bearer {customer.client.tokens.access}", "Idempotency-Key": str(uuid4())}
            request = post("/api/positions", json.dumps({"plan_id": plan_id}).encode(), headers)

            async def piece() -> None:
                line = await free.get()
                await line.ask(request, status=202)
                free.put_nowait(line)

            return piece

        return await at_rate([buy(customer, plan_id) for customer, plan_id in ready], rate)


@contextlib.contextmanager
def standing_still(stage: Stage) -> Iterator[None]:
    """Stop those who would work on what is accepted."""
    pids = [pid for name in WORKERS if (pid := stage.platform.services[name].pid) is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def acceptances(stage: Stage) -> list[Rows]:
    """What each acceptance of the warm-up wrote."""
    books = await stage.books()
    try:
        found = [await books.fetch(OF_ACCEPTANCES[table], WARM_UP) for table in TABLES]
    finally:
        await books.close()
    return [[(table, dict(row)) for table, row in zip(TABLES, rows, strict=True)] for rows in zip(*found, strict=True)]


def again(written: Sequence[Rows], number: int) -> list[Rows]:
    """So many times the same rows with fresh ids, ready to be written."""
    return [[(table, _fresh(dict(row))) for table, row in rows] for rows in islice(cycle(written), number)]


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("key", "position_id", "plan_id", "event_id"):
        if isinstance(row.get(name), str):
            row[name] = str(uuid4())
        elif isinstance(row.get(name), UUID):
            row[name] = uuid4()
    if "id" in row:
        row["id"] = uuid4()
    row.pop("position", None)  # the outbox numbers its rows itself
    return row


@contextlib.asynccontextmanager
async def plain_asyncpg(stage: Stage, written: Sequence[Rows]) -> AsyncIterator[Callable[[int], list[Work]]]:
    """Makes the work of committing the same rows so many times, one transaction each."""
    dsn = database_dsn("gateway", "gateway", keyring=stage.platform.keyring, ports=stage.platform.ports)
    pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10)

    def commit(rows: Rows) -> Work:
        async def piece() -> None:
            async with pool.acquire() as connection, connection.transaction():
                user = next(str(row["user_id"]) for _, row in rows if row.get("user_id"))
                await connection.execute("select set_config('app.user_id', $1, true)", user)
                for table, row in rows:
                    values = {name: value for name, value in row.items() if table != "outbox" or name != "user_id"}
                    names = ", ".join(f'"{name}"' for name in values)
                    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
                    await connection.execute(
                        f"insert into gateway.{table} ({names}) values ({marks})", *values.values()
                    )

        return piece

    try:
        yield lambda number: [commit(rows) for rows in again(written, number)]
    finally:
        await pool.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Durations in ms: of ours and of plain asyncpg, on the calm beat and on the other."""

    calm: list[float]
    ours: list[float]
    calm_floor: list[float]
    floor: list[float]

    @property
    def ratio(self) -> float:
        """Of the medians at `RATE`."""
        return percentile(self.ours, 0.5) / percentile(self.floor, 0.5)

    @property
    def calm_ratio(self) -> float:
        """Of the medians at `CALM_RATE`."""
        return percentile(self.calm, 0.5) / percentile(self.calm_floor, 0.5)


async def one_round(
    stage: Stage, ready: list[tuple[Customer, str]], commits: Callable[[int], list[Work]]
) -> tuple[Round, float]:
    """Uses up plans of `ready`; answers with the machine's pace meanwhile."""
    with Pace() as pace:
        calm = await accepting(stage, [ready.pop() for _ in range(CALM_ORDERS)], CALM_RATE)
        ours = await accepting(stage, [ready.pop() for _ in range(ORDERS)])
    work = commits(CALM_ORDERS + ORDERS)
    with Pace() as floor_pace:
        calm_floor = await at_rate(work[:CALM_ORDERS], CALM_RATE)
        floor = await at_rate(work[CALM_ORDERS:])
    found = Round(calm=calm, ours=ours, calm_floor=calm_floor, floor=floor)
    return found, max(pace.cost_ms, floor_pace.cost_ms)


async def bench() -> Report:
    """Both in one run, on one platform; medians over the rounds at a steady pace."""
    async with measured_platform(SETTINGS) as stage:
        ready = await plans(stage)
        with standing_still(stage):
            await accepting(stage, [ready.pop() for _ in range(WARM_UP)])
            async with plain_asyncpg(stage, await acceptances(stage)) as commits:
                await at_rate(commits(WARM_UP))
                done = await rounds_at_a_steady_pace(
                    lambda: one_round(stage, ready, commits), wanted=ROUNDS, most=ROUNDS_MAX
                )
    counted = done.counted(ROUNDS)
    p99 = statistics.median(percentile(one.ours, 0.99) for one in counted)
    ratio = statistics.median(one.ratio for one in counted)
    calm_ratio = statistics.median(one.calm_ratio for one in counted)
    lines = {
        f"p99 <= {P99_MS_MAX:.0f} ms at {RATE} requests/s": p99 <= P99_MS_MAX,
        f"p50 <= {RATIO_MAX:.0f}x the same rows through plain asyncpg": ratio <= RATIO_MAX,
        f"p50 <= {RATIO_MAX:.0f}x plain asyncpg at {CALM_RATE} requests/s": calm_ratio <= RATIO_MAX,
    }
    return {
        "met": all(lines.values()),
        "lines": lines,
        "orders_in_a_round": ORDERS,
        "rounds": len(done.results),
        "counted": len(counted),
        "pace_ms": [round(cost, 2) for cost in done.costs_ms],
        "p50_ms": _each(done.results, lambda one: percentile(one.ours, 0.5)),
        "p99_ms": _each(done.results, lambda one: percentile(one.ours, 0.99)),
        "plain_asyncpg_p50_ms": _each(done.results, lambda one: percentile(one.floor, 0.5)),
        "calm_p50_ms": _each(done.results, lambda one: percentile(one.calm, 0.5)),
        "calm_p99_ms": _each(done.results, lambda one: percentile(one.calm, 0.99)),
        "calm_plain_asyncpg_p50_ms": _each(done.results, lambda one: percentile(one.calm_floor, 0.5)),
        "p99_median_ms": round(p99, 2),
        "ratio_p50": round(ratio, 2),
        "calm_ratio_p50": round(calm_ratio, 2),
    }


def _each(rounds: Sequence[Round], figure: Callable[[Round], float]) -> list[float]:
    return [round(figure(one), 2) for one in rounds]


if __name__ == "__main__":
    report(bench)
