"""The market: prices out of a feed, books, candles, and the knobs that tests turn."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.application.ports import PriceFeed
from paper_exchange.domain.book import Book, Level, best_levels, best_ticks, make_book
from paper_exchange.domain.candles import CandleBook, Candles
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.notices import Notices
from paper_exchange.domain.refusal import Refused
from shared.trading.clock import Clock, epoch_ms

MAX_STEP_S = 5.0
"""A process that slept does not jump: a step is at most so long."""
DAY_MS = 86_400_000


@dataclass(slots=True)
class DayRange:
    """The last day's first, highest and lowest price in fine units."""

    first: int
    high: int
    low: int


class Market:
    """All pairs and their prices.

    Args:
        listings: What is listed.
        walk: Where the prices come from.
        clock: Tells the time.
        frozen: Start with prices that stand still.
        max_step_s: The longest step of the feed, seconds.

    Attributes:
        ticked_ms: The time of the prices, epoch milliseconds: of the last tick, or when another venue told them last,
            so that prices of a line that is lost grow old before everybody's eyes.
        ticks: How often the prices moved since the start.
        seq: Grows with every change of any book, also between two ticks: tells which of two books is the newer one.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        walk: PriceFeed,
        clock: Clock,
        *,
        frozen: bool = False,
        max_step_s: float = MAX_STEP_S,
    ) -> None:
        self._listed = {listing.symbol: listing for listing in listings}
        self.listings = dict(self._listed)
        self.walk = walk
        self.frozen = frozen
        self.ticks = 0
        self.seq = 1
        self.ticked_ms = epoch_ms(clock.now())
        self.halted: set[str] = set()
        self.delisted: set[str] = set()
        self._clock = clock
        self._max_step_s = max_step_s
        self._stepped_at = clock.monotonic()
        self._depth = {listing.symbol: listing.depth for listing in listings}
        self._books: dict[str, Book] = {}
        self._candles = CandleBook(self.listings)
        self._days: dict[str, DayRange] = {}
        self._salts = {listing.symbol: zlib.crc32(listing.symbol.encode()) for listing in listings}
        self._note()

    def listing(self, symbol: str) -> Listing:
        """The rules of a pair.

        Raises:
            Refused: the venue does not list it.
        """
        found = self.listings.get(symbol)
        if found is None or symbol in self.delisted:
            raise Refused(170121, "Invalid symbol.")
        return found

    def obey(self, notices: Notices) -> None:
        """Stand as the venue has announced: what is halted, what is off the list, what has other rules.

        A delisted pair trades no more and nobody is told of it; what customers hold of it stays theirs.
        """
        delisted = set(notices.delisted)
        listings = {symbol: notices.applied_to(listing) for symbol, listing in self._listed.items()}
        self.halted = set(notices.halted) | delisted
        if delisted == self.delisted and listings == self.listings:
            return
        self.delisted = delisted
        self.listings.update(listings)
        self._moved()

    def on_list(self) -> Iterator[Listing]:
        """The pairs that are not delisted, by the rules of now."""
        return (listing for listing in self.listings.values() if listing.symbol not in self.delisted)

    def tick(self) -> None:
        """Move the prices, unless frozen, and fill the books up again."""
        now = self._clock.monotonic()
        if not self.frozen:
            seconds = min(self._max_step_s, max(0.001, now - self._stepped_at))
            self.walk.step(seconds, now_ms=epoch_ms(self._clock.now()))
        self._stepped_at = now
        self._moved()

    def _moved(self) -> None:
        self.ticks += 1
        self.seq += 1
        self._books.clear()
        self._note()

    def _note(self) -> None:
        now_ms, told_ms = epoch_ms(self._clock.now()), self.walk.told_ms
        if told_ms is None or self.frozen:
            self.ticked_ms = now_ms
        else:
            self.ticked_ms = max(self.ticked_ms, told_ms)
        if self._candles.note(self.walk.mids.values(), now_ms=now_ms):
            self._days.clear()

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put a price where a test wants it.

        Raises:
            Refused: unknown pair.
        """
        self.walk.set_price(self.listing(symbol).symbol, price)
        self._moved()

    def set_depth(self, symbol: str, depth: Decimal) -> None:
        """Quote units on each side of a pair's book, for partial fills.

        Raises:
            Refused: unknown pair.
        """
        self._depth[self.listing(symbol).symbol] = depth
        self._books.pop(symbol, None)

    def book(self, symbol: str) -> Book:
        """The book as takers left it since the last tick; it is made when somebody looks."""
        found = self._books.get(symbol)
        if found is None:
            found = self._books[symbol] = make_book(
                self.listings[symbol],
                mid_fine=self.walk.mid_fine(symbol),
                depth=self._depth[symbol],
                salt=self._salt(symbol),
            )
        return found

    def top(self, symbol: str) -> tuple[Level | None, Level | None]:
        """First levels of bids and asks as takers left them, None where nothing stands; makes no book."""
        book = self._books.get(symbol)
        if book is not None:
            return next(book.bids.standing(), None), next(book.asks.standing(), None)
        return best_levels(
            self.listings[symbol],
            mid_fine=self.walk.mid_fine(symbol),
            depth=self._depth[symbol],
            salt=self._salt(symbol),
        )

    def _salt(self, symbol: str) -> int:
        return self._salts[symbol] + 2 * self.ticks

    def best(self, symbol: str) -> tuple[int, int]:
        """Best bid and ask in ticks, before takers: cheap, for the ticker of every pair."""
        return best_ticks(self.walk.mid_fine(symbol))

    def candles(self, symbol: str) -> Candles:
        """The candles of a listed pair."""
        return self._candles.of(symbol)

    def day(self, symbol: str) -> DayRange:
        """The range of the last 24 hours, or since the process started."""
        found = self._days.get(symbol)
        fine = self.walk.mid_fine(symbol)
        if found is None:
            whole = self._candles.of(symbol).since(epoch_ms(self._clock.now()) - DAY_MS)
            found = DayRange(whole.open, whole.high, whole.low) if whole else DayRange(fine, fine, fine)
            self._days[symbol] = found
        found.high = max(found.high, fine)
        found.low = min(found.low, fine)
        return found


class CoinPrices(Mapping[str, Decimal]):
    """USD per coin, worked out when somebody asks: a wallet holds few of them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._symbols = {listing.base: listing.symbol for listing in market.listings.values()}

    def __getitem__(self, coin: str) -> Decimal:
        return Decimal(1) if coin == "USDT" else self._market.walk.mid(self._symbols[coin])

    def __iter__(self) -> Iterator[str]:
        yield from self._symbols
        yield "USDT"

    def __len__(self) -> int:
        return len(self._symbols) + 1
