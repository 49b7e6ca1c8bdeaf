"""Our side of the comparison: what execution's books say about one venue account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.trading.holding import Holding
from shared.trading.money import QUOTE_ASSET, ZERO
from shared.trading.status import PositionStatus, VenueEnvironment

VALUED = frozenset({PositionStatus.ACTIVE, PositionStatus.REBALANCING, PositionStatus.CLOSING})
"""Statuses in which a position is re-valued on quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A venue account and its owner."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCoin:
    """One coin of one position; quantity in base units, cost and realised in quote units."""

    asset: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    target_weight: Decimal

    def holding(self) -> Holding:
        """The same for the rules of average cost."""
        return Holding(quantity=self.quantity, cost=self.cost, realised=self.realised)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBook:
    """One position in our books; amounts in quote units.

    Attributes:
        fees: So far, at fill-time value.
        traded_at: Of the last fill or state change: an older book never replaces a newer one.
        cash: The position's own quote money: what sales of a rebalance brought and its purchases have not spent.
        withdrawn: Went back to the account's free money so far.
    """

    account: Account
    position_id: UUID
    status: PositionStatus
    index_id: str
    invested: Decimal
    proceeds: Decimal
    fees: Decimal
    coins: tuple[HeldCoin, ...]
    traded_at: datetime
    cash: Decimal = ZERO
    withdrawn: Decimal = ZERO

    @property
    def claims(self) -> tuple[HeldCoin, ...]:
        """What the account must hold for it: its coins, and its own cash as one more."""
        if not self.cash:
            return self.coins
        cash = HeldCoin(
            asset=QUOTE_ASSET,
            symbol=QUOTE_ASSET,
            quantity=self.cash,
            cost=self.cash,
            realised=ZERO,
            target_weight=ZERO,
        )
        return (*self.coins, cash)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order that our books hold for not finished."""

    client_order_id: str
    position_id: UUID
    symbol: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBooks:
    """Everything our books say about one account.

    Attributes:
        shortages: Per coin, what execution last found missing of it.
    """

    account: Account
    positions: tuple[PositionBook, ...]
    open_orders: tuple[OpenOrder, ...]
    first_trade_at: datetime | None
    shortages: Mapping[str, Decimal] = field(default_factory=dict)
