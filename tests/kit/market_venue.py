"""The public side of a venue, for unit tests of market-data: as many pairs as a test gives it prices for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from market_data.domain.errors import VenueUnavailable
from market_data.domain.identity import Candle
from market_data.domain.price_limits import PriceLimit
from shared.testing import FakeClock
from shared.trading.depth import Depth
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote

STEP = Decimal("0.001")


class FakePublicVenue:
    """Every coin stands at its price, on both sides of the book.

    Attributes:
        prices: By base coin.
        reach: How far from the price orders are taken, a fraction; None tells no limits.
        ratio: The price limit ratio that it publishes with its rules.
        asked: Symbols whose limits or books were asked for, in order.
        away: Whether nothing at all is answered.
        refused: Symbols of which it says that it does not know them.
        silent: Symbols about which it never answers.
    """

    def __init__(self, clock: FakeClock, prices: Mapping[str, Decimal] | None = None) -> None:
        self.prices = dict(prices or {})
        self.reach: Decimal | None = None
        self.ratio: Decimal | None = None
        self.asked: list[str] = []
        self.away = False
        self.refused: set[str] = set()
        self.silent: set[str] = set()
        self._clock = clock

    async def instruments(self) -> Sequence[Instrument]:
        """All its pairs."""
        self._must_be_there()
        return [self._instrument(base) for base in self.prices]

    async def quotes(self) -> Mapping[str, Quote]:
        """All its prices."""
        self._must_be_there()
        now = self._clock.now()
        return {
            f"{base}USDT": Quote(symbol=f"{base}USDT", bid=price, ask=price, last=price, at=now)
            for base, price in self.prices.items()
        }

    async def price_limit(self, symbol: str) -> PriceLimit:
        """As far as `reach` on either side."""
        await self._asked_about(symbol)
        if self.reach is None:
            return PriceLimit(symbol=symbol, highest_buy=None, lowest_sell=None)
        price = self._price(symbol)
        return PriceLimit(symbol=symbol, highest_buy=price * (1 + self.reach), lowest_sell=price * (1 - self.reach))

    async def depth(self, symbol: str) -> Depth:
        """An empty book."""
        await self._asked_about(symbol)
        return Depth(symbol=symbol, bids=[], asks=[], at=self._clock.now())

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        """A minute in which nothing moved."""
        self._must_be_there()
        return Candle(start=at, low=self._price(symbol), high=self._price(symbol))

    async def _asked_about(self, symbol: str) -> None:
        self._must_be_there()
        self.asked.append(symbol)
        await asyncio.sleep(0)
        if symbol in self.silent:
            await asyncio.Event().wait()
        if symbol in self.refused:
            raise VenueUnavailable

    def _must_be_there(self) -> None:
        if self.away:
            raise VenueUnavailable

    def _price(self, symbol: str) -> Decimal:
        return self.prices[symbol.removesuffix("USDT")]

    def _instrument(self, base: str) -> Instrument:
        return Instrument(
            symbol=f"{base}USDT",
            base=base,
            quote="USDT",
            lot_size=STEP,
            tick_size=STEP,
            min_quantity=STEP,
            min_notional=Decimal(5),
            max_limit_quantity=Decimal(1000),
            price_limit_ratio=self.ratio,
        )
