"""The venue, through Bybit's REST API."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from execution.application.ports import Account, Evidence
from execution.domain.account_flow import LogLine
from execution.domain.attempt import Attempt
from execution.domain.venue_facts import ExecutionFact, Reply, ReplyKind
from execution.outbound.keys_client import AccountSigner
from execution.outbound.late import Asker
from execution.outbound.venue_words import TRADE, execution_fact, limit_order, log_line, order_fact, reply
from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit.breaker import BAN_PAUSE, VenueBreaker
from shared.runtime.bybit.capabilities import CAPABILITIES, SPOT_BATCH_MAX
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.desk import CallTimes
from shared.runtime.bybit.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from shared.runtime.bybit.session import VenueSession
from shared.runtime.settings import VenueHost, open_host
from shared.trading.clock import Clock, epoch_ms
from shared.trading.errors import Denied, NotFound, Unavailable
from shared.trading.status import Side, VenueEnvironment

Found = TypeVar("Found")

GOVERNOR_PATIENCE_S = 5.0
"""Then the intent waits outside, and may go again until its bound."""
CALL_DEADLINE_S = 15.0
LOG_AHEAD_MS = 60_000
"""The log is read a little into the future, since the venue's clock may be ahead of ours."""
GUARDED = frozenset({"trading_halted", "limit_reached", "slippage_beyond_limit", "price_too_old"})
"""Refusals of the signer's guards."""
SESSIONS_MAX = 2000
"""Kept at once: a session is cheap to make again, its connections belong to the host."""


