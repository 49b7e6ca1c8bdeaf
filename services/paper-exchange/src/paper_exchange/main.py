"""Entry point: `python -m paper_exchange.main` serves the venue and the CoinGecko replay from one process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop

from paper_exchange.settings import Settings
from paper_exchange.wiring import Venue
from shared.runtime.logging import configure_logging

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the process: two servers share it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: object, settings: Settings, port: int) -> _Server:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.host,
        port=port,
        lifespan="off",
        http="httptools",  # half of what an order costs is reading its request
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # the venue leaves pings to its clients
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    return _Server(config)


async def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; raises when the journal cannot be written any more."""
    venue = Venue(settings)
    servers = [
        _server(venue.app(), settings, settings.http_port),
        _server(venue.coingecko_app(), settings, settings.coingecko_port),
    ]
    gc.freeze()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    running = asyncio.create_task(venue.run())
    running.add_done_callback(lambda _: stop())
    log.info("venue_started", port=settings.http_port, coingecko_port=settings.coingecko_port, feed=settings.feed)
    try:
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        failed = running.done() and not running.cancelled()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        if not failed:
            venue.close()
        log.info("venue_stopped")


def main() -> None:
    """Run the venue."""
    settings = Settings()
    configure_logging("paper-exchange", level=settings.log_level, json=settings.log_json)
    # What the venue remembers is never garbage: looking through a million orders again and again stops everything.
    gc.set_threshold(100_000, 50, 1_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()
