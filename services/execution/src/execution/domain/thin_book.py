"""What an order book takes of a leg that it cannot fill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin:
    """Why a leg is left out as illiquid.

    Attributes:
        side: Which way it would have traded.
        takes: What the book takes of it within the limit price, quote units.
        largest_amount: Whole-plan amount (quote units) up to which the book fills it whole; None where a plan's legs do
            not grow with its amount.
    """

    side: Side
    takes: Decimal
    largest_amount: Decimal | None = None
