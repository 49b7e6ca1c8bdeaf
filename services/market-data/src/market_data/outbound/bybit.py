"""The public side of Bybit through pybit: unsigned calls in threads, with bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import requests
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP
from requests.adapters import HTTPAdapter

from market_data.domain.errors import VenueUnavailable
from market_data.domain.identity import Candle
from market_data.domain.selection import QUOTE
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock, epoch_ms, from_epoch_ms
from shared.trading.errors import Invalid
from shared.trading.instrument import Instrument
from shared.trading.money import MAX_DIGITS, ZERO, parse_decimal
from shared.trading.quote import Quote

ANSWER_S = 5
LOOK_BACK = timedelta(minutes=10)
TOO_HIGH = Decimal(10) ** 18
T = TypeVar("T")
log = get_logger(__name__)


class BybitPublicVenue:
    """One environment's instruments, tickers and candles.

    Args:
        rest: Base address without a path.
    """

    def __init__(self, rest: str, clock: Clock) -> None:
        self._clock = clock
        self._facts = _session(rest)
        self._tickers = _session(rest)
        # Tickers have a thread of their own: a slow candle must never make prices old.
        self._facts_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bybit-facts")
        self._tickers_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bybit-tickers")

    async def instruments(self) -> Sequence[Instrument]:
        """All spot pairs against USDT; a row that cannot be read is left out and logged."""
        rows = await self._ask(
            self._facts_thread, lambda: self._facts.get_instruments_info(category="spot", limit=1000)
        )
        found = [_instrument(row) for row in rows if isinstance(row, dict) and row.get("quoteCoin") == QUOTE]
        return [item for item in found if item is not None]

    async def quotes(self) -> Mapping[str, Quote]:
        """The top of every spot book against USDT that has any price."""
        rows = await self._ask(self._tickers_thread, lambda: self._tickers.get_tickers(category="spot"))
        at = self._clock.now()
        found = (_quote(row, at) for row in rows)
        return {quote.symbol: quote for quote in found if quote is not None}

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        """The one-minute candle that covers `at`, else the latest of the ten minutes before."""
        minute = at.replace(second=0, microsecond=0)
        rows = await self._ask(
            self._facts_thread,
            lambda: self._facts.get_kline(
                category="spot",
                symbol=symbol,
                interval="1",
                start=epoch_ms(minute - LOOK_BACK),
                end=epoch_ms(minute),
                limit=11,
            ),
        )
        try:
            candles = [_candle(row) for row in rows]
        except (Invalid, ValueError, IndexError, TypeError) as error:
            raise VenueUnavailable(context={"cause": "unreadable_candle", "symbol": symbol}) from error
        covered = [item for item in candles if item.start <= at]
        return max(covered, key=lambda item: item.start, default=None)

    async def close(self) -> None:
        """Give the threads back without waiting for a call under way."""
        for thread in (self._facts_thread, self._tickers_thread):
            thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, thread: ThreadPoolExecutor, call: Callable[[], Any]) -> list[Any]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(2 * ANSWER_S):
                answer = await loop.run_in_executor(thread, call)
            return _rows(answer)
        except (InvalidRequestError, FailedRequestError) as error:
            raise VenueUnavailable(context={"cause": f"code {error.status_code}"}) from error
        except (requests.RequestException, ValueError, KeyError, TypeError, TimeoutError) as error:
            raise VenueUnavailable(context={"cause": type(error).__name__}) from error


def _session(rest: str) -> Any:
    # pybit is untyped; its retries are off, the beats ask again themselves.
    session: Any = HTTP(timeout=ANSWER_S, max_retries=1, retry_codes={-1}, force_retry=False)  # type: ignore[no-untyped-call]
    session.endpoint = rest.rstrip("/")
    # Proxies from the environment cost a fifth of every call and may lead somewhere else.
    session.client.trust_env = False
    for scheme in ("http://", "https://"):
        session.client.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1))
    return session


def _rows(answer: Any) -> list[Any]:
    rows = answer["result"]["list"]
    if not isinstance(rows, list):
        raise TypeError("the list is missing")
    return rows


def _instrument(row: dict[str, Any]) -> Instrument | None:
    try:
        lot, price = row["lotSizeFilter"], row["priceFilter"]
        limit = lot.get("maxLimitOrderQty") or lot["maxOrderQty"]
        return Instrument(
            symbol=str(row["symbol"]),
            base=str(row["baseCoin"]),
            quote=str(row["quoteCoin"]),
            lot_size=_above_zero(lot["basePrecision"]),
            tick_size=_above_zero(price["tickSize"]),
            min_quantity=parse_decimal(lot["minOrderQty"]),
            min_notional=parse_decimal(lot["minOrderAmt"]),
            max_limit_quantity=_above_zero(limit),
            trading=row["status"] == "Trading",
        )
    except (KeyError, TypeError, AttributeError, Invalid) as error:
        log.warning("instrument_unreadable", symbol=str(row.get("symbol"))[:40], cause=type(error).__name__)
        return None


def _above_zero(text: str) -> Decimal:
    value = parse_decimal(text)
    if value <= ZERO:
        raise Invalid("A step or a limit must be above zero.")
    return value


def _quote(row: Any, at: datetime) -> Quote | None:
    """Only the four fields that matter: this runs for every symbol once a second."""
    try:
        symbol = row["symbol"]
        if not symbol.endswith(QUOTE):
            return None
        bid, ask, last = _price(row["bid1Price"]), _price(row["ask1Price"]), _price(row["lastPrice"])
    except (KeyError, TypeError, AttributeError, Invalid, InvalidOperation):
        return None
    if not (bid or ask or last):
        return None
    return Quote(symbol=symbol, bid=bid, ask=ask, last=last, at=at)


def _price(text: Any) -> Decimal:
    """As `parse_decimal`, at a tenth of its cost, and never negative."""
    if not isinstance(text, str) or len(text) > MAX_DIGITS:
        raise Invalid("A price is a text of sensible length.")
    value = Decimal(text or "0")
    if not ZERO <= value < TOO_HIGH:
        raise Invalid("A price must be finite and not negative.")
    return value


def _candle(row: Any) -> Candle:
    low, high = parse_decimal(row[3]), parse_decimal(row[2])
    if not ZERO < low <= high:
        raise Invalid("A candle's low must be above zero and not above its high.")
    return Candle(start=from_epoch_ms(int(row[0])), low=low, high=high)
