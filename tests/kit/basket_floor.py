"""The least that any program must do for a basket: the same rows committed, the same orders signed and sent, their fills heard.

One process, no bus, no service between: rows of one real basket are written again under fresh ids, by asyncpg, in the four
commits that safety asks for (the customer's order, the run, the intents before any byte is sent, the fills), and its
orders go out in two batches at once, signed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from websockets.asyncio.client import ClientConnection, connect

from kit.stage import Stage
from kit.wire import Line, lines, post

BATCH = 10
WINDOW_MS = 5000
_OVER = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected"})
_COMMITS: tuple[Mapping[str, str], ...] = (
    {
        "gateway.idempotency_keys": "(answer ->> 'position_id')::uuid = $1",
        "gateway.synthetic_positions": "position_id = $1",
        "gateway.outbox": "aggregate_id = $1::text",
    },
    {
        "execution.positions": "position_id = $1",
        "execution.runs": "position_id = $1",
        "execution.legs": "position_id = $1",
        "execution.holdings": "position_id = $1",
    },
    {"execution.attempts": "position_id = $1"},
    {
        "execution.fills": "position_id = $1",
        "execution.journal": "position_id = $1",
        "execution.outbox": "subject like '%.' || $1::text",
    },
)
"""What each commit of a basket writes; rows that change later are written once, as they are in the end."""
_UNIQUE = frozenset({"key", "tail", "client_order_id"})
_OWN = {"position", "sent_at"}

Table = tuple[str, list[str], list[list[Any]]]


async def rows_of(books: asyncpg.Connection[Any], position_id: UUID) -> list[list[Table]]:
    """What a basket wrote, commit by commit, under fresh ids; events count as sent, so that nobody hears them again."""
    fresh: dict[UUID, UUID] = {}
    commits = []
    for tables in _COMMITS:
        commit: list[Table] = []
        for table, condition in tables.items():
            text = condition.replace("$1::text", "$1::uuid::text")
            found = await books.fetch(f"select * from {table} where {text}", position_id)
            assert found, table
            names = [name for name in found[0].keys() if name not in _OWN]  # noqa: SIM118 - a record
            rows = [[_fresh(name, row[name], fresh) for name in names] for row in found]
            if table.endswith(".outbox"):
                names, rows = [*names, "sent_at"], [[*row, found[0]["created_at"]] for row in rows]
            commit.append((table, names, rows))
        commits.append(commit)
    return commits


def _fresh(name: str, value: Any, fresh: dict[UUID, UUID]) -> Any:
    if isinstance(value, UUID):
        return fresh.setdefault(value, uuid4())
    if name in _UNIQUE and isinstance(value, str):
        return f"{value[:16]}{uuid4().hex[:20]}"
    return value


class Customer:
    """An account at the venue, with its socket and two kept connections."""

    def __init__(self, secret: Mapping[str, str], requests: Sequence[Line], socket: ClientConnection) -> None:
        self._secret = secret
        self._requests = requests
        self._socket = socket

    async def buys(self, legs: Sequence[Mapping[str, Any]]) -> None:
        """Send every order, ten in a request, and wait until the last is over."""
        orders = [_order(leg) for leg in legs]
        batches = [orders[start : start + BATCH] for start in range(0, len(orders), BATCH)]
        async with asyncio.TaskGroup() as group:
            for line, batch in zip(self._requests, batches, strict=True):
                group.create_task(self._send(line, batch))
            group.create_task(self._hear({str(order["orderLinkId"]) for order in orders}))

    async def _send(self, line: Line, orders: Sequence[Mapping[str, str]]) -> None:
        body = json.dumps({"category": "spot", "request": orders})
        stamp = str(time.time_ns() // 1_000_000)
        headers = {
            "X-BAPI-API-KEY": self._secret["api_key"],
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": str(WINDOW_MS),
            "X-BAPI-SIGN": _signed(self._secret, f"{stamp}{self._secret['api_key']}{WINDOW_MS}{body}"),
        }
        answer = json.loads(await line.ask(post("/v5/order/create-batch", body.encode(), headers)))
        assert answer["retCode"] == 0, answer

    async def _hear(self, waiting: set[str]) -> None:
        async with asyncio.timeout(30):
            while waiting:
                frame = json.loads(await self._socket.recv())
                if frame.get("topic") == "order":
                    waiting -= {row["orderLinkId"] for row in frame["data"] if row["orderStatus"] in _OVER}


@contextlib.asynccontextmanager
async def customer(stage: Stage) -> AsyncIterator[Customer]:
    """A new account, connected."""
    secret = (await stage.venue.post("/paper/v1/accounts", json={"balances": {"USDT": "20000"}})).json()
    where = urlsplit(stage.platform.exchange_url)
    assert where.port is not None
    async with (
        lines(where.port, 2) as requests,
        connect(f"ws://{where.netloc}/v5/private", compression=None, proxy=None) as socket,
    ):
        expires = time.time_ns() // 1_000_000 + 10_000
        login = [secret["api_key"], expires, _signed(secret, f"GET/realtime{expires}")]
        for told in ({"op": "auth", "args": login}, {"op": "subscribe", "args": ["order", "execution", "wallet"]}):
            await socket.send(json.dumps(told))
            assert json.loads(await asyncio.wait_for(socket.recv(), 10))["success"]
        yield Customer(secret, requests, socket)


async def floor(stage: Stage, position_id: UUID, legs: Sequence[Mapping[str, Any]]) -> float:
    """The least for this basket, in ms from the first commit's begin to the last commit's end."""
    books = await stage.books()
    try:
        accepted, run, intents, booked = await rows_of(books, position_id)
        async with customer(stage) as buyer:
            began = time.perf_counter()
            for tables in (accepted, run, intents):
                await _commit(books, tables)
            await buyer.buys(legs)
            await _commit(books, booked)
            return (time.perf_counter() - began) * 1000
    finally:
        await books.close()


async def _commit(books: asyncpg.Connection[Any], tables: Sequence[Table]) -> None:
    async with books.transaction():
        for table, names, rows in tables:
            listed = ", ".join(f'"{name}"' for name in names)
            marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
            await books.executemany(f"insert into {table} ({listed}) values ({marks})", rows)


def _order(leg: Mapping[str, Any]) -> dict[str, str]:
    return {
        "symbol": leg["symbol"],
        "side": "Buy",
        "orderType": "Limit",
        "timeInForce": "IOC",
        "qty": leg["quantity"],
        "price": leg["limit_price"],
        "orderLinkId": uuid4().hex,
    }


def _signed(secret: Mapping[str, str], text: str) -> str:
    return hmac.new(secret["api_secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