class BybitVenue:
    """The port `OrderVenue`.

    Args:
        hosts: Open environments; others are refused by name.
        recv_window: Of opening orders: short, so that a lost request soon cannot land any more.
        pause: How long no private call leaves for a host that has banned this address.
    """

    def __init__(
        self,
        hosts: Mapping[VenueEnvironment, VenueHost],
        *,
        asker: Asker,
        clock: Clock,
        recv_window: timedelta,
        pause: timedelta = BAN_PAUSE,
        sessions_max: int = SESSIONS_MAX,
    ) -> None:
        self._hosts = dict(hosts)
        self._asker = asker
        self._clock = clock
        self._recv_window_ms = recv_window // timedelta(milliseconds=1)
        self._connections: dict[VenueEnvironment, VenueConnections] = {}
        self._pause = pause
        self._sessions_max = sessions_max
        self._sessions: OrderedDict[UUID, tuple[VenueSession, AccountSigner]] = OrderedDict()

    def close(self) -> None:
        """Drop connections and threads."""
        for connections in self._connections.values():
            connections.close()

    def batch_size(self, environment: VenueEnvironment) -> int:
        """Orders that one send may carry: one where the environment has no spot batches."""
        return SPOT_BATCH_MAX if CAPABILITIES[environment].spot_batch else 1

    async def create(self, account: Account, attempts: Sequence[Attempt]) -> Sequence[Reply]:
        """Send orders; one reply per attempt, in order. Never raises for what the venue or keys said."""
        breaker = self._breaker(account.environment)
        if breaker.rest_s:
            paused = Reply(kind=ReplyKind.NOT_NOW, reason="venue_paused", retry_after_s=breaker.rest_s)
            return [paused] * len(attempts)
        session, signer = self._session(account)
        lane = Lane.BUY if attempts[0].side is Side.BUY else Lane.UNWIND
        with signer.bounded(attempts):
            if len(attempts) > 1 and session.capabilities.spot_batch:
                return await self._batch(session, attempts, lane)
            return await self._singles(session, attempts, lane)

    async def _singles(self, session: VenueSession, attempts: Sequence[Attempt], lane: Lane) -> Sequence[Reply]:
        outcomes = await asyncio.gather(
            *(
                session.create_order(limit_order(one), lane=lane, recv_window_ms=self._recv_window_ms)
                for one in attempts
            )
        )
        now = self._clock.now()
        return [reply(outcome, now) for outcome in outcomes]

    async def _batch(self, session: VenueSession, attempts: Sequence[Attempt], lane: Lane) -> Sequence[Reply]:
        orders = [limit_order(one) for one in attempts]
        outcome = await session.create_batch(orders, lane=lane, recv_window_ms=self._recv_window_ms)
        if _one_is_to_blame(outcome):
            return await self._singles(session, attempts, lane)
        now = self._clock.now()
        if isinstance(outcome, Accepted):
            return [reply(leg, now) for leg in outcome.reply.legs]
        return [reply(outcome, now)] * len(orders)

    async def look_up(self, account: Account, link_id: str) -> Evidence:
        """Live view, history, executions, in this order; the executions of a known order are asked for too.

        Raises:
            Unavailable: a question got no answer.
        """
        orders = await self._ask(account, lambda session: session.order_by_link_id(link_id))
        if not orders:
            orders = await self._ask(account, lambda session: session.history_by_link_id(link_id))
        order = order_fact(orders[0]) if orders else None
        if order is not None and not order.filled_quantity:
            return Evidence(order=order, executions=())
        rows = await self._ask(account, lambda session: session.executions_by_link_id(link_id))
        return Evidence(order=order, executions=[execution_fact(row) for row in rows if row.exec_type == TRADE])

    async def executions_since(self, account: Account, since: datetime) -> Sequence[ExecutionFact]:
        """All matches of the account from a moment on.

        Raises:
            Unavailable: no answer.
        """
        start, end = epoch_ms(since), epoch_ms(self._clock.now())
        rows = await self._ask(account, lambda session: session.executions(start_ms=start, end_ms=end))
        return [execution_fact(row) for row in rows if row.exec_type == TRADE]

    async def log_since(self, account: Account, since: datetime) -> Sequence[LogLine]:
        """Lines of the transaction log that are no spot trades.

        Raises:
            Unavailable: no answer.
        """
        start, end = epoch_ms(since), epoch_ms(self._clock.now()) + LOG_AHEAD_MS
        rows = await self._ask(account, lambda session: session.transaction_log(start_ms=start, end_ms=end))
        return [log_line(row) for row in rows if not row.is_spot_trade]

    async def balances(self, account: Account, assets: Collection[str]) -> Mapping[str, Decimal]:
        """Wallet balances, locked coins included.

        Raises:
            Unavailable: no answer.
        """
        wallet = await self._ask(account, lambda session: session.wallet(assets))
        return {row.coin: row.wallet_balance for row in wallet.coins if row.coin in assets}

    async def spendable(self, account: Account, asset: str) -> Decimal:
        """Wallet balance minus locked.

        Raises:
            Unavailable, Denied: no answer, or the key works no more.
        """
        wallet = await self._ask(account, lambda session: session.wallet([asset]))
        return wallet.available(asset)

    async def _ask(
        self, account: Account, question: Callable[[VenueSession], Coroutine[Any, Any, Outcome[Found]]]
    ) -> Found:
        self._breaker(account.environment).check()
        return _answer(await question(self._session(account)[0]))

    def _breaker(self, environment: VenueEnvironment) -> VenueBreaker:
        return self._host(environment).breaker

    def _session(self, account: Account) -> tuple[VenueSession, AccountSigner]:
        """The account's session; those that were not used for longest make room."""
        found = self._sessions.get(account.account_id)
        if found is None:
            signer = AccountSigner(self._asker, account)
            session = VenueSession(
                environment=account.environment,
                connections=self._host(account.environment),
                signer=signer,
                read_lane=Lane.CANCEL_QUERY,
                times=CallTimes(governor_patience_s=GOVERNOR_PATIENCE_S, deadline_s=CALL_DEADLINE_S),
                clock=self._clock,
            )
            found = self._sessions[account.account_id] = (session, signer)
        self._sessions.move_to_end(account.account_id)
        while len(self._sessions) > self._sessions_max:
            self._sessions.popitem(last=False)
        return found

    def _host(self, environment: VenueEnvironment) -> VenueConnections:
        found = self._connections.get(environment)
        if found is None:
            breaker = VenueBreaker(pause=self._pause, clock=self._clock, host=environment.value)
            found = VenueConnections(open_host(self._hosts, environment).rest, breaker=breaker)
            self._connections[environment] = found
        return found


def _one_is_to_blame(outcome: object) -> bool:
    """Whether the signer refused a whole batch because of one symbol: nothing was sent, and the others may go."""
    if not isinstance(outcome, NotSent) or outcome.error.code not in GUARDED:
        return False
    return "symbol" in outcome.error.context


def _answer(outcome: Outcome[Found]) -> Found:
    if isinstance(outcome, Accepted):
        return outcome.reply
    if isinstance(outcome, Refused) and outcome.blind:
        raise Denied("The venue does not accept this account's key any more.", code="account_key_refused")
    if isinstance(outcome, NotSent):
        if isinstance(outcome.error, Denied | NotFound):
            raise outcome.error
        why = outcome.error.code
    else:
        why = outcome.reason if isinstance(outcome, Unknown) else f"code_{outcome.code}"
    raise Unavailable("The venue did not answer; nothing was done.", code="venue_unavailable", context={"why": why})
