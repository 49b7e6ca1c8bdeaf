"""The whole platform on this machine: servers, paper exchange and services as children of one process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import httpx
from nats.errors import Error as NatsError

from basketry_local.board import Board
from basketry_local.data_folder import DataFolder
from basketry_local.environment import EXCHANGE, Ports, choose_ports, exchange_environment, service_environment
from basketry_local.keyring import POSTGRES_ADMIN, Keyring
from basketry_local.launchers import Launcher, best_launcher
from basketry_local.preparation import bus_authorization, prepare_bus, prepare_databases
from basketry_local.processes import ProcessRegister
from basketry_local.servers.nats import NatsFailed, NatsServer
from basketry_local.servers.postgres import PostgresFailed, PostgresServer
from basketry_local.service_process import ServiceProcess
from shared.contracts.topology import SERVICES

READY_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.1
_AFTER_FAILURE_S = 1.0


class NotReady(RuntimeError):
    """A part did not come up; the message names it and shows the end of its log."""


class LocalPlatform:
    """Starts, watches and stops everything. The data folder must be locked by the caller.

    Args:
        folder: Where data, secrets and logs live.
        ports: Where to listen; the defaults or free ones if not given.
        settings: Further settings by name for every process (`EXECUTION_TIMES_SCALE`); they win.
        durable: False gives up on surviving a power cut, for tests.
        board: Shows what happens.
        services: Which of the services to run.
        launcher: Starts the services, and is closed by its owner; by default one of the platform's own.
    """

    def __init__(
        self,
        folder: DataFolder,
        *,
        ports: Ports | None = None,
        settings: Mapping[str, str] | None = None,
        durable: bool = True,
        board: Board | None = None,
        services: Sequence[str] = SERVICES,
        launcher: Launcher | None = None,
    ) -> None:
        self.folder = folder
        self.ports = ports or choose_ports()
        self.keyring = Keyring(folder.secrets)
        self.board = board or Board(quiet=True)
        self._settings = dict(settings or {})
        self._register = ProcessRegister(folder.run)
        self.postgres = PostgresServer(
            folder.postgres,
            password=self.keyring.password(POSTGRES_ADMIN).get_secret_value(),
            log=folder.logs / "postgres.log",
            durable=durable,
            port=self.ports["postgres"],
        )
        self.nats = NatsServer(
            folder.nats,
            name=f"basketry-{self.ports['nats']}",
            log=folder.logs / "nats.log",
            authorization=bus_authorization(self.keyring),
            durable=durable,
            port=self.ports["nats"],
        )
        self._rotate_logs()
        # It begins to import at once, while the servers start.
        self._own_launcher = launcher is None
        self._launcher = launcher or best_launcher((*services, EXCHANGE), folder.logs / "preload.log")
        self.exchange = self._exchange()
        self.services = {name: self._service(name) for name in services}
        self._bus_is_fresh = False

    @property
    def gateway_url(self) -> str:
        """Where people and clients come in."""
        return self.ports.url("gateway")

    @property
    def exchange_url(self) -> str:
        """The paper exchange's REST API."""
        return self.ports.url(EXCHANGE)

    def addresses(self) -> dict[str, str]:
        """URL by part, for `status` and for people."""
        return {
            **{part: self.ports.url(part) for part in (*SERVICES, EXCHANGE, "coingecko")},
            "nats": self.nats.url,
        }

    async def start(self) -> None:
        """Bring everything up; returns when every service is ready.

        Raises:
            NotReady: A part did not come up in time.
        """
        for name in self._register.end_leftovers():
            self.board.say(f"ended [bold]{name}[/], left behind by a runner that was killed")
        self._start_servers()
        self.board.set("provisioning", "starting", "databases, roles, tables, streams")
        await asyncio.gather(
            prepare_databases(self.postgres.admin_dsn, keyring=self.keyring, ports=self.ports),
            prepare_bus(keyring=self.keyring, ports=self.ports),
        )
        self.board.set("provisioning", "ready")
        # The ports are let go at the last moment, so that nobody else takes them in between.
        self.board.set("code", "starting", "the services are being imported")
        self._launcher.wait_until_loaded()
        self.board.set("code", "ready")
        for part in self._parts():
            self.board.set(part.name, "starting")
            self.ports.release(part.name, "coingecko" if part is self.exchange else part.name)
            part.start()
        await self.wait_until_ready()

    async def wait_until_ready(self, *names: str, within_s: float = READY_WITHIN_S) -> None:
        """Wait for the named parts, or for all of them.

        Raises:
            NotReady: The time is over, or a process ended while it was starting.
        """
        waiting = {part.name: part for part in self._parts() if not names or part.name in names}
        deadline = time.monotonic() + within_s
        async with httpx.AsyncClient(trust_env=False) as client:
            while waiting:
                answers = await asyncio.gather(*(part.ready(client) for part in waiting.values()))
                for name in [name for name, ready in zip(list(waiting), answers, strict=True) if ready]:
                    self.board.set(name, "ready")
                    del waiting[name]
                self._refuse_to_wait_for_the_dead(waiting)
                if waiting and time.monotonic() > deadline:
                    raise NotReady(_why(waiting.values(), f"not ready after {within_s:.0f} s"))
                await asyncio.sleep(_LOOK_EVERY_S)

    async def watch(self) -> None:
        """Start again whatever dies, with growing pauses; ends only by cancellation."""
        resting: dict[str, float] = {}
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                await self._watch_servers()
                for part in self._parts():
                    await self._watch_part(part, resting, client)
                await asyncio.sleep(_LOOK_EVERY_S)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch in the background for as long as the block runs."""
        task = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            # nats-py answers a cancellation in the middle of a request with a time-out: asked once is not enough.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_LOOK_EVERY_S)

    def stop(self) -> None:
        """Services first, all at once, then the venue, then what they stood on."""
        for service in self.services.values():
            service.ask_to_stop()
        deadline = time.monotonic() + 25
        for service in self.services.values():
            service.stop(patience_s=max(0.1, deadline - time.monotonic()))
            self.board.set(service.name, "stopped")
        self.exchange.stop(patience_s=10)
        if self._own_launcher:
            self._launcher.close()
        self.ports.release()
        self.nats.stop()
        self.postgres.stop()
        for name in ("nats", "postgres"):
            self._register.forget(name)

    def _parts(self) -> list[ServiceProcess]:
        return [self.exchange, *self.services.values()]

    def _start_servers(self) -> None:
        for name, server in (("postgres", self.postgres), ("nats", self.nats)):
            self.board.set(name, "starting")
            self.ports.release(name)
            server.start()
            self._note_server(name, server)
            self.board.set(name, "ready")

    def _note_server(self, name: str, server: PostgresServer | NatsServer) -> None:
        if server.process is not None:
            self._register.note(name, server.process.pid)

    async def _watch_servers(self) -> None:
        """A server that died is started again; the bus is provisioned again, since it may have lost everything."""
        try:
            if _has_died(self.postgres):
                self.board.set("postgres", "starting", "it had died")
                self.postgres.start()
                self._note_server("postgres", self.postgres)
                self.board.set("postgres", "ready", "again")
            if _has_died(self.nats):
                self.board.set("nats", "starting", "it had died")
                self._bus_is_fresh = True
                self.nats.start()
                self._note_server("nats", self.nats)
            if self._bus_is_fresh:
                await prepare_bus(keyring=self.keyring, ports=self.ports)
                self._bus_is_fresh = False
                self.board.set("nats", "ready", "again")
        except (PostgresFailed, NatsFailed, NatsError, OSError) as failure:
            self.board.say(f"[red]{failure}[/]; trying again")
            await asyncio.sleep(_AFTER_FAILURE_S)

    async def _watch_part(self, part: ServiceProcess, resting: dict[str, float], client: httpx.AsyncClient) -> None:
        now = time.monotonic()
        if part.alive:
            if self.board.parts[part.name].state != "ready" and await part.ready(client):
                self.board.set(part.name, "ready", f"restarted {part.restarts}×")
        elif part.name not in resting:
            resting[part.name] = now + part.restart_pause_s()
            self.board.set(part.name, "failed", f"ended with status {part.exit_status}; see {part.log.name}")
        elif now >= resting[part.name]:
            del resting[part.name]
            self.board.set(part.name, "starting", f"restart {part.restarts}")
            part.start()

    def _refuse_to_wait_for_the_dead(self, waiting: Mapping[str, ServiceProcess]) -> None:
        dead = [part for part in waiting.values() if not part.alive]
        if dead:
            raise NotReady(_why(dead, "ended while it was starting"))

    def _exchange(self) -> ServiceProcess:
        return ServiceProcess(
            EXCHANGE,
            environment=exchange_environment(
                folder=self.folder, keyring=self.keyring, ports=self.ports, extra=self._settings
            ),
            log=self.folder.logs / f"{EXCHANGE}.log",
            ready_url=f"{self.ports.url(EXCHANGE)}/readyz",
            register=self._register,
            launcher=self._launcher,
        )

    def _service(self, name: str) -> ServiceProcess:
        return ServiceProcess(
            name,
            environment=service_environment(name, keyring=self.keyring, ports=self.ports, extra=self._settings),
            log=self.folder.logs / f"{name}.log",
            ready_url=f"{self.ports.url(name)}/readyz",
            register=self._register,
            launcher=self._launcher,
        )

    def _rotate_logs(self) -> None:
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        for log in self.folder.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))


def _has_died(server: PostgresServer | NatsServer) -> bool:
    return server.process is not None and server.process.poll() is not None


def _why(parts: Iterable[ServiceProcess], what: str) -> str:
    listed = list(parts)
    names = ", ".join(part.name for part in listed)
    first = listed[0]
    return f"{names}: {what}. The end of {first.log}:\n{first.last_words()}"
