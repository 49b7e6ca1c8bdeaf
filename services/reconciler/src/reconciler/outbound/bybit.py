"""Reads an account at Bybit; every call is signed for reading only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.domain.books import Account, AccountBooks
from reconciler.domain.venue import NoView, VenueExecution, VenueLine, VenueOrder, VenueView
from reconciler.outbound.questions import Questions
from shared.contracts.rpc import signing as contract
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.outcomes import Accepted, NotSent, Outcome, RateLimited, Refused
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, TransactionRow
from shared.runtime.bybit.session import VenueSession
from shared.trading.clock import Clock, epoch_ms, from_epoch_ms
from shared.trading.errors import Denied, NotFound, Throttled, Unavailable
from shared.trading.status import VenueEnvironment

Reply = TypeVar("Reply")

AHEAD_MS = 60_000
"""Histories are read a little into the future, since the venue's clock may be ahead of ours."""
LOOKED_UP = 50
"""Orders that are asked for one by one in one comparison; the rest has its turn next time."""


class ReadSigner:
    """Signs reads of one account by asking keys."""

    def __init__(self, ask: Questions, account: Account) -> None:
        self._ask = ask
        self._account = account

    async def sign(
        self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: contract.Lane
    ) -> contract.Signature:
        """The port of `shared.runtime.bybit`."""
        request = contract.SignRequest(
            user_id=self._account.user_id,
            key_id=self._account.account_id,
            method="POST" if method == "POST" else "GET",
            path=path,
            payload=payload,
            recv_window_ms=recv_window_ms,
            lane=lane,
        )
        return await self._ask.ask(contract.SIGN_READ, request)


class NoViewError(Exception):
    """The venue cannot be read for a reason that is a finding, not a fault of the moment."""

    def __init__(self, view: NoView) -> None:
        super().__init__(view.detail)
        self.view = view


class BybitReader:
    """Reads accounts of all open environments.

    Args:
        connections: Of an environment; raises when it is not open.
        signer: Of an account.
    """

    def __init__(
        self,
        *,
        connections: Callable[[VenueEnvironment], VenueConnections],
        signer: Callable[[Account], ReadSigner],
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._signer = signer
        self._clock = clock

    async def read(self, books: AccountBooks, *, since_ms: int) -> VenueView | NoView:
        """Balances first, then what led to them, so that nothing is in a balance that no list explains."""
        account = books.account
        session = VenueSession(
            environment=account.environment,
            connections=self._connections(account.environment),
            signer=self._signer(account),
            read_lane=contract.Lane.POLL,
            clock=self._clock,
        )
        try:
            return await self._read(session, books, since_ms)
        except NoViewError as error:
            return error.view

    async def _read(self, session: VenueSession, books: AccountBooks, since_ms: int) -> VenueView:
        wallet = _understood(await session.wallet(), "the balances")
        until_ms = epoch_ms(self._clock.now())
        end_ms = until_ms + AHEAD_MS
        executions = _understood(await session.executions(start_ms=since_ms, end_ms=end_ms), "the executions")
        lines = _understood(await session.transaction_log(start_ms=since_ms, end_ms=end_ms), "the transaction log")
        open_orders = _understood(await session.open_orders(), "the open orders")
        return VenueView(
            balances={coin.coin: coin.wallet_balance for coin in wallet.coins},
            executions=tuple(_execution(row) for row in executions if row.exec_type == "Trade"),
            lines=tuple(_line(row) for row in lines if not row.is_spot_trade),
            open_orders=tuple(_order(row) for row in open_orders),
            looked_up=await self._look_up(session, books, {row.order_link_id for row in open_orders}),
            read_until_ms=until_ms,
        )

    async def _look_up(self, session: VenueSession, books: AccountBooks, listed: set[str]) -> tuple[VenueOrder, ...]:
        """What became of orders that we wait for and the venue does not list as open."""
        found: list[VenueOrder] = []
        waiting = [order for order in books.open_orders if order.client_order_id not in listed]
        for order in waiting[:LOOKED_UP]:
            rows = _understood(await session.order_by_link_id(order.client_order_id), "an order")
            if not rows:
                rows = _understood(await session.history_by_link_id(order.client_order_id), "an order")
            found += [_order(row) for row in rows]
        return tuple(found)


def _understood(outcome: Outcome[Reply], what: str) -> Reply:
    """The reply; a finding when the key is blind or a list cannot be read in full; else "try again"."""
    match outcome:
        case Accepted(reply=reply):
            return reply
        case Refused(blind=True, code=code, message=message):
            raise NoViewError(
                NoView(kind="blind", code=str(code), detail=f"The venue refuses our key: {message} ({code}).")
            )
        case NotSent(error=error) if isinstance(error, Denied | NotFound):
            raise NoViewError(NoView(kind="blind", code=error.code, detail=f"The key cannot be used: {error.detail}"))
        case NotSent(error=error):
            raise error
        case RateLimited():
            raise Throttled(f"The venue wants us to slow down while reading {what}.", code="venue_rate")
        case _ if getattr(outcome, "reason", "") in {"unparsable", "too_many_pages"}:
            detail = f"The venue's answer about {what} cannot be read in full."
            raise NoViewError(NoView(kind="gap", code="unreadable", detail=detail))
        case _:
            raise Unavailable(f"The venue did not answer about {what}.", code="venue_unavailable", retry_after_s=2.0)


def _execution(row: ExecutionRow) -> VenueExecution:
    return VenueExecution(
        exec_id=row.exec_id,
        client_order_id=row.order_link_id,
        symbol=row.symbol,
        side=row.side,
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        at=from_epoch_ms(row.time_ms),
    )


def _order(row: OrderRow) -> VenueOrder:
    return VenueOrder(
        client_order_id=row.order_link_id,
        symbol=row.symbol,
        status=row.status.value,
        final=row.final,
        at=from_epoch_ms(row.updated_ms),
    )


def _line(row: TransactionRow) -> VenueLine:
    return VenueLine(id=row.id, type=row.type, asset=row.currency, change=row.change, at=from_epoch_ms(row.time_ms))
