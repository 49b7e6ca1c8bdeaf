"""`watch` at a terminal while its gateway, a small one of its own, is away and comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from kit.small_gateway import served
from kit.terminal import Screen, at_a_terminal

from basketry_cli.gateway import Tokens
from basketry_cli.session_file import SessionFile
from shared.testing import eventually

NAME = "46a35814-2209-4640-8259-abe19e56b410"
HELD: dict[str, Any] = {
    "position_id": NAME,
    "index_id": "top-2",
    "environment": "paper",
    "status": "ACTIVE",
    "complete": True,
    "version": 1,
    "pnl": {"at": "1", "currency": "USDT", "value": "1012.5", "cost": "1000", "pnl": "12.5", "holdings": []},
}


def _gateway() -> FastAPI:
    app = FastAPI()

    @app.get("/api/positions")
    async def positions() -> dict[str, Any]:
        return {"items": [HELD]}

    @app.get("/api/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_beats(), media_type="text/event-stream")

    return app


async def _beats() -> AsyncIterator[str]:
    for _ in range(3_000):
        yield ": beat\n\n"
        await asyncio.sleep(0.1)


def _bound(port: int = 0) -> socket.socket:
    """A socket that shares its port with others of this test alone."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


async def _newest(screen: Screen, words: str, than: str) -> None:
    await eventually(
        lambda: screen.text.rfind(words) > screen.text.rfind(than), timeout_s=60, because=f"{words!r} is the newest"
    )


async def test_a_lost_connection_is_said_until_it_is_back_and_ctrl_c_ends_it_meanwhile(tmp_path: Path) -> None:
    with _bound() as held:  # it listens to nobody, and keeps the port while the gateway is away
        port = int(held.getsockname()[1])
        url = f"http://127.0.0.1:{port}"
        session = tmp_path / "session.json"
        SessionFile(session).keep(url, Tokens(access="access", refresh="refresh"), current=True)
        at_home = {"BASKETRY_SESSION": str(session), "BASKETRY_GATEWAY": url}
        async with AsyncExitStack() as stack:
            async with served(_gateway(), on=_bound(port)):
                screen = await stack.enter_async_context(at_a_terminal("watch", environment=at_home))
                await screen.sees("live, ", timeout_s=60)
            await screen.sees("connection lost at ", timeout_s=60)
            assert "1,012.50" in screen.text
            async with served(_gateway(), on=_bound(port)):
                await _newest(screen, "live, ", "connection lost")
            await _newest(screen, "connection lost", "live, ")
            screen.presses_ctrl_c()
            assert await screen.ends(timeout_s=20) == 0
            assert screen.text.rstrip().endswith("trying again; values are of then"), "what stays on the screen"
