"""The mirror feed: the best prices of another venue, as they were told last."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import PriceBoard


class PriceMirror(PriceBoard):
    """Mid prices of another venue; pairs it does not tell of stand still.

    Args:
        listings: What is listed here.

    Attributes:
        told_ms: When the other venue was heard last, epoch milliseconds; 0 before the first time.
    """

    def __init__(self, listings: Sequence[Listing]) -> None:
        super().__init__(listings)
        self._told: dict[str, tuple[Decimal, Decimal]] = {}
        self.told_ms: int | None = 0

    def tell(self, symbol: str, *, bid: Decimal, ask: Decimal) -> None:
        """Remember the best bid and ask of a pair, quote per base; they count from the next step on."""
        if symbol in self._listings and 0 < bid <= ask:
            self._told[symbol] = (bid, ask)

    def step(self, seconds: float, *, now_ms: int) -> None:
        """Put every price where the other venue has it."""
        del seconds
        told, self._told = self._told, {}
        if told:
            self.told_ms = now_ms
        for symbol, (bid, ask) in told.items():
            self.set_fine(symbol, (self.fine(symbol, bid) + self.fine(symbol, ask)) // 2)
