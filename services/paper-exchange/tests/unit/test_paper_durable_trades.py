"""The public hears of a trade when the disk has it, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from paper_exchange.application.accounts import KeyTerms
from paper_exchange.inbound.socket import Socket
from paper_exchange.settings import Settings
from paper_exchange.wiring import Venue
from shared.testing import eventually

TOPIC = "publicTrade.BTCUSDT"
BUY = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100"}


class Wire:
    """A client that asks for the public trades, and hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._asks = [orjson.dumps({"op": "subscribe", "args": [TOPIC]}).decode()]

    async def receive(self) -> MutableMapping[str, Any]:
        if self._asks:
            return {"type": "websocket.receive", "text": self._asks.pop()}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.heard.append(orjson.loads(message["text"]))

    def trades(self) -> list[dict[str, Any]]:
        return [row for frame in self.heard if frame.get("topic") == TOPIC for row in frame["data"]]


@contextlib.asynccontextmanager
async def at_work(*jobs: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """A venue whose disk does not move until its journal runs."""
    monkeypatch.setenv("PAPER_EXCHANGE_DATA_FOLDER", str(tmp_path))
    return Venue(Settings(feed="frozen", match_delay_ms=0))


async def test_a_trade_is_public_only_after_the_disk_has_it(still: Venue, tmp_path: Path) -> None:
    wire = Wire()
    socket = Socket(wire.receive, wire.send, "c", "127.0.0.1")
    async with at_work(still.public.by_path["/v5/public/spot"].serve(socket), socket.send_frames()):

        def subscribed() -> bool:
            return bool(wire.heard)

        assert await eventually(subscribed, because="the topic is acknowledged")
        key = still.accounts.open({"USDT": Decimal(1000)}, KeyTerms())
        order = still.exchange.place(key.uid, BUY)
        seq = still.market.seq
        still.exchange.matcher.match(order.order_id)
        assert order.executions
        assert still.market.seq > seq
        still.timeline.tick()
        for _ in range(20):
            await asyncio.sleep(0)
        own = {execution.exec_id for execution in order.executions}
        assert not own & {trade.exec_id for trade in still.tape.of("BTCUSDT")}
        assert not own & {row["i"] for row in wire.trades()}
        async with at_work(still.journal.run()):

            def told() -> bool:
                return own <= {row["i"] for row in wire.trades()}

            assert await eventually(told, because="the disk has the trade")
            assert own <= {trade.exec_id for trade in still.tape.of("BTCUSDT")}
    still.close()
    assert (tmp_path / "journal.jsonl").stat().st_size
