"""The paper exchange on one core, journal on: creates a second, one by one and in batches, and how long each took.

The client has the other core to itself where there is one, speaks HTTP by hand and signs as it sends, so that what is
measured is the venue. Two runs each: as fast as it goes (throughput), and at a steady pace (latency).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from kit.measuring import Report, percentile, report
from kit.wire import Line, lines, post

ACCOUNTS = 1_000
SECONDS = 6.0
WARM_UP_S = 1.0
SINGLES_MIN = 500
BATCHED_MIN = 2_000
BATCH = 10
CONNECTIONS = 24
BATCH_CONNECTIONS = 8
PACE = 300
BATCH_PACE = 120
LEG = {"category": "spot", "side": "Buy", "orderType": "Limit", "timeInForce": "IOC"}
PAIRS = (("BTCUSDT", "0.0001", "119500"), ("ETHUSDT", "0.002", "4385"), ("DOGEUSDT", "30", "0.254"))


@dataclass(frozen=True, slots=True)
class Account:
    """Signs its calls."""

    api_key: str
    secret: bytes

    def request(self, path: str, body: bytes) -> bytes:
        """A signed POST, ready for the wire."""
        stamp = str(time.time_ns() // 1_000_000)
        sign = hmac.new(self.secret, f"{stamp}{self.api_key}5000".encode() + body, hashlib.sha256).hexdigest()
        told = {"X-BAPI-API-KEY": self.api_key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000"}
        return post(path, body, {**told, "X-BAPI-SIGN": sign})


def order(number: int) -> dict[str, str]:
    """One of three small buys, with an id of its own."""
    symbol, quantity, price = PAIRS[number % len(PAIRS)]
    return {**LEG, "symbol": symbol, "qty": quantity, "price": price, "orderLinkId": f"b{number}"}


def single(number: int) -> tuple[str, bytes]:
    """One order."""
    return "/v5/order/create", json.dumps(order(number)).encode()


def batch(number: int) -> tuple[str, bytes]:
    """Ten orders."""
    legs = [order(number * BATCH + place) for place in range(BATCH)]
    return "/v5/order/create-batch", json.dumps({"category": "spot", "request": legs}).encode()


def check(answer: bytes) -> None:
    """Every order was taken."""
    told = json.loads(answer)
    legs = told["retExtInfo"].get("list", ())
    if told["retCode"] != 0 or any(leg["code"] != 0 for leg in legs):
        raise RuntimeError(f"not taken: {told}")


@dataclass(slots=True)
class Run:
    """What a run measured."""

    took_ms: list[float]
    seconds: float
    per_call: int
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """Orders a second."""
        return len(self.took_ms) * self.per_call / self.seconds

    @property
    def cpu_us_per_order(self) -> int:
        """Microseconds of the venue's core that an order took, all in."""
        return round(self.cpu_s / (len(self.took_ms) * self.per_call) * 1e6)

    def told(self, name: str) -> dict[str, float]:
        """Percentiles of one call, ms."""
        return {
            f"{name}_p50_ms": round(percentile(self.took_ms, 0.5), 2),
            f"{name}_p99_ms": round(percentile(self.took_ms, 0.99), 2),
        }


class Bench:
    """A crowd of customers and their connections."""

    def __init__(self, port: int, pid: int, accounts: Sequence[Account]) -> None:
        self._port = port
        self._pid = pid
        self._accounts = accounts
        self._number = int(time.time()) * 1_000_000

    async def flat_out(self, make: Any, connections: int, per_call: int) -> Run:
        """Every connection sends its next call when it has its answer."""
        await self._many(make, connections, until=time.perf_counter() + WARM_UP_S)
        used, began = cpu_seconds(self._pid), time.perf_counter()
        took = await self._many(make, connections, until=began + SECONDS)
        return Run(took, time.perf_counter() - began, per_call, cpu_seconds(self._pid) - used)

    async def at_pace(self, make: Any, connections: int, pace: int, per_call: int) -> Run:
        """Calls leave on their beat; what waits for a free connection counts as waiting."""
        began = time.perf_counter() + 0.1
        beats = iter(range(int(pace * SECONDS)))
        took: list[float] = []

        async def one(line: Line) -> None:
            for beat in beats:
                due = began + beat / pace
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await self._call(line, make)
                took.append((time.perf_counter() - due) * 1000)

        async with lines(self._port, connections) as opened, asyncio.TaskGroup() as group:
            for line in opened:
                group.create_task(one(line))
        return Run(took, time.perf_counter() - began, per_call)

    async def _many(self, make: Any, connections: int, *, until: float) -> list[float]:
        took: list[float] = []

        async def one(line: Line) -> None:
            while (sent := time.perf_counter()) < until:
                await self._call(line, make)
                took.append((time.perf_counter() - sent) * 1000)

        async with lines(self._port, connections) as opened, asyncio.TaskGroup() as group:
            for line in opened:
                group.create_task(one(line))
        return took

    async def _call(self, line: Line, make: Any) -> None:
        self._number += 1
        path, body = make(self._number)
        check(await line.ask(self._accounts[self._number % len(self._accounts)].request(path, body)))


