"""What an order meets when it comes: rules, band, best prices; worked out once a pair and tick."""

from __future__ import annotations

from paper_exchange.application.market import Market
from paper_exchange.domain.order_rules import Situation
from paper_exchange.domain.price_band import price_band
from paper_exchange.domain.refusal import Refused


class Situations:
    """The market as orders meet it.

    Args:
        market: All pairs.
        inner_band: Whether the inner price ratio counts.
    """

    def __init__(self, market: Market, *, inner_band: bool) -> None:
        self._market = market
        self._inner_band = inner_band
        self._known: dict[str, Situation] = {}
        self._known_at = -1

    def open(self, symbol: str) -> Situation:
        """How a pair stands that trades now.

        Raises:
            Refused: not listed (170121), or halted (170151).
        """
        if symbol in self._market.halted:
            self._market.listing(symbol)
            raise Refused(170151, "This trading pair is not open yet.")
        return self.of(symbol)

    def of(self, symbol: str) -> Situation:
        """How a pair stands, halted or not.

        Raises:
            Refused: not listed.
        """
        if self._known_at != self._market.ticks:
            self._known.clear()
            self._known_at = self._market.ticks
        found = self._known.get(symbol)
        if found is None:
            found = self._known[symbol] = self._look(symbol)
        return found

    def _look(self, symbol: str) -> Situation:
        listing = self._market.listing(symbol)
        mid = self._market.walk.mid(symbol)
        bid, ask = self._market.best(symbol)
        return Situation(
            listing=listing,
            mid=mid,
            band=price_band(listing, mid, inner=self._inner_band),
            bid=listing.price_of(bid),
            ask=listing.price_of(ask),
        )
