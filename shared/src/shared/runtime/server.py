"""The HTTP server of a process."""

from __future__ import annotations

import gc

import uvicorn
from fastapi import FastAPI

from shared.runtime.settings import ServiceSettings
from shared.runtime.sockets import SOCKETS

GRACEFUL_S = 5
"""Second line: streams are closed on the signal itself (`on_terminate`)."""

COLLECTED_AFTER = (10_000, 20, 50)
"""Objects before the collector looks for cycles: at the default of 700 it looks several times in one request or basket,
over all that was imported; what is not in a cycle goes at once as ever."""


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until told to end; a clean stop re-raises the signal, so that status −15 means success."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
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
