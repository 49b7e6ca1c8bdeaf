"""One account at the venue, from asyncio: typed questions, typed outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit import judgement
from shared.runtime.bybit.batch import read_batch
from shared.runtime.bybit.calls import Call, RawReply, Signer
from shared.runtime.bybit.capabilities import CAPABILITIES, SPOT_BATCH_MAX
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.desk import CallDesk, CallTimes
from shared.runtime.bybit.http import READ_TIMEOUT_S, RemoteSignedHTTP
from shared.runtime.bybit.orders import ORDER_WINDOW_MS, READ_WINDOW_MS, LimitOrder, batch_body, create_body
from shared.runtime.bybit.outcomes import Accepted, NotOpen, NotSent, Outcome, Unknown
from shared.runtime.bybit.paging import read_pages
from shared.runtime.bybit.replies import (
    BatchReply,
    ExecutionRow,
    OrderAck,
    OrderRow,
    TransactionRow,
    WalletRow,
)
from shared.runtime.bybit.windows import windows
from shared.trading.clock import Clock, SystemClock, epoch_ms
from shared.trading.status import VenueEnvironment

Row = TypeVar("Row", bound=BaseModel)
Judged = TypeVar("Judged")


class VenueSession:
    """Calls of one account; create it on the running loop.

    Args:
        environment: Decides what the venue can do (capabilities).
        connections: Threads and connections of the host, shared by all accounts.
        signer: Signs for this account.
        read_lane: Lane of queries: CANCEL_QUERY for the one who trades, POLL for the one who compares.
    """

    def __init__(
        self,
        *,
        environment: VenueEnvironment,
        connections: VenueConnections,
        signer: Signer,
        read_lane: Lane = Lane.CANCEL_QUERY,
        times: CallTimes | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Clock | None = None,
    ) -> None:
        self.capabilities = CAPABILITIES[environment]
        self._connections = connections
        self._read_lane = read_lane
        self._clock = clock or SystemClock()
        http = RemoteSignedHTTP(
            endpoint=connections.rest,
            adapter=connections.adapter,
            signer=signer,
            loop=asyncio.get_running_loop(),
            read_timeout_s=read_timeout_s,
        )
        self._pybit: Any = http  # untyped methods that run in a worker thread
        self._desk = CallDesk(http, times or CallTimes(), connections.breaker)

    async def create_order(
        self, order: LimitOrder, *, lane: Lane = Lane.BUY, recv_window_ms: int = ORDER_WINDOW_MS
    ) -> Outcome[OrderAck]:
        """Send one order; accepted means acknowledged, never filled."""
        call, answer = await self._desk.send(
            self._connections.orders,
            lambda: self._pybit.place_order(**create_body(order)),
            lane=lane,
            recv_window_ms=recv_window_ms,
        )
        outcome = self._judged(call, answer, OrderAck)
        if isinstance(outcome, NotOpen):
            return Unknown(timestamp_ms=call.timestamp_ms, recv_window_ms=recv_window_ms, reason=f"code_{outcome.code}")
        if isinstance(outcome, Accepted) and outcome.reply.order_link_id not in {"", order.client_order_id}:
            return judgement.unparsable(call, judgement.UnparsableError("the reply names another order"))
        return outcome

    async def create_batch(
        self, orders: Sequence[LimitOrder], *, lane: Lane = Lane.BUY, recv_window_ms: int = ORDER_WINDOW_MS
    ) -> Outcome[BatchReply]:
        """Send up to ten orders; each leg has its own outcome, in the order given.

        Raises:
            ValueError: No orders, more than ten, or an environment without spot batches (`capabilities.spot_batch`).
        """
        if not 1 <= len(orders) <= SPOT_BATCH_MAX or not self.capabilities.spot_batch:
            raise ValueError(f"A spot batch holds 1 to {SPOT_BATCH_MAX} orders, where the venue has batches.")
        call, answer = await self._desk.send(
            self._connections.orders,
            lambda: self._pybit.place_batch_order(**batch_body(orders)),
            lane=lane,
            recv_window_ms=recv_window_ms,
        )
        if not isinstance(answer, RawReply):
            return answer
        outcome = self._heard(read_batch(call, answer, orders, self._now_ms()))
        if isinstance(outcome, Accepted):
            for leg in outcome.reply.legs:
                self._heard(leg)
        return outcome

    async def cancel_order(
        self, *, symbol: str, client_order_id: str, lane: Lane = Lane.CANCEL_QUERY
    ) -> Outcome[OrderAck]:
        """Ask for an order to be cancelled; NotOpen when there is nothing to cancel. Query for the final state."""
        call, answer = await self._desk.send(
            self._connections.queries,
            lambda: self._pybit.cancel_order(category="spot", symbol=symbol, orderLinkId=client_order_id),
            lane=lane,
            recv_window_ms=READ_WINDOW_MS,
        )
        return self._judged(call, answer, OrderAck)

    async def order_by_link_id(self, client_order_id: str) -> Outcome[tuple[OrderRow, ...]]:
        """The live view of one order (open, or among the last 500 closed); empty is not "does not exist"."""
        return await self._list(self._pybit.get_open_orders, OrderRow, orderLinkId=client_order_id)

    async def open_orders(self, symbol: str | None = None) -> Outcome[tuple[OrderRow, ...]]:
        """All open spot orders, the user's own included."""
        return await self._list(self._pybit.get_open_orders, OrderRow, symbol=symbol, openOnly=0, limit=50)

    async def history_by_link_id(self, client_order_id: str) -> Outcome[tuple[OrderRow, ...]]:
        """One order in the history, which may lag and forgets unfilled ones after 24 hours."""
        return await self._list(self._pybit.get_order_history, OrderRow, orderLinkId=client_order_id)

    async def executions_by_link_id(self, client_order_id: str) -> Outcome[tuple[ExecutionRow, ...]]:
        """All matches of one order, oldest first."""
        outcome = await self._list(self._pybit.get_executions, ExecutionRow, orderLinkId=client_order_id, limit=100)
        return _sorted_by_time(outcome)

    async def executions(self, *, start_ms: int, end_ms: int) -> Outcome[tuple[ExecutionRow, ...]]:
        """All spot matches between two times, oldest first, each once."""
        outcome = await self._windows(
            self._pybit.get_executions, ExecutionRow, lambda row: row.exec_id, start_ms, end_ms, limit=100
        )
        return _sorted_by_time(outcome)

    async def transaction_log(self, *, start_ms: int, end_ms: int) -> Outcome[tuple[TransactionRow, ...]]:
        """All lines of the account's log between two times, each once, whatever their type."""
        return await self._windows(
            self._pybit.get_transaction_log,
            TransactionRow,
            lambda row: row.id,
            start_ms,
            end_ms,
            limit=50,
            category=None,
            accountType="UNIFIED",
        )

    async def wallet(self, coins: Iterable[str] = ()) -> Outcome[WalletRow]:
        """Balances; coins without any are left out unless named."""
        outcome = await self._list(
            self._pybit.get_wallet_balance,
            WalletRow,
            category=None,
            accountType="UNIFIED",
            coin=",".join(coins) or None,
        )
        if not isinstance(outcome, Accepted):
            return outcome
        row = outcome.reply[0] if outcome.reply else WalletRow(coins=())
        return Accepted(timestamp_ms=outcome.timestamp_ms, recv_window_ms=outcome.recv_window_ms, reply=row)

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())

    def _judged(self, call: Call, answer: RawReply | Unknown | NotSent, model: type[Row]) -> Outcome[Row]:
        if not isinstance(answer, RawReply):
            return answer
        return self._heard(judgement.result(call, answer, model, self._now_ms()))

    def _heard(self, outcome: Judged) -> Judged:
        """Every outcome is looked at for signs of a ban."""
        self._connections.breaker.heard(outcome)
        return outcome

    async def _list(
        self, ask: Callable[..., Any], model: type[Row], *, category: str | None = "spot", **params: Any
    ) -> Outcome[tuple[Row, ...]]:
        async def fetch(cursor: str | None) -> tuple[Call, RawReply | Unknown | NotSent]:
            return await self._desk.send(
                self._connections.queries,
                lambda: ask(category=category, cursor=cursor, **params),
                lane=self._read_lane,
                recv_window_ms=READ_WINDOW_MS,
            )

        return self._heard(await read_pages(fetch, model, self._now_ms))

    async def _windows(
        self,
        ask: Callable[..., Any],
        model: type[Row],
        key: Callable[[Row], str],
        start_ms: int,
        end_ms: int,
        **params: Any,
    ) -> Outcome[tuple[Row, ...]]:
        found: dict[str, Row] = {}
        stamp: int | None = None
        for left, right in windows(start_ms, end_ms):
            outcome = await self._list(ask, model, startTime=left, endTime=right, **params)
            if not isinstance(outcome, Accepted):
                return outcome
            stamp = outcome.timestamp_ms
            found.update((key(row), row) for row in outcome.reply)
        return Accepted(timestamp_ms=stamp, recv_window_ms=READ_WINDOW_MS, reply=tuple(found.values()))


def _sorted_by_time(outcome: Outcome[tuple[ExecutionRow, ...]]) -> Outcome[tuple[ExecutionRow, ...]]:
    if not isinstance(outcome, Accepted):
        return outcome
    rows = sorted(outcome.reply, key=lambda row: (row.time_ms, row.sequence, row.exec_id))
    return Accepted(timestamp_ms=outcome.timestamp_ms, recv_window_ms=outcome.recv_window_ms, reply=tuple(rows))
