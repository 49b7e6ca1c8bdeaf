"""Public facts of the venue: instruments, tickers, candles and its clock. No key, no signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import requests

from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit import judgement
from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.fields import VenueRow
from shared.runtime.bybit.http import READ_TIMEOUT_S, PlainHTTP
from shared.runtime.bybit.outcomes import Accepted, Outcome, Unknown
from shared.runtime.bybit.public_rows import CandleRow, InstrumentRow, OrderBookRow, PriceLimitRow, TickerRow
from shared.trading.clock import Clock, SystemClock, epoch_ms

Row = TypeVar("Row", bound=VenueRow)
DEADLINE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """Rows that could be read, and why others could not: one odd instrument must not hide the rest."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...] = ()


class PublicMarket:
    """Unsigned calls to one host, from asyncio.

    Args:
        connections: Threads and connections of the host.
    """

    def __init__(
        self, *, connections: VenueConnections, read_timeout_s: float = READ_TIMEOUT_S, clock: Clock | None = None
    ) -> None:
        self._connections = connections
        self._clock = clock or SystemClock()
        self._pybit: Any = PlainHTTP(
            endpoint=connections.rest, adapter=connections.adapter, read_timeout_s=read_timeout_s
        )

    async def instruments(self) -> Outcome[Listing[InstrumentRow]]:
        """All spot pairs that trade now, with their rules (the venue does not page them)."""
        return await self._listing(lambda: self._pybit.get_instruments_info(category="spot", limit=1000), InstrumentRow)

    async def tickers(self, symbol: str | None = None) -> Outcome[Listing[TickerRow]]:
        """Best prices of all spot pairs, or of one."""
        return await self._listing(lambda: self._pybit.get_tickers(category="spot", symbol=symbol), TickerRow)

    async def candles(
        self,
        symbol: str,
        *,
        interval: str = "1",
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 200,
    ) -> Outcome[Listing[CandleRow]]:
        """Candles of a spot pair, newest first; `interval` in the venue's words (`1`, `60`, `D`, …)."""
        return await self._listing(
            lambda: self._pybit.get_kline(
                category="spot", symbol=symbol, interval=interval, start=start_ms, end=end_ms, limit=limit
            ),
            CandleRow,
            wrap=CandleRow.wrap,
        )

    async def price_limit(self, symbol: str) -> Outcome[PriceLimitRow]:
        """Beyond which prices orders of a spot pair are refused now."""
        call, answer = await self._send(lambda: self._pybit.get_price_limit(category="spot", symbol=symbol))
        if isinstance(answer, Unknown):
            return answer
        outcome = judgement.result(call, answer, PriceLimitRow, self._now_ms())
        self._connections.breaker.heard(outcome)
        return outcome

    async def order_book(self, symbol: str, *, levels: int) -> Outcome[OrderBookRow]:
        """The best levels of a spot pair's book, at most so many a side."""
        call, answer = await self._send(lambda: self._pybit.get_orderbook(category="spot", symbol=symbol, limit=levels))
        if isinstance(answer, Unknown):
            return answer
        outcome = judgement.result(call, answer, OrderBookRow, self._now_ms())
        self._connections.breaker.heard(outcome)
        return outcome

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())

    async def _send(self, request: Callable[[], Any]) -> tuple[Call, RawReply | Unknown]:
        call = Call(lane=Lane.POLL, recv_window_ms=0)
        if self._connections.breaker.rest_s:
            return call, Unknown(reason="venue_paused")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_S):
                raw = await loop.run_in_executor(self._connections.queries, request)
        except TimeoutError:
            return call, Unknown(reason="deadline")
        except requests.RequestException as error:
            return call, judgement.transport(call, error)
        return call, raw

    async def _listing(
        self, request: Callable[[], Any], model: type[Row], wrap: Callable[[Any], Any] = lambda row: row
    ) -> Outcome[Listing[Row]]:
        call, answer = await self._send(request)
        if isinstance(answer, Unknown):
            return answer
        outer = judgement.envelope(call, answer, self._now_ms())
        self._connections.breaker.heard(outer)
        if not isinstance(outer, Accepted):
            return outer
        body = outer.reply.get("result")
        items = body.get("list") if isinstance(body, dict) else None
        if not isinstance(items, list):
            return judgement.unparsable(call, judgement.UnparsableError("result.list is missing"))
        return Accepted(reply=_read(items, model, wrap))


def _read(items: list[Any], model: type[Row], wrap: Callable[[Any], Any]) -> Listing[Row]:
    rows: list[Row] = []
    faults: list[str] = []
    for item in items:
        try:
            rows.append(judgement.parse_row(model, wrap(item)))
        except judgement.UnparsableError as error:
            faults.append(str(error)[:200])
    return Listing(rows=tuple(rows), faults=tuple(faults))
