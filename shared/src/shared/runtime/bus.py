"""The connection to NATS: never gives up silently, never hides a refused permission."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import nats.errors
from faststream import AckPolicy
from faststream.nats import NatsBroker, NatsMessage
from faststream.nats.security import NatsNKey
from nats.aio.client import Client
from prometheus_client import CollectorRegistry, Counter

from shared.runtime.death import die
from shared.runtime.logging import get_logger
from shared.runtime.settings import ServiceSettings

log = get_logger(__name__)

GRACEFUL_S = 20.0
"""Running handlers get this long at shutdown."""


_CLOSING: WeakSet[Client] = WeakSet()
"""Raw connections that are being closed on purpose."""


class BusHealth:
    """What the connections of one process have heard.

    Attributes:
        violations: Subjects that the server refused: a denied publish looks like a time-out to its caller, so only
            this makes it visible; any of them makes the process unready.
        stopping: Set before the connections are closed on purpose.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.violations: set[str] = set()
        self.stopping = False
        self._reconnected: list[Callable[[], None]] = []
        self._errors = Counter("bus_errors", "Errors heard from the NATS client", ["kind"], registry=registry)

    def when_reconnected(self, callback: Callable[[], None]) -> None:
        """Call this after each reconnect."""
        self._reconnected.append(callback)

    async def on_error(self, error: Exception) -> None:
        """Heard from the client: an asynchronous error."""
        text = str(error)
        if "permissions violation" in text.lower():
            self._errors.labels("permission").inc()
            self.violations.add(text[:200])
            log.error("bus_permission_refused", detail=text)
            return
        self._errors.labels("connection").inc()
        log.warning("bus_error", error=type(error).__name__, detail=text)

    async def on_disconnected(self) -> None:
        """Heard from the client: the connection is gone, it tries again by itself."""
        if not self.stopping:
            log.warning("bus_disconnected")

    async def on_reconnected(self) -> None:
        """Heard from the client."""
        log.info("bus_reconnected")
        for callback in self._reconnected:
            callback()

    async def on_closed(self) -> None:
        """Heard from the client: it gave up. A pull subscriber would freeze the loop from here on, so end."""
        if not self.stopping:
            die("bus_closed")

    def callbacks(self) -> dict[str, Any]:
        """The client's keyword arguments."""
        return {
            "error_cb": self.on_error,
            "disconnected_cb": self.on_disconnected,
            "reconnected_cb": self.on_reconnected,
            "closed_cb": self.on_closed,
        }


def _options(service: str, role: str) -> dict[str, Any]:
    return {
        "name": f"{service}-{role}",
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 1,
        "connect_timeout": 5,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "pending_size": 8 << 20,
        "drain_timeout": 10,
    }


def make_broker(service: str, settings: ServiceSettings, health: BusHealth, *, middlewares: Any = ()) -> NatsBroker:
    """The broker of a process, not yet connected; declares nothing and keeps inside its own inbox."""
    seed = settings.nats_seed
    return NatsBroker(
        settings.nats_url,
        security=NatsNKey.from_seed(seed.get_secret_value()) if seed else None,
        inbox_prefix=f"_INBOX_{service}",
        graceful_timeout=GRACEFUL_S,
        # Our consumers answer each message themselves; should one ever not, it must come back, never be lost.
        ack_policy=AckPolicy.NACK_ON_ERROR,
        middlewares=middlewares,
        # Our handlers take the message as it is (`whole`): the injection of arguments costs three hops to other
        # threads for each message.
        apply_types=False,
        logger=logging.getLogger("faststream.bus"),
        log_level=logging.DEBUG,
        **health.callbacks(),
        **_options(service, "broker"),
    )


async def whole(message: NatsMessage) -> NatsMessage:
    """Decoder that leaves the decoding to our handlers, which answer for malformed messages themselves."""
    return message


async def every(_message: NatsMessage) -> bool:
    """Filter that takes every message; the library's own is synchronous and runs in another thread each time."""
    return True


async def connect(service: str, settings: ServiceSettings, health: BusHealth, *, role: str) -> Client:
    """A raw connection beside the broker's: for the outbox relay and for the browsers' feed."""
    seed = settings.nats_seed
    client = Client()

    async def on_closed() -> None:
        if client not in _CLOSING:
            await health.on_closed()

    await client.connect(
        settings.nats_url,
        nkeys_seed_str=seed.get_secret_value() if seed else None,
        inbox_prefix=f"_INBOX_{service}".encode(),
        **{**health.callbacks(), "closed_cb": on_closed},
        **_options(service, role),
    )
    return client


async def close(client: Client) -> None:
    """Close a raw connection; what is still buffered goes out first when the server is there."""
    _CLOSING.add(client)
    if client.is_connected:
        with contextlib.suppress(nats.errors.Error, TimeoutError):
            await client.flush(timeout=2)
    await client.close()


def reconnect_died(client: Client) -> bool:
    """Whether the client's reconnecting has ended without a connection: it will never come back by itself."""
    task = client._reconnection_task  # noqa: SLF001 - the client has no public sign of it
    return not client.is_connected and not client.is_closed and task is not None and task.done()
