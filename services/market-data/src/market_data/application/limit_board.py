"""What the venue said of its price limits, and what is told while the market moves on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from market_data.application.ports import PublicVenue
from market_data.domain.errors import VenueUnavailable
from market_data.domain.price_limits import FRESH_S, PriceLimit, by_ratio
from shared.trading.clock import Clock
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote

PATIENCE_S = 1.0
"""Longest time that a question for quotes waits for limits; after it, those that the ratio gives are told."""
AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the venue answered, and when it was asked: seconds of the monotonic clock."""

    limit: PriceLimit
    asked_at_s: float


class LimitBoard:
    """Price limits of one environment, in memory.

    Args:
        venue: The environment's public side.
    """

    def __init__(self, venue: PublicVenue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._turns: dict[str, asyncio.Lock] = {}
        self._read: dict[str, Reading] = {}

    async def refresh(self, symbols: Collection[str]) -> int:
        """Ask for the limits of some pairs, one after another; forgets what has grown too old.

        Returns:
            How many are known now.

        Raises:
            VenueUnavailable: An answer is missing; what was heard is kept. One pair that the venue does not know any
                more does not keep the others from being asked for, but two in a row end it: then it is the venue.
        """
        oldest_s = self._clock.monotonic() - FRESH_S
        self._read = {name: one for name, one in self._read.items() if name in symbols or one.asked_at_s >= oldest_s}
        missing: VenueUnavailable | None = None
        before_failed = False
        for symbol in sorted(symbols):
            try:
                await self._ask(symbol)
            except VenueUnavailable as error:
                if before_failed:
                    raise
                missing, before_failed = error, True
            else:
                before_failed = False
        if missing is not None:
            raise missing
        return len(self._read)

    async def ask_again(self, quotes: Iterable[Quote], *, quoted_at_s: float, age_s: float) -> None:
        """Ask at once for the limits of pairs whose price has moved, or whose limits are older than `age_s` seconds.

        Many at the same time, each once, and not for long: what the venue does not say in time is left as it was.

        Args:
            quotes: The newest of the pairs in question.
            quoted_at_s: When those arrived, by the monotonic clock: what the venue said since then is its newest word.
            age_s: Seconds, at most 30.
        """
        oldest_s = self._clock.monotonic() - min(max(age_s, 0.0), FRESH_S)
        wanted = {quote.symbol: quote for quote in quotes}.values()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(self._ask_once(quote, oldest_s, quoted_at_s) for quote in wanted))
        except TimeoutError:
            return

    def on(self, quote: Quote, instrument: Instrument | None, *, quoted_at_s: float) -> PriceLimit | None:
        """What is to be told of a pair.

        What the venue said, while it is young and the price has not moved away or was looked at before; else what the
        ratio makes of the price.

        Args:
            quote: The newest.
            instrument: Knows the ratio.
            quoted_at_s: When that quote arrived, by the monotonic clock.
        """
        said = self._young(quote.symbol)
        if said is not None and self._holds(said, quote, quoted_at_s):
            return said.limit
        reckoned = None if instrument is None else by_ratio(quote, instrument)
        return said.limit if reckoned is None and said is not None else reckoned

    def _young(self, symbol: str) -> Reading | None:
        found = self._read.get(symbol)
        return None if found is None or self._clock.monotonic() - found.asked_at_s > FRESH_S else found

    async def _ask_once(self, quote: Quote, oldest_s: float, quoted_at_s: float) -> None:
        async with self._turns.setdefault(quote.symbol, asyncio.Lock()):
            found = self._read.get(quote.symbol)
            if found is not None and found.asked_at_s >= oldest_s and self._holds(found, quote, quoted_at_s):
                return
            try:
                async with self._gate:
                    await self._ask(quote.symbol)
            except VenueUnavailable:
                return

    async def _ask(self, symbol: str) -> None:
        asked_at_s = self._clock.monotonic()
        limit = await self._venue.price_limit(symbol)
        newer = self._read.get(symbol)
        if newer is None or newer.asked_at_s <= asked_at_s:
            self._read[symbol] = Reading(limit=limit, asked_at_s=asked_at_s)

    @staticmethod
    def _holds(said: Reading, quote: Quote, quoted_at_s: float) -> bool:
        mid = quote.mid()
        return said.asked_at_s >= quoted_at_s or mid is None or said.limit.fits(mid)
