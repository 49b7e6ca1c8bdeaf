"""A gateway of a few lines, served for one test of a client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from shared.testing import eventually


@asynccontextmanager
async def served(app: FastAPI, *, on: socket.socket | None = None) -> AsyncIterator[str]:
    """Its address while the block lasts.

    Args:
        on: A socket that is bound already; any free port otherwise.
    """
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[on] if on else None))
    await eventually(lambda: server.started or task.done(), because="the small gateway serves")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 30)
