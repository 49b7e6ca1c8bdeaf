"""Whether the last price came from below or from above, in Bybit's words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.domain.contract import Contract


@dataclass(frozen=True, slots=True)
class _Seen:
    tick: int
    price: Decimal
    rises: bool
    word: str


class TickDirections:
    """One for each contract that somebody listens to; before two prices were seen, the minute's candle tells."""

    def __init__(self, market: LinearMarket) -> None:
        self._market = market
        self._seen: dict[str, _Seen] = {}

    def of(self, contract: Contract) -> str:
        """`PlusTick` or `MinusTick` after a move, `ZeroPlusTick` or `ZeroMinusTick` while the price stays."""
        market, before = self._market, self._seen.get(contract.symbol)
        if before is not None and before.tick == market.ticks:
            return before.word
        price = market.price(contract, market.mark_fine(contract))
        moved = before is not None and price != before.price
        rises = self._rises(contract, price, before)
        word = ("" if moved else "Zero") + ("PlusTick" if rises else "MinusTick")
        self._seen[contract.symbol] = _Seen(market.ticks, price, rises, word)
        return word

    def _rises(self, contract: Contract, price: Decimal, before: _Seen | None) -> bool:
        if before is not None:
            return before.rises if price == before.price else price > before.price
        last = self._market.candles(contract, None, None, minutes=1, limit=1, index=False)
        return not last or last[0].close >= last[0].open
