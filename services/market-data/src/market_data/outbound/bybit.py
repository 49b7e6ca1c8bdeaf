"""The public side of Bybit as the use cases want it; the calls themselves are the platform's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from aiolimiter import AsyncLimiter

from market_data.domain.errors import VenueUnavailable
from market_data.domain.identity import Candle
from market_data.domain.price_limits import PriceLimit
from market_data.domain.selection import QUOTE
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.outcomes import Accepted, Outcome, RateLimited, Refused, Unknown
from shared.runtime.bybit.public import PublicMarket
from shared.runtime.bybit.public_rows import InstrumentRow
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock, epoch_ms, from_epoch_ms
from shared.trading.depth import Depth
from shared.trading.instrument import Instrument
from shared.trading.money import ZERO
from shared.trading.quote import Quote

ANSWER_S = 5.0
THREADS = 8
"""Tickers, candles and instruments may be under way at the same time."""
LEVELS = 100
"""Of each side of a book; where the venue has more, a plan takes what it is not told for deep."""
PLAN_THREADS = 8
"""What plans ask for pair by pair (order books, price limits) has threads of its own: slow answers must not make the
tickers late."""
PLAN_ANSWER_S = 1.0
PLAN_CALLS_A_SECOND = 50
"""Books and limits together: half of what the venue allows an address (600 calls in 5 s), a burst of so many included."""
LOOK_BACK = timedelta(minutes=10)
Reply = TypeVar("Reply")
log = get_logger(__name__)


class BybitPublicVenue:
    """One environment's instruments, tickers and candles.

    Args:
        rest: Base address without a path.
    """

    def __init__(self, rest: str, clock: Clock) -> None:
        self._clock = clock
        self._connections = VenueConnections(rest.rstrip("/"), order_threads=1, query_threads=THREADS)
        self._market = PublicMarket(connections=self._connections, read_timeout_s=ANSWER_S, clock=clock)
        self._beside = VenueConnections(
            self._connections.rest, order_threads=1, query_threads=PLAN_THREADS, breaker=self._connections.breaker
        )
        self._for_plans = PublicMarket(connections=self._beside, read_timeout_s=PLAN_ANSWER_S, clock=clock)
        self._pace = AsyncLimiter(PLAN_CALLS_A_SECOND, 1)

    async def instruments(self) -> Sequence[Instrument]:
        """All spot pairs against USDT; a row that cannot be read or traded is left out and logged."""
        listing = _answered(await self._market.instruments())
        for fault in listing.faults:
            log.warning("instrument_unreadable", fault=fault)
        return [row.to_domain() for row in listing.rows if row.quote_coin == QUOTE and _usable(row)]

    async def quotes(self) -> Mapping[str, Quote]:
        """The top of every spot book against USDT that has any price."""
        listing = _answered(await self._market.tickers())
        at = self._clock.now()
        rows = (row for row in listing.rows if row.symbol.endswith(QUOTE) and min(row.bid, row.ask, row.last) >= ZERO)
        return {row.symbol: row.to_domain(at) for row in rows if row.bid or row.ask or row.last}

    async def price_limit(self, symbol: str) -> PriceLimit:
        """Beyond which prices orders are refused now; a side that is zero is not told."""
        async with self._pace:
            row = _answered(await self._for_plans.price_limit(symbol))
        return PriceLimit(symbol=symbol, highest_buy=row.highest_buy or None, lowest_sell=row.lowest_sell or None)

    async def depth(self, symbol: str) -> Depth:
        """The best levels of a book."""
        async with self._pace:
            row = _answered(await self._for_plans.order_book(symbol, levels=LEVELS))
        return row.to_domain(self._clock.now(), levels=LEVELS)

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        """The one-minute candle that covers `at`, else the latest of the ten minutes before."""
        minute = at.replace(second=0, microsecond=0)
        answer = await self._market.candles(
            symbol, start_ms=epoch_ms(minute - LOOK_BACK), end_ms=epoch_ms(minute), limit=11
        )
        found = [row.to_domain() for row in _answered(answer).rows]
        covered = [
            Candle(start=from_epoch_ms(item.start_ms), low=item.low, high=item.high)
            for item in found
            if from_epoch_ms(item.start_ms) <= at and ZERO < item.low <= item.high
        ]
        return max(covered, key=lambda item: item.start, default=None)

    async def close(self) -> None:
        """Give the threads back without waiting for a call under way."""
        self._connections.close()
        self._beside.close()


def _answered(outcome: Outcome[Reply]) -> Reply:
    match outcome:
        case Accepted(reply=reply):
            return reply
        case RateLimited(code=code) | Refused(code=code):
            raise VenueUnavailable(context={"cause": f"code {code}"})
        case Unknown(reason=reason):
            raise VenueUnavailable(context={"cause": reason})
        case _:
            raise VenueUnavailable(context={"cause": type(outcome).__name__})


def _usable(row: InstrumentRow) -> bool:
    """A step of zero would divide by zero later, a limit of zero means the venue told none."""
    item = row.to_domain()
    return item.lot_size > ZERO and item.tick_size > ZERO and item.max_limit_quantity > ZERO
