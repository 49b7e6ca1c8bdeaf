"""The simulated market: prices, books, candles, and the knobs that tests turn."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.book import Book, best_ticks, make_book
from paper_exchange.domain.candles import Candles
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.domain.refusal import Refused
from shared.trading.clock import Clock, epoch_ms

MAX_STEP_S = 5.0
"""A process that slept does not jump: the walk takes at most so long a step."""


@dataclass(slots=True)
class DayRange:
    """The day's first, highest and lowest price in fine units."""

    first: int
    high: int
    low: int


class Market:
    """All pairs and their prices.

    Args:
        listings: What is listed.
        walk: The simulated feed.
        clock: Tells the time.
        frozen: Start with prices that stand still.
    """

    def __init__(self, listings: Sequence[Listing], walk: PriceWalk, clock: Clock, *, frozen: bool = False) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.walk = walk
        self.frozen = frozen
        self.ticks = 0
        self.ticked_ms = epoch_ms(clock.now())
        self.halted: set[str] = set()
        self._clock = clock
        self._stepped_at = clock.monotonic()
        self._depth = {listing.symbol: listing.depth for listing in listings}
        self._books: dict[str, Book] = {}
        self._candles = {listing.symbol: Candles() for listing in listings}
        self._days = {listing.symbol: self._new_day(listing.symbol) for listing in listings}
        self._salts = {listing.symbol: zlib.crc32(listing.symbol.encode()) for listing in listings}
        self._note()

    def _new_day(self, symbol: str) -> DayRange:
        now = self.walk.mid_fine(symbol)
        return DayRange(now, now, now)

    def listing(self, symbol: str) -> Listing:
        """The rules of a pair.

        Raises:
            Refused: the venue does not list it.
        """
        found = self.listings.get(symbol)
        if found is None:
            raise Refused(170121, "Invalid symbol.")
        return found

    def tick(self) -> None:
        """Move the prices, unless frozen, and fill the books up again."""
        now = self._clock.monotonic()
        if not self.frozen:
            self.walk.step(min(MAX_STEP_S, max(0.001, now - self._stepped_at)))
        self._stepped_at = now
        self.ticks += 1
        self._books.clear()
        self._note()

    def _note(self) -> None:
        now_ms = self.ticked_ms = epoch_ms(self._clock.now())
        mid_fine = self.walk.mid_fine
        for symbol, candles in self._candles.items():
            fine = mid_fine(symbol)
            candles.note(fine, now_ms=now_ms)
            day = self._days[symbol]
            if fine > day.high:
                day.high = fine
            elif fine < day.low:
                day.low = fine

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put a price where a test wants it.

        Raises:
            Refused: unknown pair.
        """
        self.walk.set_price(self.listing(symbol).symbol, price)
        self.ticks += 1
        self._books.clear()
        self._note()

    def set_depth(self, symbol: str, depth: Decimal) -> None:
        """Quote units on each side of a pair's book, for partial fills.

        Raises:
            Refused: unknown pair.
        """
        self._depth[self.listing(symbol).symbol] = depth
        self._books.pop(symbol, None)

    def book(self, symbol: str) -> Book:
        """The book as takers left it since the last tick."""
        found = self._books.get(symbol)
        if found is None:
            found = self._books[symbol] = make_book(
                self.listings[symbol],
                mid_fine=self.walk.mid_fine(symbol),
                depth=self._depth[symbol],
                salt=self._salts[symbol] + 2 * self.ticks,
            )
        return found

    def best(self, symbol: str) -> tuple[int, int]:
        """Best bid and ask in ticks, before takers: cheap, for the ticker of every pair."""
        return best_ticks(self.walk.mid_fine(symbol))

    def candles(self, symbol: str) -> Candles:
        """The candles of a listed pair."""
        return self._candles[symbol]

    def day(self, symbol: str) -> DayRange:
        """The range since the process started."""
        return self._days[symbol]
