"""What the venue said last, in memory: instruments and quotes of one environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from market_data.application.limit_board import LimitBoard
from market_data.application.ports import PublicVenue
from market_data.domain.errors import MarketNotReady
from shared.trading.clock import Clock
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote


class MarketBoard:
    """Each replica keeps its own.

    Args:
        venue: The environment's public side.
    """

    def __init__(self, venue: PublicVenue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._instruments: dict[str, Instrument] = {}
        self._before: dict[str, Instrument] = {}
        self._quotes: Mapping[str, Quote] = {}
        self._quoted_at_s: float | None = None
        self._limits = LimitBoard(venue, clock)

    async def refresh_instruments(self) -> int:
        """Ask for the instruments again; an empty answer leaves the old ones in place.

        Returns:
            How many there are.
        """
        fresh = {item.symbol: item for item in await self._venue.instruments()}
        if fresh:
            self._instruments, self._before = fresh, self._instruments
        return len(fresh)

    async def refresh_quotes(self) -> int:
        """Ask for all tickers once; a symbol that is missing now keeps its old, aging quote.

        Returns:
            How many there are.
        """
        fresh = await self._venue.quotes()
        self._quotes = {**self._quotes, **fresh}
        if fresh:
            self._quoted_at_s = self._clock.monotonic()
        return len(fresh)

    async def refresh_limits(self, symbols: Collection[str]) -> int:
        """Ask for the venue's price limits of some pairs, one after another.

        Returns:
            How many are known now.

        Raises:
            VenueUnavailable: An answer is missing; what was heard until then is kept.
        """
        return await self._limits.refresh(symbols)

    async def ask_limits(self, symbols: Collection[str], *, age_s: float) -> None:
        """Ask again for price limits older than `age_s`, and for those that the market has left; within a second."""
        if self._quoted_at_s is None:
            return
        named = [self._quotes[symbol] for symbol in set(symbols) & self._quotes.keys()]
        await self._limits.ask_again(named, quoted_at_s=self._quoted_at_s, age_s=age_s)

    def quotes_age_s(self) -> float | None:
        """Seconds since quotes last arrived, None before the first."""
        return None if self._quoted_at_s is None else self._clock.monotonic() - self._quoted_at_s

    @property
    def listed(self) -> Mapping[str, Instrument]:
        """Instruments by symbol that one of the last two answers named; empty before the venue has answered.

        A pair is gone when two answers leave it out: one that is cut short, or a row that cannot be read, proves nothing.
        """
        return {**self._before, **self._instruments}

    def all_instruments(self) -> Mapping[str, Instrument]:
        """Instruments by symbol.

        Raises:
            MarketNotReady: The venue has not answered yet.
        """
        if not self._instruments:
            raise MarketNotReady
        return self._instruments

    def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """The instruments asked for, all of them when none is named; unknown ones are left out.

        Raises:
            MarketNotReady: The venue has not answered yet.
        """
        known = self.all_instruments()
        return [known[symbol] for symbol in symbols or sorted(known) if symbol in known]

    def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """The quotes asked for, all of them when none is named; symbols never quoted are left out.

        Those that are named carry the venue's price limits as far as they are known.

        Raises:
            MarketNotReady: No quote has arrived yet.
        """
        if self._quoted_at_s is None:
            raise MarketNotReady
        known, at_s = self._quotes, self._quoted_at_s
        if not symbols:
            return [known[symbol] for symbol in sorted(known)]
        return [self._limited(known[symbol], at_s) for symbol in symbols if symbol in known]

    def _limited(self, quote: Quote, quoted_at_s: float) -> Quote:
        found = self._limits.on(quote, self._instruments.get(quote.symbol), quoted_at_s=quoted_at_s)
        return quote if found is None else replace(quote, buy_limit=found.highest_buy, sell_limit=found.lowest_sell)
