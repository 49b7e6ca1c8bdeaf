"""Order accepted → 202, at 100 requests a second, beside the same rows committed through plain asyncpg.

Who works on accepted orders stands still meanwhile (stopped by a signal), so that the two cores of a small machine
measure the acceptance and not what follows; the orders wait on the bus. The client speaks HTTP by hand for the same
reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from kit.measuring import Report, measured_platform, percentile, report
from kit.stage import Customer, Stage
from kit.wire import Line, post
from kit.wire import lines as opened_lines

from basketry_local.environment import database_dsn

RATE = 100
CALM_RATE = 40
"""ADR 22: far from where any queue begins, so that the ratio compares work with work."""
ORDERS = 400
CALM_ORDERS = 150
CUSTOMERS = 25
WARM_UP = 50
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


async def at_rate(work: Sequence[Callable[[], Awaitable[None]]], rate: int = RATE) -> list[float]:
    """Start each piece of work on its beat, whatever became of the ones before; durations in ms."""
    took: list[float] = []
    start = time.perf_counter() + 0.1

    async def one(number: int, piece: Callable[[], Awaitable[None]]) -> None:
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
        number = (ORDERS + CALM_ORDERS + WARM_UP) // CUSTOMERS
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

        def buy(customer: Customer, plan_id: str) -> Callable[[], Awaitable[None]]:
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


async def accepted_rows(stage: Stage) -> list[list[tuple[str, dict[str, Any]]]]:
    """What each acceptance wrote, with fresh ids, ready to be written again."""
    books = await stage.books()
    try:
        found = [await books.fetch(OF_ACCEPTANCES[table], WARM_UP + CALM_ORDERS + ORDERS) for table in TABLES]
    finally:
        await books.close()
    return [
        [(table, _fresh(dict(row))) for table, row in zip(TABLES, rows, strict=True)]
        for rows in zip(*found, strict=True)
    ]


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


async def plain_asyncpg(stage: Stage) -> tuple[list[float], list[float]]:
    """The same rows, one transaction each, on the calm beat and on the other."""
    dsn = database_dsn("gateway", "gateway", keyring=stage.platform.keyring, ports=stage.platform.ports)
    pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10)

    def commit(rows: list[tuple[str, dict[str, Any]]]) -> Callable[[], Awaitable[None]]:
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
        work = [commit(rows) for rows in await accepted_rows(stage)]
        await at_rate(work[:WARM_UP])
        calm, rest = work[WARM_UP : WARM_UP + CALM_ORDERS], work[WARM_UP + CALM_ORDERS :]
        return await at_rate(calm, CALM_RATE), await at_rate(rest)
    finally:
        await pool.close()


async def bench() -> Report:
    """Both in one run, on one platform."""
    async with measured_platform(SETTINGS) as stage:
        ready = await plans(stage)
        with standing_still(stage):
            await accepting(stage, ready[:WARM_UP])
            calm = await accepting(stage, ready[WARM_UP : WARM_UP + CALM_ORDERS], CALM_RATE)
            ours = await accepting(stage, ready[WARM_UP + CALM_ORDERS :])
            calm_floor, floor = await plain_asyncpg(stage)
    p99 = percentile(ours, 0.99)
    ratio = percentile(ours, 0.5) / percentile(floor, 0.5)
    calm_ratio = percentile(calm, 0.5) / percentile(calm_floor, 0.5)
    lines = {
        f"p99 <= {P99_MS_MAX:.0f} ms at {RATE} requests/s": p99 <= P99_MS_MAX,
        f"p50 <= {RATIO_MAX:.0f}x the same rows through plain asyncpg": ratio <= RATIO_MAX,
        f"p50 <= {RATIO_MAX:.0f}x plain asyncpg at {CALM_RATE} requests/s": calm_ratio <= RATIO_MAX,
    }
    return {
        "met": all(lines.values()),
        "lines": lines,
        "orders": len(ours),
        "p50_ms": round(percentile(ours, 0.5), 2),
        "p99_ms": round(p99, 2),
        "plain_asyncpg_p50_ms": round(percentile(floor, 0.5), 2),
        "ratio_p50": round(ratio, 2),
        "calm_p50_ms": round(percentile(calm, 0.5), 2),
        "calm_p99_ms": round(percentile(calm, 0.99), 2),
        "calm_plain_asyncpg_p50_ms": round(percentile(calm_floor, 0.5), 2),
        "calm_ratio_p50": round(calm_ratio, 2),
    }


if __name__ == "__main__":
    report(bench)
