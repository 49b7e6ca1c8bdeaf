"""The mid prices of all listings, whoever moves them: in whole numbers, on the tick grid and below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from paper_exchange.domain.exact import mul
from paper_exchange.domain.listing import Listing
from shared.trading.money import EXACT

FINE = 1_000_000
"""Fine units in one tick: prices whose tick is coarse still move, below the tick."""
HIGHEST = 2**62
"""Candles are kept in numbers of 63 bits."""


class PriceBoard:
    """Mid prices in fine units; coins that track another follow it.

    Args:
        listings: What is listed; their order is part of a walk's seed.

    Attributes:
        told_ms: See `PriceFeed`: these prices are made here, so they are as old as the last step.
    """

    told_ms: int | None = None

    def __init__(self, listings: Sequence[Listing]) -> None:
        self._listings = {listing.symbol: listing for listing in listings}
        self._base = {listing.symbol: self.fine(listing.symbol, listing.base_price) for listing in listings}
        self._mid = dict(self._base)
        by_base = {listing.base: listing for listing in listings}
        self._own = [listing for listing in listings if listing.tracks not in by_base]
        self._tracking = [
            (listing.symbol, by_base[listing.tracks].symbol, *self._ratio(listing, by_base[listing.tracks]))
            for listing in listings
            if listing.tracks in by_base
        ]
        self._followed = {followed for _, followed, _, _ in self._tracking}

    def fine(self, symbol: str, price: Decimal) -> int:
        """A price (quote per base) in fine units."""
        return int(EXACT.divide_int(mul(price, Decimal(FINE)), self._listings[symbol].tick_size))

    @staticmethod
    def _ratio(listing: Listing, followed: Listing) -> tuple[int, int]:
        return (EXACT.divide(mul(listing.tracks_ratio, followed.tick_size), listing.tick_size)).as_integer_ratio()

    def _follow(self) -> None:
        for symbol, followed, over, under in self._tracking:
            self._mid[symbol] = min(HIGHEST, max(FINE, self._mid[followed] * over // under))

    def mid_fine(self, symbol: str) -> int:
        """The mid price in fine units."""
        return self._mid[symbol]

    def mid(self, symbol: str) -> Decimal:
        """The mid price, quote per base, cut to whole ticks."""
        return self._listings[symbol].price_of(self._mid[symbol] // FINE)

    @property
    def mids(self) -> Mapping[str, int]:
        """All mid prices in fine units, by symbol, in the order of the listings; it changes with every step."""
        return self._mid

    def set_fine(self, symbol: str, fine: int) -> None:
        """Put a mid price in fine units; followers follow at once."""
        self._mid[symbol] = min(HIGHEST, max(FINE, fine))
        if symbol in self._followed:
            self._follow()

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put a mid price where a test wants it; followers follow at once."""
        self.set_fine(symbol, self.fine(symbol, price))

    def snapshot(self) -> dict[str, int]:
        """All mid prices in fine units, for the journal."""
        return dict(self._mid)

    def resume(self, prices: Mapping[str, int]) -> None:
        """Go on from the journal's prices; listings it does not know start at their base price."""
        for symbol, fine in prices.items():
            if symbol in self._mid:
                self._mid[symbol] = min(HIGHEST, max(FINE, fine))
