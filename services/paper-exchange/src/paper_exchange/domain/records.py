"""What happened: the journal's records, from which the whole state can be told again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from paper_exchange.domain.venue_records import (
    CoinConverted,
    LinkIdsForgotten,
    LiveViewForgotten,
    PairDelisted,
    RulesChanged,
    TradingHalted,
    TradingResumed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """An account exists."""

    uid: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIssued:
    """An API key of an account; issuing a known `api_key` again replaces its rights."""

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
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    """A key stops working."""

    api_key: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """Coins came in (positive) or went out (negative)."""

    uid: str
    transfer_id: str
    coin: str
    amount: Decimal
    kind: str
    at_ms: int


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class OrderAccepted:
    """An order passed every synchronous check; `locked` of `lock_coin` is set aside for it.

    Attributes:
        price: Limit price, or zero for a market order.
        limit_price: The price that matching respects: the limit, or the protected price of a market order.
        quantity: Base units, or quote units when `market_unit` is quoteCoin.
        slippage_type: `TickSize`, `Percent` or nothing; `slippage` its figure, as the client wrote it.
    """

    uid: str
    order_id: str
    link_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    price: Decimal
    limit_price: Decimal
    quantity: Decimal
    market_unit: str
    lock_coin: str
    locked: Decimal
    price_on_created: Decimal
    at_ms: int
    slippage_type: str = ""
    slippage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmended:
    """An open limit order has another price or quantity; it is matched afresh, as a taker.

    Attributes:
        price: Limit price from now on.
        quantity: Base units from now on, what was filled before included.
        locked: What is set aside for it from now on.
    """

    order_id: str
    price: Decimal
    quantity: Decimal
    locked: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRested:
    """A limit order stands in the book: from now on it is a maker."""

    order_id: str
    at_ms: int


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class FillBooked:
    """One match of an order: part of `OrderMatched`, so that a matching is on disk whole or not at all."""

    exec_id: str
    price: Decimal
    quantity: Decimal


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class OrderMatched:
    """An order traded, ended, or both.

    Attributes:
        status: The order's status from now on, Bybit's word.
        reject_reason: `EC_NoError` or why the rest did not trade.
        cancel_type: `UNKNOWN` or who cancelled.
    """

    order_id: str
    fills: tuple[FillBooked, ...]
    is_maker: bool
    status: str
    reject_reason: str
    cancel_type: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldReset:
    """All accounts, keys and orders are gone, and all notices; numbers that were given are not given again."""

    last_id: int
    last_uid: int
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesNoted:
    """The simulated mid prices in fine units, so that a restart goes on where it stopped."""

    prices: dict[str, int]
    at_ms: int


Record = (
    AccountOpened
    | KeyIssued
    | KeyRevoked
    | Transferred
    | OrderAccepted
    | OrderAmended
    | OrderRested
    | OrderMatched
    | PricesNoted
    | WorldReset
    | TradingHalted
    | TradingResumed
    | RulesChanged
    | PairDelisted
    | CoinConverted
    | LiveViewForgotten
    | LinkIdsForgotten
)
