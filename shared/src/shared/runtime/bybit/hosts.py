"""Where Bybit answers: one table of sites, a source per row. An operator names the site, or gives addresses of his own.

A key works only on the site of its account: elsewhere it answers 10003. Sources: guide and connect = Bybit docs, v5
(integration guidance, ws/connect; read 2026-11-20); demo = their page on demo trading. Where the docs name no stream of
a site, the global one serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.trading.status import VenueEnvironment

GLOBAL = "global"
"""The site of www.bybit.com."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """One site of one environment.

    Attributes:
        rest: Scheme and host.
        stream: Scheme and host of its sockets.
        public_stream: The same for public topics, where it differs.
        source: Where it is said.
    """

    rest: str
    stream: str
    source: str
    public_stream: str = ""

    @property
    def private_socket(self) -> str:
        """The private socket."""
        return f"{self.stream}/v5/private"

    @property
    def public_socket(self) -> str:
        """The public socket of spot."""
        return f"{self.public_stream or self.stream}/v5/public/spot"


_STREAM = "wss://stream.bybit.com"

SITES: dict[VenueEnvironment, dict[str, Addresses]] = {
    VenueEnvironment.MAINNET: {
        GLOBAL: Addresses(rest="https://api.bybit.com", stream=_STREAM, source="guide, connect"),
        "bytick": Addresses(rest="https://api.bytick.com", stream=_STREAM, source="guide: second address of global"),
        "nl": Addresses(rest="https://api.bybit.nl", stream=_STREAM, source="guide; no stream named"),
        "eu": Addresses(
            rest="https://api.bybit.eu", stream=_STREAM, source="guide: only keys of broker apps; no stream"
        ),
        "ae": Addresses(rest="https://api.bybit.ae", stream=_STREAM, source="guide; no stream named"),
        "id": Addresses(rest="https://api.bybit.id", stream="wss://stream.bybit.id", source="guide, connect"),
        "tr": Addresses(rest="https://api.bybit.tr", stream="wss://stream.bybit.tr", source="guide, trade guideline"),
        "kz": Addresses(rest="https://api.bybit.kz", stream="wss://stream.bybit.kz", source="guide, connect"),
        "ge": Addresses(
            rest="https://api.bybitgeorgia.ge", stream="wss://stream.bybitgeorgia.ge", source="guide, connect"
        ),
    },
    VenueEnvironment.TESTNET: {
        GLOBAL: Addresses(
            rest="https://api-testnet.bybit.com", stream="wss://stream-testnet.bybit.com", source="guide, connect"
        ),
    },
    VenueEnvironment.DEMO: {
        GLOBAL: Addresses(
            rest="https://api-demo.bybit.com",
            stream="wss://stream-demo.bybit.com",
            public_stream=_STREAM,
            source="demo: a private socket only, public topics are mainnet's",
        ),
    },
}


MAINNET_HOSTS = frozenset(
    urlsplit(address).hostname
    for site in SITES[VenueEnvironment.MAINNET].values()
    for address in (site.rest, site.private_socket, site.public_socket)
)
"""Where real money moves."""


def public_sockets(environment: VenueEnvironment) -> frozenset[str]:
    """The public sockets of an environment's sites; demo's is mainnet's, by design."""
    return frozenset(site.public_socket for site in SITES.get(environment, {}).values())


def addresses(environment: VenueEnvironment, site: str) -> Addresses:
    """The addresses of a site.

    Raises:
        ValueError: The environment has no such site; the message names those it has.
    """
    sites = SITES.get(environment, {})
    if site not in sites:
        known = ", ".join(sorted(sites)) or "none, give its addresses"
        raise ValueError(f"{environment.value} has no site {site!r}; known: {known}")
    return sites[site]
