"""A bus of a test's own: the real NATS server with the topology in it, each service behind its own nkey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from pydantic import SecretStr

from basketry_local.servers.nats import NatsServer
from shared.contracts.topology import SERVICES
from shared.runtime.provisioning import (
    PROVISIONER,
    NatsIdentity,
    authorization,
    connect_provisioner,
    new_seed,
    provision_bus,
)

TESTER = "tester"
"""An identity that may do everything: tests look into streams and publish nonsense with it."""


@dataclass(frozen=True, slots=True)
class Bus:
    """A running, provisioned bus.

    Args:
        server: The server itself: `kill()`, `start()`, `stop()`.
        seeds: Private keys by service; `tester` may do everything.
    """

    server: NatsServer
    seeds: Mapping[str, SecretStr]

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:…`."""
        return self.server.url

    def seed(self, service: str) -> SecretStr:
        """A service's private key."""
        return self.seeds[service]

    @asynccontextmanager
    async def connect(self, who: str = TESTER) -> AsyncIterator[Client]:
        """A raw connection as a service, or as the all-powerful tester."""
        client = await nats.connect(
            self.url,
            nkeys_seed_str=self.seeds[who].get_secret_value(),
            inbox_prefix=f"_INBOX_{who}".encode(),
            connect_timeout=5,
        )
        try:
            yield client
        finally:
            await client.close()

    async def provision(self) -> None:
        """Make streams and consumers; again after the server's store was lost."""
        async with connect_provisioner(self.url, self.seeds[PROVISIONER]) as js:
            await provision_bus(js)


def new_seeds() -> dict[str, SecretStr]:
    """Fresh private keys for the provisioner, the tester and every service."""
    return {name: new_seed() for name in (*SERVICES, PROVISIONER, TESTER)}


def authorization_with_tester(seeds: Mapping[str, SecretStr]) -> dict[str, object]:
    """The product's permissions, and a user without limits beside them."""
    identities = [NatsIdentity(name, seed) for name, seed in seeds.items()]
    block = authorization(one for one in identities if one.name != TESTER)
    tester = next(one for one in identities if one.name == TESTER)
    return {"users": [*block["users"], {"nkey": tester.public_key}]}
