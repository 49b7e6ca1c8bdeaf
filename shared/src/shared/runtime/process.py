"""A service's process: connects, verifies, consumes, answers, tells its health, and stops in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from fastapi import FastAPI
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.prometheus import NatsPrometheusMiddleware
from nats.aio.client import Client
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from shared.runtime import bus
from shared.runtime.consumer_watch import AWAY, ConsumerDrift, ConsumerWatch, await_durable
from shared.runtime.consumption import Consumption
from shared.runtime.database import Database
from shared.runtime.death import die
from shared.runtime.events import EventRouter
from shared.runtime.health import Check, Health, health_router
from shared.runtime.inbox import prune_for_ever
from shared.runtime.logging import configure_logging, get_logger
from shared.runtime.relay import Relay, RelayMetrics
from shared.runtime.rpc import RpcClient, RpcRouter
from shared.runtime.server import serve
from shared.runtime.settings import ServiceSettings, dsn_text
from shared.runtime.signals import listen_for_termination
from shared.runtime.supervision import Loop, Supervisor
from shared.trading.clock import SystemClock

log = get_logger(__name__)

__all__ = ["Process", "serve"]

Hook = Callable[[], Awaitable[None]]

START_S = 15.0
"""The lifespan waits this long for the bus; after that the process serves its health while it goes on trying."""
STOP_BUS_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondOutbox:
    """The outbox of a service that lives in a second database.

    Attributes:
        schema: Its schema there.
        relay_dsn: The relay's role on that database.
        metrics: Prefix of its metrics.
    """

    schema: str
    relay_dsn: str
    metrics: str


class Process:
    """What every service runs in.

    Args:
        name: The service, with underscores: subject, inbox, queue group and schema.
        database: Closed at the end; readiness asks it.
        outbox: Of `outbox_table`; its relay runs here, and the inbox beside it is pruned.
        second_outbox: In another database; a relay of its own runs here too.
        events: One router per durable consumer.
        loops: Background loops by name; one that raises is started again after a pause.
        on_start: Called when the bus is connected, before anything is consumed or looped.
        on_stop: Called when handlers and loops have ended, before the bus is closed.
        on_terminate: Called in the moment of SIGTERM or SIGINT, before the server waits for open responses: closes
            browsers' streams. Must not block.
        ready_checks: More conditions of readiness; each raises while it does not hold.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        database: Database | None = None,
        outbox: sa.Table | None = None,
        second_outbox: SecondOutbox | None = None,
        events: Sequence[EventRouter] = (),
        rpc: Sequence[RpcRouter] = (),
        loops: Mapping[str, Loop] | None = None,
        on_start: Sequence[Hook] = (),
        on_stop: Sequence[Hook] = (),
        on_terminate: Sequence[Callable[[], None]] = (),
        ready_checks: Mapping[str, Check] | None = None,
    ) -> None:
        configure_logging(name, level=settings.log_level, json=settings.log_json)
        self.name = name
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._settings = settings
        self._database = database
        self.bus_health = bus.BusHealth(self.registry)
        self.broker = bus.make_broker(
            name,
            settings,
            self.bus_health,
            middlewares=[
                NatsPrometheusMiddleware(registry=self.registry, app_name=name),
                NatsTelemetryMiddleware(),
            ],
        )
        self.ask = RpcClient(self.broker)
        clock = SystemClock()
        self._consumptions = [Consumption(one, self.broker, service=name, clock=clock) for one in events]
        for router in rpc:
            router.attach(self.broker, service=name)
        self._relays = self._make_relays(outbox, second_outbox)
        self._inbox = outbox.metadata.tables.get(f"{outbox.schema}.inbox") if outbox is not None else None
        self._loops = dict(loops or {})
        self._on_start, self._on_stop, self._on_terminate = tuple(on_start), tuple(on_stop), tuple(on_terminate)
        self._supervisor = Supervisor(self.registry)
        self._watch: ConsumerWatch | None = None
        self._checks = {**self._own_checks(), **(ready_checks or {})}
        self.health = Health(self._checks, registry=self.registry)

    def api(self) -> FastAPI:
        """An application with nothing but health and metrics."""
        app = FastAPI(title=self.name, openapi_url=None, docs_url=None, redoc_url=None)
        self.attach(app)
        return app

    def attach(self, app: FastAPI) -> None:
        """Give an application `/livez`, `/readyz`, `/metrics` and this process's life around its own lifespan."""
        app.include_router(health_router(self.health))
        inner = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(of: FastAPI) -> AsyncIterator[object]:
            async with self.running(), inner(of) as state:
                yield state

        app.router.lifespan_context = lifespan  # type: ignore[assignment]

    def running(self) -> AbstractAsyncContextManager[None]:
        """Start, and stop at the end of the block."""
        return self._running()

    async def connect(self, role: str) -> Client:
        """One more raw connection to the bus, with the same options and rights; the caller closes it by `bus.close`."""
        return await bus.connect(self.name, self._settings, self.bus_health, role=role)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        self.health.start()
        restore = listen_for_termination((self._terminating, *self._on_terminate))
        bringing_up = asyncio.create_task(self._bring_up())
        try:
            await asyncio.wait([bringing_up], timeout=START_S)
            if bringing_up.done():
                bringing_up.result()
            else:
                bringing_up.add_done_callback(_die_of)
            yield
        finally:
            await self._shut_down(bringing_up)
            restore()

    def _terminating(self) -> None:
        self.health.stopping = True

    async def _bring_up(self) -> None:
        client = await self.broker.connect()
        streams = client.jetstream()
        for hook in self._on_start:
            await hook()
        for one in self._consumptions:
            await await_durable(streams, one.spec)
        await self.broker.start()
        # Only now does the server know our subscriptions: who hears that we are ready may ask at once.
        await client.flush(timeout=5)
        self._watch = ConsumerWatch(self._consumptions, streams)
        self._supervisor.start("consumer_watch", self._watch.run)
        self._supervisor.start("connection_watch", self._watch_connections)
        for name, relay in self._relays.items():
            self._supervisor.start(name, relay.run)
        if self._database is not None and self._inbox is not None:
            self._supervisor.start("prune_inbox", partial(prune_for_ever, self._database, self._inbox))
        for name, loop in self._loops.items():
            self._supervisor.start(name, loop)
        self.health.started = True
        log.info("started", consumers=[one.spec.name for one in self._consumptions], loops=sorted(self._loops))

    async def _shut_down(self, bringing_up: asyncio.Task[None]) -> None:
        """Readiness off, stop fetching, finish handlers, end loops, let the last events out, close the bus."""
        began = time.monotonic()
        self.health.stopping = True
        bringing_up.cancel()
        await asyncio.wait([bringing_up], timeout=5)
        await self._supervisor.stop("consumer_watch", "connection_watch")
        await asyncio.gather(*(one.stop() for one in self._consumptions))
        await self._supervisor.stop(*self._loops)
        for hook in self._on_stop:
            await hook()
        for relay in self._relays.values():
            await relay.drain()
        # A relay's own connection closes with its loop: from here on a closed connection is meant.
        self.bus_health.stopping = True
        await self._supervisor.stop()
        await self._close_bus()
        if self._database is not None:
            await self._database.close()
        self.health.stop()
        log.info("stopped", seconds=round(time.monotonic() - began, 2))

    async def _close_bus(self) -> None:
        client = self.broker._connection  # noqa: SLF001 - a drain needs a live connection, a close does not
        try:
            async with asyncio.timeout(STOP_BUS_S):
                await self.broker.stop()
        except (*AWAY, ExceptionGroup) as error:
            log.warning("bus_not_drained", error=type(error).__name__)
        if client is not None and not client.is_closed:
            await client.close()

    async def _watch_connections(self) -> None:
        """A client whose reconnecting has died stays deaf for ever."""
        while True:
            clients = [self.broker._connection, *(relay.client for relay in self._relays.values())]  # noqa: SLF001
            if any(client is not None and bus.reconnect_died(client) for client in clients):
                die("bus_reconnect_died")
            await asyncio.sleep(1)

    def _make_relays(self, outbox: sa.Table | None, second: SecondOutbox | None) -> dict[str, Relay]:
        relays: dict[str, Relay] = {}
        if outbox is not None:
            dsn = dsn_text(self._settings.relay_dsn, name="RELAY_DSN")
            relays["relay"] = self._make_relay(str(outbox.schema), dsn, RelayMetrics.on(self.registry))
        if second is not None:
            metrics = RelayMetrics.on(self.registry, prefix=second.metrics)
            relays["second_relay"] = self._make_relay(second.schema, second.relay_dsn, metrics)
        return relays

    def _make_relay(self, schema: str, dsn: str, metrics: RelayMetrics) -> Relay:
        relay = Relay(schema, dsn, lambda: self.connect("relay"), metrics)
        self.bus_health.when_reconnected(relay.reconnected)
        return relay

    def _own_checks(self) -> dict[str, Check]:
        checks: dict[str, Check] = {"bus": self._check_bus, "consumers": self._check_consumers}
        if self._database is not None:
            checks["database"] = self._database.ping
        return checks

    async def _check_bus(self) -> None:
        client = self.broker._connection  # noqa: SLF001 - `ping` would wait for the answer
        if client is None or not client.is_connected:
            raise RuntimeError("not connected")
        if self.bus_health.violations:
            raise RuntimeError(f"permission refused: {min(self.bus_health.violations)}")

    async def _check_consumers(self) -> None:
        silent = self._watch.silent() if self._watch is not None else []
        if silent:
            raise RuntimeError(f"not consuming: {', '.join(silent)}")


def _die_of(bringing_up: asyncio.Task[None]) -> None:
    """A start that went on in the background and failed must not leave a process that does nothing."""
    if not bringing_up.cancelled() and (error := bringing_up.exception()) is not None:
        kind = "consumer_drifted" if isinstance(error, ConsumerDrift) else "start_failed"
        die(kind, error=type(error).__name__, detail=str(error))
