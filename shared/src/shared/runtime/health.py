"""`/livez`: the loop turns. `/readyz`: what the work needs is there. `/metrics`: for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from shared.runtime.heartbeat import FROZEN_S, Heartbeat
from shared.runtime.logging import get_logger

log = get_logger(__name__)

Check = Callable[[], Awaitable[None]]

CHECK_S = 2.0


class Health:
    """What the probes are told.

    Attributes:
        started: Set when everything is up.
        stopping: Set at the first sign of the end: no new work, please.
    """

    def __init__(self, checks: Mapping[str, Check], *, registry: CollectorRegistry) -> None:
        self.started = False
        self.stopping = False
        self.registry = registry
        self._checks = dict(checks)
        self._heartbeat = Heartbeat()
        self._ready = Gauge("ready", "1 when the last readiness probe passed", registry=registry)
        self._told: dict[str, str] = {}

    def start(self) -> None:
        """Begin to watch the loop."""
        self.stopping = False
        self._heartbeat.start()

    def stop(self) -> None:
        """End it."""
        self.started = False
        self._heartbeat.stop()

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return self._heartbeat.age_s() < FROZEN_S

    async def faults(self) -> dict[str, str]:
        """Why the process is not ready, by check; empty when it is."""
        if self.stopping:
            return {"process": "stopping"}
        if not self.started:
            return {"process": "starting"}
        names = list(self._checks)
        found = await asyncio.gather(*(self._fault(self._checks[name]) for name in names))
        faults = {name: fault for name, fault in zip(names, found, strict=True) if fault}
        if faults != self._told:
            log.warning("readiness_changed", faults=faults)
            self._told = faults
        self._ready.set(0 if faults else 1)
        return faults

    async def _fault(self, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_S):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return ""


def health_router(health: Health) -> APIRouter:
    """The three routes, left out of the API's description."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        return JSONResponse({"status": "alive" if health.alive() else "frozen"}, 200 if health.alive() else 503)

    @router.get("/readyz")
    async def readyz() -> Response:
        faults = await health.faults()
        return JSONResponse({"status": "not ready" if faults else "ready", "faults": faults}, 503 if faults else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(health.registry), media_type=CONTENT_TYPE_LATEST)

    return router
