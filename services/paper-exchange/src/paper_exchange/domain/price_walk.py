"""The simulated feed: a seeded, correlated random walk on the tick grid, in whole numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal

from paper_exchange.domain.exact import mul
from paper_exchange.domain.listing import Listing
from shared.trading.money import EXACT

FINE = 1_000_000
"""Fine units in one tick: prices whose tick is coarse still move, below the tick."""

COMMON_SHARE = 0.7
"""Weight of the market's own mood in each coin's move: crypto prices move together."""

PULL_PER_DAY = 0.5
"""How strongly a price is drawn back to its base, so that a world left running for weeks stays sane."""

DAY_S = 86_400


class PriceWalk:
    """Mid prices of all listings.

    The randomness is a float, the price never is: each move is rounded to whole fine units.

    Args:
        listings: What is listed; the order is part of the seed.
        rng: The only source of randomness.
    """

    def __init__(self, listings: Sequence[Listing], rng: random.Random) -> None:
        self._rng = rng
        self._listings = {listing.symbol: listing for listing in listings}
        self._base = {listing.symbol: self._fine(listing, listing.base_price) for listing in listings}
        self._mid = dict(self._base)
        by_base = {listing.base: listing for listing in listings}
        self._own = [
            (listing.symbol, listing.daily_volatility_bps / 10_000 / math.sqrt(DAY_S))
            for listing in listings
            if listing.tracks not in by_base
        ]
        self._tracking = [
            (listing.symbol, by_base[listing.tracks].symbol, *self._ratio(listing, by_base[listing.tracks]))
            for listing in listings
            if listing.tracks in by_base
        ]

    @staticmethod
    def _fine(listing: Listing, price: Decimal) -> int:
        return int(EXACT.divide_int(mul(price, Decimal(FINE)), listing.tick_size))

    @staticmethod
    def _ratio(listing: Listing, followed: Listing) -> tuple[int, int]:
        return (EXACT.divide(mul(listing.tracks_ratio, followed.tick_size), listing.tick_size)).as_integer_ratio()

    def step(self, seconds: float) -> None:
        """Move every price by a time step of `seconds`."""
        scale = math.sqrt(seconds)
        pull = PULL_PER_DAY * seconds / DAY_S
        gauss = self._rng.gauss
        mood = gauss(0.0, 1.0) * COMMON_SHARE
        rest = math.sqrt(1 - COMMON_SHARE**2)
        mid, base = self._mid, self._base
        for symbol, sigma in self._own:
            now = mid[symbol]
            move = sigma * scale * (mood + rest * gauss(0.0, 1.0)) + pull * (base[symbol] - now) / now
            mid[symbol] = max(FINE, now + round(now * move))
        self._follow()

    def _follow(self) -> None:
        for symbol, followed, over, under in self._tracking:
            self._mid[symbol] = max(FINE, self._mid[followed] * over // under)

    def mid_fine(self, symbol: str) -> int:
        """The mid price in fine units."""
        return self._mid[symbol]

    def mid(self, symbol: str) -> Decimal:
        """The mid price, quote per base, cut to whole ticks."""
        return self._listings[symbol].price_of(self._mid[symbol] // FINE)

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put a mid price where a test wants it; followers follow at once."""
        self._mid[symbol] = max(FINE, self._fine(self._listings[symbol], price))
        if any(followed == symbol for _, followed, _, _ in self._tracking):
            self._follow()

    def snapshot(self) -> dict[str, int]:
        """All mid prices in fine units, for the journal."""
        return dict(self._mid)

    def resume(self, prices: Mapping[str, int]) -> None:
        """Go on from the journal's prices; listings it does not know start at their base price."""
        for symbol, fine in prices.items():
            if symbol in self._mid:
                self._mid[symbol] = max(FINE, fine)
