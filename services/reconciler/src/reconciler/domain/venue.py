"""The venue's side of the comparison, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueExecution:
    """One match as the venue tells it; `base` and `quote` name the coins of its symbol where they are known."""

    exec_id: str
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """One order as the venue tells it."""

    client_order_id: str
    symbol: str
    status: str
    final: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLine:
    """One line of the transaction log that is no trade; `change` in units of `asset`, signed."""

    id: str
    type: str
    asset: str
    change: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """What the venue says about one account.

    Attributes:
        balances: Units of each coin, locked ones included; a coin that is not there is zero.
        executions: Matches since the cursor, oldest first, the user's own included.
        lines: What else moved coins since the cursor.
        open_orders: Those at the venue, the user's own included.
        looked_up: What the venue says about orders that our books hold for open and it does not list as open.
    """

    balances: dict[str, Decimal]
    executions: tuple[VenueExecution, ...]
    lines: tuple[VenueLine, ...]
    open_orders: tuple[VenueOrder, ...]
    looked_up: tuple[VenueOrder, ...]
    read_until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoView:
    """Why there is no view: `blind` is D11 (the key does not work), `gap` is D12 (a history cannot be read in full)."""

    kind: Literal["blind", "gap"]
    code: str
    detail: str
