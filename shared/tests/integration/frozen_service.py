"""A service for tests that end it: `frozen_service.py <how>`; run as a process of its own."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from shared.contracts.topology import EXECUTION_ORDERS, ConsumerSpec
from shared.runtime.events import EventRouter
from shared.runtime.process import Process, serve
from shared.runtime.settings import ServiceSettings, service_config


class Settings(ServiceSettings):
    """Read from SAMPLE_…"""

    model_config = service_config("SAMPLE_")


def main(how: str) -> None:
    settings = Settings()
    closing = asyncio.Event()
    spec = EXECUTION_ORDERS
    if how == "drift":
        spec = ConsumerSpec(
            service="execution", purpose="orders", stream="ORDERS", filter_subject="orders.v1.>", max_ack_pending=7
        )

    async def freeze() -> None:
        await asyncio.sleep(0.5)
        time.sleep(60)  # noqa: ASYNC251 - this is the point

    process = Process(
        "execution",
        settings,
        events=[EventRouter(spec)],
        loops={"freeze": freeze} if how == "freeze" else {},
        on_terminate=[closing.set],
    )
    if how == "freeze":
        process.health._heartbeat._frozen_s = 2.0
    app = FastAPI()

    async def forever() -> AsyncIterator[bytes]:
        yield b"first\n"
        await closing.wait()
        yield b"last\n"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(forever())

    @app.get("/close")
    async def close() -> None:
        # As after the client has given up: nats-py reports CLOSED.
        assert process.broker._connection is not None
        await process.broker._connection.close()

    process.attach(app)
    serve(app, settings)


if __name__ == "__main__":
    main(sys.argv[1])
