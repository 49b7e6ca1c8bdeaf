"""What each environment of the venue can do: one table, a source per row.

Sources: demo = Bybit docs, demo trading, its list of endpoints (read 2026-07-24); batch-place, rate-limit and connect
are pages of the same docs; paper = our own exchange, which serves what the product calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.trading.status import VenueEnvironment

_MAINNET, _TESTNET, _DEMO, _PAPER = (
    VenueEnvironment.MAINNET,
    VenueEnvironment.TESTNET,
    VenueEnvironment.DEMO,
    VenueEnvironment.PAPER,
)
_REAL = frozenset({_MAINNET, _TESTNET})
_ALL = frozenset(VenueEnvironment)


class Ability(StrEnum):
    """Something that not every environment can do."""

    SPOT_ORDER = "order/create, order/cancel and their queries take spot orders"
    SPOT_BATCH = "order/create-batch takes spot orders; otherwise orders go one by one"
    KEY_INFO = "user/query-api answers"
    FEE_RATE = "account/fee-rate answers"
    BORROW_CHECK = "order/spot-borrow-check answers"
    COIN_INFO = "asset/coin/query-info answers"
    TRANSACTION_LOG = "account/transaction-log answers"
    PRICE_LIMIT = "market/price-limit answers, like all market endpoints"
    PRIVATE_STREAM = "a private socket of its own"
    PUBLIC_STREAM = "a public socket of its own; otherwise mainnet's serves"
    ORDER_SOCKET = "orders may be sent over a socket"


TABLE: dict[Ability, tuple[frozenset[VenueEnvironment], str]] = {
    Ability.SPOT_ORDER: (_ALL, "demo: create, cancel, realtime, history and execution/list are listed"),
    Ability.SPOT_BATCH: (_REAL | {_PAPER}, "demo: batches for linear and option only; batch-place: spot elsewhere"),
    Ability.KEY_INFO: (_REAL | {_PAPER}, "demo: not listed"),
    Ability.FEE_RATE: (_REAL | {_PAPER}, "demo: not listed"),
    Ability.BORROW_CHECK: (_REAL | {_PAPER}, "demo: not listed"),
    Ability.COIN_INFO: (_REAL | {_PAPER}, "demo: not listed"),
    Ability.TRANSACTION_LOG: (_ALL, "demo: listed"),
    Ability.PRICE_LIMIT: (_ALL, "demo: all market endpoints are listed"),
    Ability.PRIVATE_STREAM: (_ALL, "demo: order, execution, wallet are listed"),
    Ability.PUBLIC_STREAM: (_REAL | {_PAPER}, "demo: only a private socket is listed"),
    Ability.ORDER_SOCKET: (_REAL, "demo: not supported; paper: not served"),
}

ORDERS_KEPT_DAYS: dict[VenueEnvironment, tuple[int, str]] = {
    _MAINNET: (730, "order-list: two years for orders with fills"),
    _TESTNET: (730, "order-list: two years for orders with fills"),
    _DEMO: (7, "demo: orders are kept for seven days"),
    _PAPER: (730, "paper: kept until it is reset"),
}
CONNECTIONS_INTERVAL_S: dict[VenueEnvironment, tuple[float, str]] = {
    _MAINNET: (0.6, "rate-limit: 500 new sockets in 5 minutes from one address"),
    _TESTNET: (0.6, "rate-limit: 500 new sockets in 5 minutes from one address"),
    _DEMO: (0.6, "rate-limit: 500 new sockets in 5 minutes from one address"),
    _PAPER: (0.0, "paper: not limited"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One environment.

    Attributes:
        abilities: What it can do.
        orders_kept_days: Finished orders older than this cannot be asked for any more.
        connections_interval_s: Seconds between two new sockets from one address.
    """

    abilities: frozenset[Ability]
    orders_kept_days: int
    connections_interval_s: float

    def can(self, ability: Ability) -> bool:
        """Whether it can."""
        return ability in self.abilities

    @property
    def spot_batch(self) -> bool:
        """Whether `create-batch` takes spot orders."""
        return self.can(Ability.SPOT_BATCH)

    @property
    def key_info(self) -> bool:
        """Whether `user/query-api` answers."""
        return self.can(Ability.KEY_INFO)


CAPABILITIES: dict[VenueEnvironment, Capabilities] = {
    environment: Capabilities(
        abilities=frozenset(ability for ability, (where, _) in TABLE.items() if environment in where),
        orders_kept_days=ORDERS_KEPT_DAYS[environment][0],
        connections_interval_s=CONNECTIONS_INTERVAL_S[environment][0],
    )
    for environment in VenueEnvironment
}
SPOT_BATCH_MAX = 10
"""Orders in one spot batch (Bybit docs: batch-place)."""
