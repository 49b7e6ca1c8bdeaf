"""Market-data's ports `PublicVenue` and `CoinSource` over the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from kit.town_price_tape import PriceTape
from kit.town_venue import PaperVenue
from market_data.domain.coin import SourceCoin, SourceList
from market_data.domain.errors import VenueUnavailable
from market_data.domain.identity import Candle
from market_data.domain.price_limits import PriceLimit
from market_data.outbound.bybit import LEVELS
from paper_exchange.application.tape import Tape
from paper_exchange.domain.coin import Coin
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import FINE
from paper_exchange.inbound.coingecko import CoinGeckoApp
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.market_routes import MarketRoutes
from shared.runtime.bybit.public_rows import InstrumentRow, OrderBookRow, PriceLimitRow, TickerRow
from shared.trading.clock import Clock, epoch_ms, from_epoch_ms
from shared.trading.depth import Depth
from shared.trading.instrument import Instrument
from shared.trading.money import exact_product
from shared.trading.quote import Quote

LOOK_BACK = timedelta(minutes=10)


class MemoryPublicVenue:
    """The port `PublicVenue`: the venue's own rows, without their HTTP."""

    def __init__(self, venue: PaperVenue, tape: PriceTape, clock: Clock) -> None:
        self._tape = tape
        self._market = venue.market
        self._clock = clock
        self._routes = MarketRoutes(venue.market, clock, Tape())

    async def instruments(self) -> Sequence[Instrument]:
        """All spot pairs that trade now."""
        return [InstrumentRow.model_validate(row).to_domain() for row in self._routes.instrument_rows(_request())]

    async def quotes(self) -> Mapping[str, Quote]:
        """The top of every spot book."""
        now = self._clock.now()
        listed = (one for one in self._market.listings.values() if one.symbol not in self._market.delisted)
        told = {one.symbol: TickerRow.model_validate(self._routes.ticker(one)).to_domain(now) for one in listed}
        self._tape.note(now, told)
        return told

    async def price_limit(self, symbol: str) -> PriceLimit:
        """Beyond which prices orders are refused now."""
        self._listed(symbol)
        answer = self._routes.price_limit(_request(symbol=symbol))
        row = PriceLimitRow.model_validate(answer)
        return PriceLimit(symbol=symbol, highest_buy=row.highest_buy or None, lowest_sell=row.lowest_sell or None)

    async def depth(self, symbol: str) -> Depth:
        """The best levels of a book."""
        listing = self._listed(symbol)
        row = OrderBookRow.model_validate(self._routes.book_shape(listing, LEVELS))
        return row.to_domain(self._clock.now(), levels=LEVELS)

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        """The one-minute candle that covers `at`, else the latest of the ten minutes before."""
        listing = self._listed(symbol)
        first, last = epoch_ms(at - LOOK_BACK), epoch_ms(at)
        found = self._market.candles(symbol).between(first, last, minutes=1, limit=11)
        for candle in sorted(found, key=lambda one: one.start_ms, reverse=True):
            _, high, low, _ = (listing.price_of(fine // FINE) for fine in candle.prices())
            return Candle(start=from_epoch_ms(candle.start_ms), low=low, high=high)
        return None

    def _listed(self, symbol: str) -> Listing:
        """What is asked about a pair that is not there is refused, which to us is no usable answer."""
        listing = self._market.listings.get(symbol)
        if listing is None or symbol in self._market.delisted:
            raise VenueUnavailable(context={"cause": "unknown pair"})
        return listing


class MemoryCoinSource:
    """The port `CoinSource`: dated supplies at simulated prices, as the replay serves them."""

    def __init__(self, venue: PaperVenue, coins: Sequence[Coin], clock: Clock) -> None:
        self._replay = CoinGeckoApp(venue.market, coins)
        self._coins = coins
        self._clock = clock

    async def coins(self) -> SourceList:
        """The coins, largest first."""
        now = self._clock.now()
        priced = [(coin, self._replay.price(coin)) for coin in self._coins]
        rows = [self._row(coin, price, now) for coin, price in priced if price > 0]
        rows.sort(key=lambda row: -row.market_cap)
        return SourceList(coins=tuple(rows), broken=(), at=now)

    @staticmethod
    def _row(coin: Coin, price: Decimal, now: datetime) -> SourceCoin:
        return SourceCoin(
            source_id=coin.coin_id,
            symbol=coin.symbol.upper(),
            name=coin.name,
            price=price,
            market_cap=exact_product(price, coin.supply),
            updated_at=now,
            place=1,
            categories=frozenset(coin.categories),
            volume=coin.volume_24h,
        )


def _request(**params: str) -> Request:
    made = Request(method="GET", path="/", query=b"", headers={}, body=b"", address="")
    made.params = params
    return made
