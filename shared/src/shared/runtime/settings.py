"""Settings are read once, from the environment, in a service's `main.py`; the rooms receive plain values."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PostgresDsn,
    Secret,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.runtime.bybit.hosts import MAINNET_HOSTS, addresses, public_sockets
from shared.trading.errors import Invalid
from shared.trading.status import VenueEnvironment

LINK_KEY_BYTES_MIN = 16
"""A shorter key would let look-alikes of our ids pass."""


class EnvironmentNotOpen(Invalid):
    """The operator has not opened this venue environment."""

    code = "environment_not_enabled"
    title = "This trading environment is not switched on"


def service_config(prefix: str) -> SettingsConfigDict:
    """The configuration of a service's settings: immutable, read from `<PREFIX>…`, nested values as JSON.

    Args:
        prefix: Such as `EXECUTION_`.
    """
    return SettingsConfigDict(
        env_prefix=prefix,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        validate_default=True,
    )


class ServiceSettings(BaseSettings):
    """What every service is told.

    Attributes:
        database_dsn: The login role's; row-level security binds it.
        relay_dsn: The outbox relay's role, which sees the rows of all users but no other table.
        nats_seed: The service's own nkey; None only where the bus asks for none (tests).
        http_port: Where `/livez`, `/readyz` and `/metrics` are served; 0 takes a free one.
    """

    database_dsn: Secret[PostgresDsn] | None = None
    relay_dsn: Secret[PostgresDsn] | None = None
    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: SecretStr | None = None
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535)
    log_level: str = "INFO"
    log_json: bool = True


class LinkSettings(BaseModel):
    """Mixin of the services that make or read our client order ids.

    Attributes:
        link_key: Hex of at least 16 bytes; the key of the check in our client order ids, the same in execution, keys
            and reconciler.
    """

    link_key: SecretStr

    @field_validator("link_key")
    @classmethod
    def _hex_of_16_bytes(cls, value: SecretStr) -> SecretStr:
        if len(bytes.fromhex(value.get_secret_value())) < LINK_KEY_BYTES_MIN:
            raise ValueError(f"the link key must have at least {LINK_KEY_BYTES_MIN} bytes")
        return value

    def link_key_bytes(self) -> bytes:
        """The key itself."""
        return bytes.fromhex(self.link_key.get_secret_value())


class VenueHost(BaseModel):
    """Where a venue answers.

    Attributes:
        rest: Base address of the REST API, without a path.
        private_stream: Address of the private socket.
        public_stream: Address of the public spot socket.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rest: str
    private_stream: str
    public_stream: str

    @classmethod
    def of_site(cls, environment: VenueEnvironment, site: str) -> Self:
        """A site that Bybit documents, such as `global` or `kz`.

        Raises:
            ValueError: The environment has no such site.
        """
        found = addresses(environment, site)
        return cls(rest=found.rest, private_stream=found.private_socket, public_stream=found.public_socket)


class VenueSettings(BaseModel):
    """Mixin of the services that may reach a venue; an environment that is not listed is not open.

    Attributes:
        live_trading: The operator's switch: without it `mainnet` stays closed even when it is listed.
        venues: By environment the name of a site that Bybit documents (`{"testnet": "global"}`), or full addresses.
            Keys, orders and answers never travel unencrypted: addresses are https and wss, but for loopback (tests)
            and, with play money, the private network. A host of mainnet stands under `mainnet` alone.
    """

    live_trading: bool = False
    venues: dict[VenueEnvironment, VenueHost] = Field(default_factory=dict)

    @field_validator("venues", mode="before")
    @classmethod
    def _sites_by_name(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: VenueHost.of_site(VenueEnvironment(name), host) if isinstance(host, str) else host
            for name, host in value.items()
        }

    @field_validator("venues", mode="after")
    @classmethod
    def _open_ones(
        cls, value: dict[VenueEnvironment, VenueHost], info: ValidationInfo
    ) -> dict[VenueEnvironment, VenueHost]:
        for environment, host in value.items():
            _encrypted(environment, host)
            _apart_from_mainnet(environment, host)
        live = info.data.get("live_trading", False)
        return {name: host for name, host in value.items() if live or name is not VenueEnvironment.MAINNET}

    def host(self, environment: VenueEnvironment) -> VenueHost:
        """The host of an open environment.

        Raises:
            EnvironmentNotOpen: code `mainnet_not_enabled` for live trading, else `environment_not_enabled`.
        """
        return open_host(self.venues, environment)


def _encrypted(environment: VenueEnvironment, host: VenueHost) -> None:
    near = _private if environment is VenueEnvironment.PAPER else _loopback
    for address, scheme in ((host.rest, "https"), (host.private_stream, "wss"), (host.public_stream, "wss")):
        parts = urlsplit(address)
        if parts.scheme != scheme and not near(parts.hostname or ""):
            raise ValueError(f"{environment.value} needs {scheme} addresses")


def _apart_from_mainnet(environment: VenueEnvironment, host: VenueHost) -> None:
    """Else real money would move under the name of another environment, whatever the operator's switch says."""
    if environment is VenueEnvironment.MAINNET:
        return
    shared = host.public_stream in public_sockets(environment)
    for address in (host.rest, host.private_stream, *(() if shared else (host.public_stream,))):
        if (urlsplit(address).hostname or "").rstrip(".") in MAINNET_HOSTS:
            raise ValueError(f"{environment.value} must not use a host of mainnet")


def _loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _private(name: str) -> bool:
    """An address of the private network, or a name without a dot, which only a network of containers resolves."""
    try:
        return ip_address(name).is_private
    except ValueError:
        return bool(name) and "." not in name


def open_host(venues: dict[VenueEnvironment, VenueHost], environment: VenueEnvironment) -> VenueHost:
    """The host of an open environment.

    Raises:
        EnvironmentNotOpen: code `mainnet_not_enabled` for live trading, else `environment_not_enabled`.
    """
    found = venues.get(environment)
    if found is not None:
        return found
    if environment is VenueEnvironment.MAINNET:
        raise EnvironmentNotOpen(
            "Live trading is switched off here; nothing was sent. The operator has to enable it.",
            code="mainnet_not_enabled",
        )
    raise EnvironmentNotOpen(f"The {environment} environment is switched off here; nothing was sent.")


def dsn_text(dsn: Secret[PostgresDsn] | None, *, name: str = "DATABASE_DSN") -> str:
    """A DSN in plain text, for the one place that opens the pool.

    Raises:
        ValueError: It is not set; the message names the setting, never its value.
    """
    if dsn is None:
        raise ValueError(f"the setting {name} is missing")
    return str(dsn.get_secret_value())
