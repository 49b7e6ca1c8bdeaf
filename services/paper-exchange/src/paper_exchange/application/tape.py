"""The last public trades of each pair."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.order import Execution

KEPT = 60
"""What Bybit shows of a spot pair."""


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class Print:
    """One public trade; `side` is the taker's."""

    exec_id: str
    symbol: str
    price: Decimal
    quantity: Decimal
    side: str
    at_ms: int
    seq: int


def print_of(execution: Execution) -> Print:
    """A customer's trade as the public sees it."""
    opposite = "Sell" if execution.side == "Buy" else "Buy"
    return Print(
        exec_id=execution.exec_id,
        symbol=execution.symbol,
        price=execution.price,
        quantity=execution.quantity,
        side=opposite if execution.is_maker else execution.side,
        at_ms=execution.at_ms,
        seq=execution.seq,
    )


class Tape:
    """Remembers what traded, newest first; it starts empty with the process."""

    def __init__(self) -> None:
        self._prints: dict[str, deque[Print]] = {}

    def add(self, trade: Print) -> None:
        """Remember a public trade."""
        prints = self._prints.get(trade.symbol)
        if prints is None:
            prints = self._prints[trade.symbol] = deque(maxlen=KEPT)
        prints.appendleft(trade)

    def of(self, symbol: str) -> Iterator[Print]:
        """The trades of a pair, newest first."""
        return iter(self._prints.get(symbol, ()))
