"""`watch` when its stream stays open and says nothing any more: three quarters of a minute, and nobody waits for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from basketry_cli.calls import SILENCE_S
from basketry_cli.commands.watch import _watch
from basketry_cli.gateway import GatewayClient, Json, Tokens
from basketry_cli.sse import ServerEvent
from basketry_cli.terminal import Terminal
from shared.testing import eventually

NEWS = ServerEvent(type="pnl_updated", data="{}", id="1")


class FakeGateway(GatewayClient):
    """One event, then a silence until reading fails on the test's word; away after that, until it is let come back."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", Tokens(access="a", refresh="r"))
        self.held: Json = {
            "position_id": "46a35814",
            "index_id": "top-2",
            "environment": "paper",
            "status": "ACTIVE",
            "complete": True,
            "version": 1,
            "pnl": None,
        }
        self.resumed_after: list[str | None] = []
        self.given_up, self.back = asyncio.Event(), asyncio.Event()

    async def positions(self) -> list[Json]:
        return [dict(self.held)]

    @asynccontextmanager
    async def events(self, last_event_id: str | None = None) -> AsyncIterator[AsyncIterator[ServerEvent]]:
        self.resumed_after.append(last_event_id)
        if len(self.resumed_after) > 1 and not self.back.is_set():
            raise httpx.ConnectError("nobody is there")
        yield self._heard(silent=len(self.resumed_after) == 1)

    async def _heard(self, *, silent: bool) -> AsyncIterator[ServerEvent]:
        yield NEWS
        if silent:
            await self.given_up.wait()
            raise httpx.ReadTimeout("nothing came")
        await asyncio.Event().wait()


class Printed:
    """What a program that reads `watch --json` has got so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._lines: dict[str, list[dict[str, Any]]] = {"out": [], "err": []}

    def lines(self, stream: str) -> list[dict[str, Any]]:
        fresh = self._capsys.readouterr()
        for name, text in (("out", fresh.out), ("err", fresh.err)):
            self._lines[name] += [json.loads(line) for line in text.splitlines()]
        return self._lines[stream]


async def test_a_silence_is_told_at_once_with_its_beginning_and_what_follows_it_is_heard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = datetime.now(UTC)
    gateway, printed = FakeGateway(), Printed(capsys)
    async with gateway:
        watching = asyncio.create_task(_watch(gateway, Terminal(as_json=True), ""))
        try:
            await eventually(lambda: [one["version"] for one in printed.lines("out")] == [1])
            gateway.given_up.set()
            [lost] = await eventually(lambda: printed.lines("err"), because="the loss is told")
            silent_since = datetime.fromisoformat(lost["at"])
            gateway.held["version"] = 2
            gateway.back.set()
            await eventually(lambda: [one["version"] for one in printed.lines("out")] == [1, 2])
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    silence = timedelta(seconds=SILENCE_S)
    assert lost["connection"] == "lost"
    assert begun - silence <= silent_since <= datetime.now(UTC) - silence, "not when it was noticed"
    assert len(printed.lines("err")) == 1, "one word for one loss"
    assert set(gateway.resumed_after[1:]) == {"1"}, "resumed where it was"
