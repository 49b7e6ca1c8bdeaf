"""An account: keys, holdings, orders, and the log of every change."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from paper_exchange.domain.exact import sub
from paper_exchange.domain.order import Execution, Order
from shared.trading.money import ZERO

CLOSED_SHOWN_LIVE = 500
"""How many closed orders `order/realtime` still answers (Bybit: the last 500)."""


@dataclass(slots=True)
class Holding:
    """One coin: what is there, and what of it open orders have set aside."""

    wallet: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """What a new order may use."""
        return sub(self.wallet, self.locked)


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class LogEntry:
    """A row of the transaction log: one coin moved; `change` = `cash_flow` − `fee`."""

    entry_id: str
    kind: str
    coin: str
    cash_flow: Decimal
    fee: Decimal
    change: Decimal
    balance: Decimal
    at_ms: int
    execution: Execution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key and its rights; `expires_ms` 0 means never, `ips` `("*",)` anywhere."""

    uid: str
    key_id: str
    api_key: str
    api_secret: str = field(repr=False)
    rsa_public_key: str
    permissions: dict[str, tuple[str, ...]]
    read_only: bool
    ips: tuple[str, ...]
    environment: str
    note: str
    expires_ms: int
    created_ms: int

    @property
    def may_trade_spot(self) -> bool:
        """Allowed to place and cancel spot orders."""
        return not self.read_only and "SpotTrade" in self.permissions.get("Spot", ())


@dataclass(slots=True)
class Account:
    """Everything the venue knows about one customer; ids of orders, newest last."""

    uid: str
    opened_ms: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    recently_closed: deque[Order] = field(default_factory=lambda: deque(maxlen=CLOSED_SHOWN_LIVE))
    by_link_id: dict[str, Order] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)

    def holding(self, coin: str) -> Holding:
        """The holding of a coin, empty when it was never there."""
        found = self.holdings.get(coin)
        if found is None:
            found = self.holdings[coin] = Holding()
        return found

    def free(self, coin: str) -> Decimal:
        """What a new order may use of a coin."""
        found = self.holdings.get(coin)
        return found.free if found else ZERO
