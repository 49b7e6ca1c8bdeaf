"""Typed rows of the venue's answers: only the fields that we use, each checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.runtime.bybit.fields import Figure, FigureOrZero, Milliseconds, Text, VenueRow
from shared.runtime.bybit.outcomes import Accepted, Duplicate, NotOpen, RateLimited, Refused, Unknown
from shared.trading.money import plain
from shared.trading.status import Side


class OrderStatus(StrEnum):
    """Where an order stands at the venue (Bybit docs: enum, orderStatus)."""

    CREATED = "Created"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    UNTRIGGERED = "Untriggered"
    TRIGGERED = "Triggered"
    REJECTED = "Rejected"
    PARTIALLY_FILLED_CANCELED = "PartiallyFilledCanceled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    DEACTIVATED = "Deactivated"


FINAL_ORDERS = frozenset(
    {
        OrderStatus.REJECTED,
        OrderStatus.PARTIALLY_FILLED_CANCELED,
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.DEACTIVATED,
    }
)
"""After these an order trades no more."""


class OrderAck(VenueRow):
    """The venue took an order: an acknowledgement, never a fill."""

    order_id: Annotated[Text, Field(min_length=1)]
    order_link_id: Text = ""


class OrderRow(VenueRow):
    """An order as the venue knows it. Quantities in base units, prices in quote per base."""

    order_id: Annotated[Text, Field(min_length=1)]
    order_link_id: Text = ""
    symbol: Text
    side: Side
    price: FigureOrZero = Decimal(0)
    quantity: Figure = Field(alias="qty")
    status: OrderStatus = Field(alias="orderStatus")
    reject_reason: Text = ""
    filled_quantity: FigureOrZero = Field(alias="cumExecQty")
    updated_ms: Milliseconds = Field(alias="updatedTime")

    @property
    def final(self) -> bool:
        """Whether the order trades no more."""
        return self.status in FINAL_ORDERS


class ExecutionRow(VenueRow):
    """One match: price in quote per base, quantity in base units, fee in `fee_asset` (positive = paid)."""

    exec_id: Annotated[Text, Field(min_length=1)]
    exec_type: Text = "Trade"
    order_id: Text
    order_link_id: Text = ""
    symbol: Text
    side: Side
    price: Figure = Field(alias="execPrice")
    quantity: Figure = Field(alias="execQty")
    fee: FigureOrZero = Field(alias="execFee")
    fee_asset: Text = Field(default="", alias="feeCurrency")
    time_ms: Milliseconds = Field(alias="execTime")
    sequence: int = Field(default=0, alias="seq")


class WalletCoin(VenueRow):
    """One coin of an account, in its own units."""

    coin: Text
    wallet_balance: FigureOrZero
    locked: FigureOrZero = Decimal(0)

    @property
    def available(self) -> Decimal:
        """What a spot order may spend (cash account)."""
        return self.wallet_balance - self.locked


class WalletRow(VenueRow):
    """An account: the coins with a balance; in a stream frame only those that changed."""

    coins: tuple[WalletCoin, ...] = Field(alias="coin")

    def available(self, coin: str) -> Decimal:
        """What a spot order may spend of a coin; zero when the account holds none."""
        return next((row.available for row in self.coins if row.coin == coin), Decimal(0))


class TransactionRow(VenueRow):
    """One line of the transaction log: `change` = cashFlow + funding − fee, in `currency` units."""

    venue_id: Text = Field(default="", alias="id")
    symbol: Text = ""
    category: Text = ""
    side: Text = ""
    type: Text
    currency: Text
    quantity: FigureOrZero = Field(default=Decimal(0), alias="qty")
    fee: FigureOrZero = Decimal(0)
    change: FigureOrZero = Decimal(0)
    cash_balance: FigureOrZero = Decimal(0)
    trade_id: Text = ""
    order_id: Text = ""
    order_link_id: Text = ""
    time_ms: Milliseconds = Field(alias="transactionTime")

    @property
    def id(self) -> str:
        """The venue's id of the line; lines that were recorded without one get the same one at every reading.

        It is made of what the line says, the running balance among it: two movements that are alike in all of it,
        and so in the balance after them, moved nothing between them.
        """
        if self.venue_id:
            return self.venue_id
        figures = (plain(self.quantity), plain(self.fee), plain(self.change), plain(self.cash_balance))
        names = (self.type, self.currency, self.symbol, self.side, self.trade_id, self.order_id)
        told = "\n".join((str(self.time_ms), *names, *figures))
        return f"derived-{hashlib.sha256(told.encode()).hexdigest()[:32]}"

    @property
    def is_spot_trade(self) -> bool:
        """Whether an execution tells the same."""
        return self.type == "TRADE" and self.category in {"", "spot"}


LegOutcome = Accepted[OrderAck] | Refused | RateLimited | Duplicate | NotOpen | Unknown
"""What one order of a batch came to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReply:
    """The legs of a batch, in the order they were given."""

    legs: tuple[LegOutcome, ...]