@contextlib.contextmanager
def own_core(pid: int) -> Iterator[int]:
    """Give the venue a core of its own, and us the rest; how many cores there are for it."""
    if not hasattr(os, "sched_setaffinity"):
        yield os.cpu_count() or 1
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cores[0]})
    try:
        yield 1
    finally:
        os.sched_setaffinity(0, set(cores))


class Venue:
    """The paper exchange with its default settings, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, coingecko = free_ports(2)
        self._environment = {
            **os.environ,
            "PAPER_EXCHANGE_HTTP_PORT": str(self.port),
            "PAPER_EXCHANGE_COINGECKO_PORT": str(coingecko),
            "PAPER_EXCHANGE_DATA_FOLDER": str(folder),
            "PAPER_EXCHANGE_LOG_LEVEL": "WARNING",
        }
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until it answers."""
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "paper_exchange.main"], env=self._environment, stdout=sys.stderr, stderr=sys.stderr
        )
        self.pid = self._process.pid
        wait_ready(f"http://127.0.0.1:{self.port}/readyz", self._process)
        return time.perf_counter() - began

    def end(self, how: int = signal.SIGTERM) -> None:
        """End it and wait for that, half a minute at most."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_ports(number: int) -> list[int]:
    """Ports that are free now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextlib.contextmanager
def running() -> Iterator[tuple[Venue, float]]:
    """A venue, and how long its first start took, seconds."""
    folder = Path(tempfile.mkdtemp(prefix="basketry-bench-"))
    venue = Venue(folder / "venue")
    try:
        yield venue, venue.start()
    finally:
        venue.end()
        shutil.rmtree(folder, ignore_errors=True)


def wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the venue answers, a minute at most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("the venue did not become ready")


def open_accounts(port: int) -> list[Account]:
    """A thousand customers with a million each."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/paper/v1", timeout=30) as client:
        opened = [client.post("/accounts", json={"balances": {"USDT": "1000000"}}).json() for _ in range(ACCOUNTS)]
    return [Account(one["api_key"], one["api_secret"].encode()) for one in opened]


def cpu_seconds(pid: int) -> float:
    """Seconds of a core that a process has used; 0 where the machine does not tell."""
    told = Path(f"/proc/{pid}/stat")
    if not told.exists():
        return 0.0
    fields = told.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def idle_share(pid: int) -> float:
    """The share of a core that a venue with a thousand accounts and nobody's orders uses."""
    before = cpu_seconds(pid)
    await asyncio.sleep(4)
    return (cpu_seconds(pid) - before) / 4


def resident_mb(pid: int) -> float:
    """What a process holds in memory; 0 where the machine does not tell."""
    told = Path(f"/proc/{pid}/statm")
    return int(told.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if told.exists() else 0.0


def restarts(venue: Venue) -> dict[str, float]:
    """Seconds until it answers: all of the journal read again, then from the state beside it."""
    told = {}
    for name, how in (("after_a_kill", signal.SIGKILL), ("after_another_kill", signal.SIGKILL)):
        venue.end(how)
        told[f"start_{name}_s"] = round(venue.start(), 2)
    return told


async def bench() -> Report:
    """Idle, flat out and at a pace, singles and batches; then how soon it is back."""
    with running() as (venue, first_s):
        crowd = Bench(venue.port, venue.pid, open_accounts(venue.port))
        with own_core(venue.pid) as cores:
            idle, idle_mb = await idle_share(venue.pid), resident_mb(venue.pid)
            singles = await crowd.flat_out(single, CONNECTIONS, 1)
            batched = await crowd.flat_out(batch, BATCH_CONNECTIONS, BATCH)
            paced = await crowd.at_pace(single, CONNECTIONS, PACE, 1)
            paced_batches = await crowd.at_pace(batch, BATCH_CONNECTIONS, BATCH_PACE, BATCH)
        journal = (venue.folder / "journal.jsonl").stat().st_size
        back = restarts(venue)
    return {
        "met": singles.per_second >= SINGLES_MIN and batched.per_second >= BATCHED_MIN,
        "line": f">= {SINGLES_MIN} single creates/s and >= {BATCHED_MIN} orders/s in batches on one core, journal on",
        "cores": cores,
        "accounts": ACCOUNTS,
        "idle_core_share": round(idle, 4),
        "idle_mb": round(idle_mb),
        "singles_per_s": round(singles.per_second),
        "singles_cpu_us_per_order": singles.cpu_us_per_order,
        **singles.told("singles"),
        "batched_orders_per_s": round(batched.per_second),
        "batched_cpu_us_per_order": batched.cpu_us_per_order,
        **batched.told("batches"),
        **paced.told(f"singles_at_{PACE}_per_s"),
        **paced_batches.told(f"batches_at_{BATCH_PACE}_per_s"),
        "journal_mb": round(journal / 1e6, 1),
        "first_start_s": round(first_s, 2),
        **back,
    }


if __name__ == "__main__":
    report(bench)
