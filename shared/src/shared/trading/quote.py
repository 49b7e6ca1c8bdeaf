"""A quote: the best prices on both sides, and the mark that values a holding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.trading.money import ZERO

FRESH = timedelta(seconds=3)
"""A two-sided price may open an order, or mark a holding, up to this age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The top of an instrument's book.

    Attributes:
        bid: Best price to sell at, quote per base; zero when that side is empty.
        ask: Best price to buy at, quote per base; zero when that side is empty.
        last: Last traded price, quote per base.
        at: When the venue's answer was received, UTC.
        buy_limit: The venue refuses buys above this price now; None while it is not known.
        sell_limit: The venue refuses sells below this price now; None while it is not known.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime
    buy_limit: Decimal | None = None
    sell_limit: Decimal | None = None

    def two_sided(self) -> bool:
        """Both sides stand and are not crossed."""
        return ZERO < self.bid <= self.ask

    def mid(self) -> Decimal | None:
        """Halfway between both sides, quote per base; None while a side is empty or they are crossed."""
        return (self.bid + self.ask) / 2 if self.two_sided() else None

    def fresh(self, now: datetime) -> bool:
        """Two-sided and young enough to trade on."""
        return self.two_sided() and now - self.at <= FRESH

    def mark(self, now: datetime) -> tuple[Decimal, bool]:
        """The price that values a holding (quote per base) and whether it is stale.

        The mid of a fresh two-sided quote, else the last trade flagged stale.
        """
        if self.fresh(now):
            return (self.bid + self.ask) / 2, False
        return self.last, True
