"""What stands in an order book, and what an order would take of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from shared.trading.money import EXACT, ZERO, exact_product
from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLevel:
    """One price of a book: quote per base, and the base units that stand there."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The best levels of both sides of a book, best first.

    Attributes:
        at: When the venue's answer was received, UTC.
        levels: So many were asked for of each side: one with as many may go on. 0: this is the whole book.
    """

    symbol: str
    bids: Sequence[BookLevel]
    asks: Sequence[BookLevel]
    at: datetime
    levels: int = 0

    def mid(self) -> Decimal | None:
        """The middle of the best prices, quote per base; None where a side is empty."""
        if not self.asks or not self.bids:
            return None
        with localcontext(EXACT):
            return (self.asks[0].price + self.bids[0].price) / 2

    def goes_on(self, *, side: Side, limit: Decimal) -> bool:
        """Whether more than what was told may stand within a limit price (quote per base)."""
        told = self.asks if side is Side.BUY else self.bids
        if not self.levels or len(told) < self.levels:
            return False
        return told[-1].price <= limit if side is Side.BUY else told[-1].price >= limit

    def taking(self, *, side: Side, quantity: Decimal, limit: Decimal) -> tuple[Decimal, Decimal]:
        """What an immediate order would take now.

        Args:
            side: Which way it trades: buys take asks.
            quantity: Base units wanted.
            limit: Quote per base; nothing beyond it is taken.

        Returns:
            Base units, at most `quantity`, and what they come to in quote units.
        """
        taken, notional = ZERO, ZERO
        for level in self.asks if side is Side.BUY else self.bids:
            beyond = level.price > limit if side is Side.BUY else level.price < limit
            if beyond or taken >= quantity:
                break
            part = min(level.quantity, quantity - taken)
            taken += part
            notional += exact_product(part, level.price)
        return taken, notional
