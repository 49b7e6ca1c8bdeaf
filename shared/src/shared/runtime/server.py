"""The HTTP server of a process."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from shared.runtime.settings import ServiceSettings
from shared.runtime.sockets import SOCKETS

GRACEFUL_S = 5
"""Second line: streams are closed on the signal itself (`on_terminate`)."""


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until told to end; a clean stop re-raises the signal, so that status −15 means success."""
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_S,
        backlog=2048,
        **SOCKETS,
    )
