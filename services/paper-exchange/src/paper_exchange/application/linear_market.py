"""The perpetuals' market data: it follows the spot market, so that both tell one story."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

from paper_exchange.application.market import Market
from paper_exchange.domain.book import Book, make_book
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.contract import Contract
from paper_exchange.domain.exact import mul
from paper_exchange.domain.funding import MINUTE_MS, funding_rate, next_funding_ms
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_walk import FINE
from paper_exchange.domain.refusal import request_error
from shared.trading.money import EXACT

BASIS_SPREAD_PPM = 100
"""The mark price lies at most so many parts per million from the index, each pair at its own distance."""
DEPTH_TIMES_SPOT = 3
HOUR_MS = 3_600_000


class LinearMarket:
    """All perpetuals; nothing here has a state of its own.

    Args:
        contracts: What is listed.
        market: The spot market that gives the prices.
    """

    def __init__(self, contracts: Sequence[Contract], market: Market) -> None:
        by_base = {listing.base: listing for listing in market.listings.values()}
        self.contracts: Mapping[str, Contract] = {
            contract.symbol: contract for contract in contracts if contract.tracks in by_base
        }
        self._market = market
        self._spot = {contract.symbol: by_base[contract.tracks] for contract in self.contracts.values()}
        self._ratios = {
            contract.symbol: EXACT.divide(
                mul(contract.tracks_ratio, self._spot[contract.symbol].tick_size), contract.tick_size
            ).as_integer_ratio()
            for contract in self.contracts.values()
        }

    def contract(self, symbol: str) -> Contract:
        """A contract by its symbol.

        Raises:
            Refused: the venue does not list it.
        """
        found = self.contracts.get(symbol)
        if found is None:
            raise request_error("Not supported symbols")
        return found

    @property
    def now_ms(self) -> int:
        """When the prices were made, epoch milliseconds."""
        return self._market.ticked_ms

    @property
    def ticks(self) -> int:
        """How often prices moved."""
        return self._market.ticks

    def depth(self, contract: Contract) -> Decimal:
        """Quote units on each side of the book."""
        return mul(self._spot[contract.symbol].depth, Decimal(DEPTH_TIMES_SPOT))

    def index_fine(self, contract: Contract, spot_fine: int | None = None) -> int:
        """The index price in fine units of the contract's tick: the spot price, or a given one."""
        if spot_fine is None:
            spot_fine = self._market.walk.mid_fine(self._spot[contract.symbol].symbol)
        over, under = self._ratios[contract.symbol]
        return max(FINE, spot_fine * over // under)

    def mark_fine(self, contract: Contract, spot_fine: int | None = None) -> int:
        """The mark price in fine units: the index and this pair's small distance from it."""
        basis = zlib.crc32(contract.symbol.encode()) % (2 * BASIS_SPREAD_PPM + 1) - BASIS_SPREAD_PPM
        index = self.index_fine(contract, spot_fine)
        return max(FINE, index + index * basis // 1_000_000)

    def price(self, contract: Contract, fine: int) -> Decimal:
        """Fine units as quote per base, on the tick grid."""
        return mul(Decimal(fine // FINE), contract.tick_size)

    def day(self, contract: Contract) -> tuple[int, int, int]:
        """First, highest and lowest mark price of the last 24 hours in fine units."""
        day = self._market.day(self._spot[contract.symbol].symbol)
        return tuple(self.mark_fine(contract, fine) for fine in (day.first, day.high, day.low))  # type: ignore[return-value]

    def hour_ago_fine(self, contract: Contract) -> int:
        """The mark price an hour ago, to the hour's start, in fine units."""
        whole = self._market.candles(self._spot[contract.symbol].symbol).since(self.now_ms - HOUR_MS)
        return self.mark_fine(contract, whole.open if whole else None)

    def book(self, contract: Contract) -> Book:
        """The book as it stands; nobody eats from it here."""
        spot = self._spot[contract.symbol]
        rules = Listing(
            symbol=contract.symbol,
            base=contract.base,
            tick_size=contract.tick_size,
            lot_size=contract.lot_size,
            min_quantity=contract.min_quantity,
            base_price=mul(spot.base_price, contract.tracks_ratio),
            daily_volatility_bps=spot.daily_volatility_bps,
            depth=self.depth(contract),
            max_amount=spot.max_amount,
            ratio_x=contract.ratio_x,
            ratio_y=contract.ratio_y,
        )
        salt = zlib.crc32(contract.symbol.encode()) + 2 * self._market.ticks
        return make_book(rules, mid_fine=self.mark_fine(contract), depth=rules.depth, salt=salt)

    def candles(
        self, contract: Contract, start_ms: int | None, end_ms: int | None, *, minutes: int, limit: int, index: bool
    ) -> list[Candle]:
        """Candles of the mark price, or of the index, in fine units of the contract; newest first."""
        spot = self._market.candles(self._spot[contract.symbol].symbol)
        convert = self.index_fine if index else self.mark_fine
        return [
            Candle(candle.start_ms, *(convert(contract, fine) for fine in candle.prices()))
            for candle in spot.between(start_ms, end_ms, minutes=minutes, limit=limit)
        ]

    def next_funding(self, contract: Contract) -> tuple[int, Decimal]:
        """The next funding moment (epoch ms) and the rate that will be paid then."""
        at_ms = next_funding_ms(contract, now_ms=self.now_ms)
        return at_ms, funding_rate(contract, at_ms=at_ms)

    def funding_history(
        self, contract: Contract, start_ms: int | None, end_ms: int | None, *, limit: int
    ) -> list[tuple[int, Decimal]]:
        """Past funding moments and their rates, newest first, back to the launch."""
        length = contract.funding_minutes * MINUTE_MS
        last = min(self.now_ms, self.now_ms if end_ms is None else end_ms)
        first = max(contract.launch_ms, start_ms or 0)
        moments = range(last - last % length, first - 1, -length)
        return [(at_ms, funding_rate(contract, at_ms=at_ms)) for at_ms in moments[:limit]]
