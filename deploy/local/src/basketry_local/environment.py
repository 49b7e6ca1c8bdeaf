"""What each process is told: the same settings that compose and a cluster give, pointed at the local parts."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from basketry_local.data_folder import DataFolder
from basketry_local.keyring import Keyring
from basketry_local.ports import LOOPBACK, free_port, hold_port, is_free
from shared.contracts.topology import SERVICES
from shared.runtime.provisioning import SCHEMAS

EXCHANGE = "paper_exchange"
DEFAULT_PORTS = {"gateway": 8080, EXCHANGE: 8090, "coingecko": 8091}
_VENUE_READERS = ("keys", "market_data", "execution", "reconciler")
_LINK_KEEPERS = ("keys", "execution", "reconciler")
FURTHER_VENUES = "BASKETRY_VENUES"
"""Venues that a person opens beside the paper exchange, as the services' `…_VENUES` take them."""


class SettingUnreadable(RuntimeError):
    """A setting of the local run cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens; 127.0.0.1 only.

    Args:
        by_part: Port of every service, of `paper_exchange`, `coingecko`, `postgres` and `nats`.
        replaced: Default ports that were taken: part → the port that was wanted.
        held: Kept from everybody else until the part itself starts.
    """

    by_part: Mapping[str, int]
    replaced: Mapping[str, int]
    held: dict[str, socket.socket]

    def __getitem__(self, part: str) -> int:
        return self.by_part[part]

    def url(self, part: str) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://{LOOPBACK}:{self.by_part[part]}"

    def release(self, *parts: str) -> None:
        """Let go of ports: of the named parts, which are about to listen there, or of all."""
        for part in parts or tuple(self.held):
            if part in self.held:
                self.held.pop(part).close()


def choose_ports(wanted: Mapping[str, int] | None = None) -> Ports:
    """Take the default ports where they are free, others elsewhere.

    Args:
        wanted: Port by part; 0 asks for any free one. Without it the defaults.
    """
    asked = DEFAULT_PORTS if wanted is None else wanted
    chosen: dict[str, int] = {}
    replaced: dict[str, int] = {}
    held: dict[str, socket.socket] = {}
    for part in (*SERVICES, EXCHANGE, "coingecko", "postgres", "nats"):
        port = asked.get(part, 0)
        if port and not is_free(port):
            replaced[part] = port
            port = 0
        while not port or port in chosen.values():
            port = free_port()
        chosen[part] = port
        hold = hold_port(port)
        if hold is not None:
            held[part] = hold
    return Ports(chosen, replaced, held)


def service_environment(
    service: str, *, keyring: Keyring, ports: Ports, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of one service's process.

    Args:
        service: Its import name.
        keyring: The secrets it gets its own from.
        ports: Where everything listens.
        extra: Settings that win over everything else (tests: time scales, addresses of proxies).
    """
    prefix = f"{service.upper()}_"
    settings = {
        "DATABASE_DSN": database_dsn(service, service, keyring=keyring, ports=ports),
        "RELAY_DSN": database_dsn(service, f"{service}_relay", keyring=keyring, ports=ports),
        "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}",
        "NATS_SEED": keyring.seed(service).get_secret_value(),
        "HTTP_PORT": str(ports[service]),
        **_special(service, keyring=keyring, ports=ports),
    }
    if service in _VENUE_READERS:
        settings["VENUES"] = json.dumps({**_further_venues(), "paper": _paper_venue(ports)})
    if service in _LINK_KEEPERS:
        settings["LINK_KEY"] = keyring.link_key.get_secret_value()
    return {**_inherited(), **{prefix + name: value for name, value in settings.items()}, **(extra or {})}


def exchange_environment(
    *, folder: DataFolder, keyring: Keyring, ports: Ports, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of the paper exchange's process."""
    settings = {
        "HTTP_PORT": str(ports[EXCHANGE]),
        "COINGECKO_PORT": str(ports["coingecko"]),
        "DATA_FOLDER": str(folder.exchange),
        "ADMIN_TOKEN": keyring.paper_admin_token.get_secret_value(),
    }
    return {**_inherited(), **{f"PAPER_EXCHANGE_{name}": value for name, value in settings.items()}, **(extra or {})}


def database_dsn(service: str, role: str, *, keyring: Keyring, ports: Ports, database: str | None = None) -> str:
    """A role's address of the database in which its service's schema lives; `database` where it lives in two."""
    database = database or next(schema.database for schema in SCHEMAS if schema.service == service)
    password = keyring.password(role).get_secret_value()
    return f"postgresql://{role}:{password}@{LOOPBACK}:{ports['postgres']}/{database}"


def _special(service: str, *, keyring: Keyring, ports: Ports) -> dict[str, str]:
    if service == "auth":
        return {"SIGNING_KEY_FILE": str(keyring.signing_key_file)}
    if service == "keys":
        return {
            "KEK_FILE": str(keyring.kek_file),
            "PAPER_CONTROL_URL": ports.url(EXCHANGE),
            "PAPER_ADMIN_TOKEN": keyring.paper_admin_token.get_secret_value(),
        }
    if service == "market_data":
        return {
            "COINGECKO_URL": os.environ.get("MARKET_DATA_COINGECKO_URL") or f"{ports.url('coingecko')}/api/v3/",
            "USERS_DSN": database_dsn(service, service, keyring=keyring, ports=ports, database="user_data"),
            "USERS_RELAY_DSN": database_dsn(
                service, f"{service}_relay", keyring=keyring, ports=ports, database="user_data"
            ),
        }
    if service == "gateway":
        return {
            "DEFAULT_ENVIRONMENT": "paper",
            "CORS_ORIGINS": os.environ.get("GATEWAY_CORS_ORIGINS", '["http://localhost:3000"]'),
        }
    return {}


def _further_venues() -> dict[str, object]:
    given = os.environ.get(FURTHER_VENUES, "").strip() or "{}"
    try:
        venues = json.loads(given)
    except ValueError as error:
        raise SettingUnreadable(f"{FURTHER_VENUES} is not JSON: {error}.") from error
    if not isinstance(venues, dict):
        raise SettingUnreadable(f'{FURTHER_VENUES} has to be an object such as {{"testnet": "global"}}.')
    return venues


def _paper_venue(ports: Ports) -> dict[str, str]:
    socket = f"ws://{LOOPBACK}:{ports[EXCHANGE]}/v5"
    return {
        "rest": ports.url(EXCHANGE),
        "private_stream": f"{socket}/private",
        "public_stream": f"{socket}/public/spot",
    }


def _inherited() -> dict[str, str]:
    """Everything from outside, so that any setting can be given there; bytecode is wanted, it starts services faster."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
        "PYTHONUNBUFFERED": "1"
    }
