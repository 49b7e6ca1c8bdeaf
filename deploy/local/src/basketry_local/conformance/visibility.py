"""How long after its acknowledgement does an order show: live view, history, executions, private stream?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from basketry_local.conformance.credentials import TestKey
from basketry_local.conformance.desk import ConformanceDesk, NotPossibleError
from basketry_local.conformance.findings import Finding
from shared.contracts.rpc.signing import StreamLogin
from shared.runtime.bybit.capabilities import CAPABILITIES
from shared.runtime.bybit.pace import Pace
from shared.runtime.bybit.private_stream import PrivateStream
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, WalletRow

VIEWS = {
    "live_view": "/v5/order/realtime",
    "history": "/v5/order/history",
    "executions": "/v5/execution/list",
}
SEEN_WITHIN_S = 30.0
LOOK_EVERY_S = 0.05
CONNECTED_WITHIN_S = 20.0
BARRIER_MS = 5000
"""After the receive window the product waits 1 + 4 s before it believes that an order is nowhere."""


@dataclass(slots=True)
class Ear:
    """Notes when the private stream first spoke of an order."""

    orders_at: dict[str, float] = field(default_factory=dict)
    matches_at: dict[str, float] = field(default_factory=dict)

    async def orders(self, rows: tuple[OrderRow, ...]) -> None:
        """Orders changed."""
        for row in rows:
            self.orders_at.setdefault(row.order_link_id, time.monotonic())

    async def executions(self, rows: tuple[ExecutionRow, ...]) -> None:
        """Matches happened."""
        for row in rows:
            self.matches_at.setdefault(row.order_link_id, time.monotonic())

    async def wallets(self, rows: tuple[WalletRow, ...]) -> None:
        """Not asked for here."""

    async def gap(self, reason: str) -> None:
        """Counted by what is missing."""


@asynccontextmanager
async def listening(url: str, key: TestKey) -> AsyncIterator[Ear | None]:
    """The product's own private stream; None when it does not come up in time."""
    ear = Ear()
    stream = PrivateStream(
        url=url, login=_login(key), listener=ear, pace=Pace(0.0), rng=random.SystemRandom(), name="conformance"
    )
    running = asyncio.create_task(stream.run())
    try:
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await stream.connected.wait()
        except TimeoutError:
            yield None
        else:
            yield ear
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _login(key: TestKey) -> Callable[[], Awaitable[StreamLogin]]:
    async def login() -> StreamLogin:
        expires_ms = int(time.time() * 1000) + 1000
        signature = SecretStr(key.signature(f"GET/realtime{expires_ms}"))
        return StreamLogin(api_key=key.api_key.get_secret_value(), expires_ms=expires_ms, signature=signature)

    return login


async def lags(desk: ConformanceDesk, ear: Ear | None, *, rounds: int) -> Finding:
    """Buy a few times and look everywhere at once, each time."""
    measured = [await _one(desk, ear) for _ in range(rounds)]
    worst = {name: _slowest([row[name] for row in measured]) for name in measured[0]}
    agrees = all(lag is not None and lag <= BARRIER_MS for lag in (worst[name] for name in VIEWS))
    told = ", ".join(f"{name} {lag:.0f} ms" if lag is not None else f"{name} never" for name, lag in worst.items())
    return Finding(
        name="visibility_lag",
        question="How long after its acknowledgement does an order show?",
        assumed=f"everywhere within {BARRIER_MS} ms: the product waits that long before “not found” counts",
        said=f"Slowest of {rounds}: {told} (limits: {CAPABILITIES[desk.environment].orders_kept_days} days of history).",
        agrees=agrees,
        evidence=list(measured),
    )


async def _one(desk: ConformanceDesk, ear: Ear | None) -> dict[str, float | None]:
    body = await desk.taking_buy()
    link_id = str(body["orderLinkId"])
    answer = await desk.create(body)
    since = time.monotonic()
    if not answer.accepted:
        raise NotPossibleError(f"a plain buy was not taken: {answer.code} {answer.text}")
    seen = await asyncio.gather(*(_until_seen(desk, path, link_id, since) for path in VIEWS.values()))
    await desk.follow(link_id)
    found: dict[str, float | None] = dict(zip(VIEWS, seen, strict=True))
    if ear is not None:
        found["stream_order"] = _heard(ear.orders_at, link_id, since)
        found["stream_execution"] = _heard(ear.matches_at, link_id, since)
    return found


def _slowest(lags: list[float | None]) -> float | None:
    """None when an order never showed."""
    seen = [lag for lag in lags if lag is not None]
    return max(seen) if len(seen) == len(lags) else None


def _heard(at: dict[str, float], link_id: str, since: float) -> float | None:
    """A frame may overtake the acknowledgement: then it took no time."""
    return None if link_id not in at else round(max(at[link_id] - since, 0.0) * 1000, 1)


async def _until_seen(desk: ConformanceDesk, path: str, link_id: str, since: float) -> float | None:
    while time.monotonic() - since < SEEN_WITHIN_S:
        answer = await desk.probe.get(path, category="spot", orderLinkId=link_id)
        if answer.rows:
            return round((time.monotonic() - since) * 1000, 1)
        await asyncio.sleep(LOOK_EVERY_S)
    return None
