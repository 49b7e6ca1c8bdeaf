"""The one who trades, listens and asks for one venue account, as long as its lease holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from execution.application.book_ports import Books
from execution.application.bookkeeping import Bookkeeper
from execution.application.ports import AccountStreams, DeskLease, DeskNeed, DeskRegister
from execution.application.resolve_unknown import ResolveUnknown
from execution.application.send_orders import SendOrders
from execution.application.trade_run import TradeRun
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.venue_facts import FINAL, Fact, OrderFact, ReplyFact, ReplyKind, Standing
from shared.trading.errors import Unavailable
from shared.trading.status import LegStatus

log = structlog.get_logger(__name__)

PAUSE_S = 0.25
FACTS_AT_ONCE = 200
IDLE_S = 60.0
"""A desk with nothing to do is woken: by a command here, by its lease's renewal, by the stream."""
LINGER_S = 0.04
"""No news wait longer than this for others."""
GATHER_S = 0.01
"""Frames of one batch of orders come this close together."""


class DeskLostError(Exception):
    """Somebody else holds the lease."""


class DeskClosedError(Exception):
    """Nothing to do for this account any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTools:
    """What every desk works with.

    Attributes:
        holder: Name of this process among all that could trade.
        renew_every_s: Well below the lease's length.
    """

    books: Books
    bookkeeper: Bookkeeper
    trade_run: TradeRun
    send_orders: SendOrders
    resolve: ResolveUnknown
    streams: AccountStreams
    register: DeskRegister
    holder: str
    renew_every_s: float = 1.5


class AccountDesk:
    """One desk. PostgreSQL owns the work: whatever is lost here is found again by the next holder."""

    def __init__(self, lease: DeskLease, tools: DeskTools) -> None:
        self._lease = lease
        self._tools = tools
        self._facts: asyncio.Queue[Fact] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._nudge = asyncio.Event()
        self._recovered = asyncio.Event()
        self._ask_now: set[str] = set()
        self._must_answer: set[str] = set()
        self._sending: set[str] = set()
        self._awaited: set[str] = set()
        self._stream = tools.streams.stream(lease.account, hear=self._hear, gap=self._gap)
        self._log = log.bind(account_id=str(lease.account.account_id), fence=lease.fence)

    def wake(self) -> None:
        """There is something new to trade."""
        self._wake.set()

    async def run(self) -> None:
        """Work until the lease is lost or nothing is left to do; an error ends the desk, and the next one recovers."""
        self._log.info("desk_opened")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_lease())
                group.create_task(self._stream.run())
                group.create_task(self._keep_books())
                await self._recover()
                group.create_task(self._resolve_open())
                group.create_task(self._trade(group))
        except* (DeskLostError, DeskClosedError) as reasons:
            self._log.info("desk_closed", reason=type(reasons.exceptions[0]).__name__)

    def _hear(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._facts.put_nowait(fact)

    def _gap(self, reason: str) -> None:
        """News may have been missed: everything open is asked about."""
        self._log.info("stream_gap", reason=reason)
        self._ask_now.add("*")
        self._nudge.set()

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self._tools.renew_every_s)
            try:
                need = await self._tools.register.renew(self._lease, self._tools.holder)
            except Unavailable:
                # Nothing can be sent meanwhile: every send needs a commit that checks the fence.
                self._log.warning("lease_not_renewed")
                continue
            if need is DeskNeed.LOST:
                raise DeskLostError
            if need is DeskNeed.NONE:
                raise DeskClosedError
            if need is DeskNeed.WORK:
                self._wake.set()  # another process may have accepted an order

    async def _keep_books(self) -> None:
        while True:
            facts = await self._collected()
            await self._persist(lambda facts=facts: self._tools.bookkeeper.book(self._lease.account, facts))  # type: ignore[misc]

    async def _collected(self) -> list[Fact]:
        """The news at hand: one commit for what comes close together.

        Acknowledgements alone wait for the fills behind them; nothing waits once every order sent is known to be over.
        """
        facts = [await self._facts.get()]
        loop = asyncio.get_running_loop()
        patience_ends = loop.time() + LINGER_S
        while len(facts) < FACTS_AT_ONCE:
            self._awaited -= {fact.link_id for fact in facts if isinstance(fact, OrderFact) and fact.standing in FINAL}
            rest_s = max(patience_ends - loop.time(), 0.0)
            pause_s = rest_s if _only_acknowledged(facts) else min(rest_s, GATHER_S)
            try:
                async with asyncio.timeout(pause_s if self._awaited else 0.0):
                    facts.append(await self._facts.get())
            except TimeoutError:
                break
        return facts

    async def _persist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Facts are kept until the database has them."""
        while True:
            try:
                await action()
                return
            except Unavailable as error:
                self._log.warning("books_wait_for_database", reason=error.code)
                await asyncio.sleep(PAUSE_S)

    async def _recover(self) -> None:
        async def lose() -> None:
            self._must_answer = await self._tools.bookkeeper.take_over(self._lease.account)

        await self._persist(lose)
        if self._must_answer:
            self._log.warning("desk_recovers", open_orders=len(self._must_answer))
        else:
            self._recovered.set()

    async def _resolve_open(self) -> None:
        while True:
            self._nudge.clear()
            nap = await self._resolve_once()
            if not self._must_answer:
                self._recovered.set()
            await _pause(self._nudge, nap.total_seconds())

    async def _resolve_once(self) -> timedelta:
        everything = "*" in self._ask_now
        self._ask_now.discard("*")
        if everything:
            self._ask_now |= await self._open_links()
        wanted = self._ask_now | self._must_answer
        try:
            answered, nap = await self._tools.resolve.execute(
                self._lease, ask_now=wanted, busy=frozenset(self._sending), listening=self._stream.connected
            )
        except Unavailable as error:
            self._log.warning("resolver_waits", reason=error.code)
            return timedelta(seconds=PAUSE_S)
        self._ask_now -= answered
        self._must_answer -= answered
        return timedelta(seconds=PAUSE_S) if self._must_answer else nap

    async def _open_links(self) -> set[str]:
        account = self._lease.account
        try:
            async with self._tools.books.work(account.user_id) as work:
                return {row.link_id for row in await work.open_attempts(account.account_id)}
        except Unavailable:
            return {"*"}

    async def _trade(self, group: asyncio.TaskGroup) -> None:
        await self._recovered.wait()
        while True:
            self._wake.clear()
            try:
                busy = await self._trade_once(group)
            except Unavailable as error:
                self._log.warning("trading_waits", reason=error.code)
                busy = True
            await _pause(self._wake, PAUSE_S if busy else IDLE_S)

    async def _trade_once(self, group: asyncio.TaskGroup) -> bool:
        account = self._lease.account
        async with self._tools.books.work(account.user_id) as work:
            runs = await work.trading_runs(account.account_id)
            planned = [(run, _planned(await work.legs_of_run(run.run_id))) for run in runs]
            resting = not runs and not await work.open_attempts(account.account_id)
        if resting:
            await self._rest()
        for run, legs in planned:
            attempts = await self._tools.trade_run.intents(self._lease, run, legs) if legs else ()
            if attempts:
                links = {attempt.link_id for attempt in attempts}
                self._sending |= links
                self._awaited |= links
                group.create_task(self._send(attempts))
        return any(legs for _, legs in planned)

    async def _rest(self) -> None:
        account = self._lease.account
        async with self._tools.books.work(account.user_id) as work:
            await work.lock(account.account_id)
            if not await work.trading_runs(account.account_id) and not await work.open_attempts(account.account_id):
                await work.rest_desk(account.account_id)

    async def _send(self, attempts: Sequence[Attempt]) -> None:
        links = {attempt.link_id for attempt in attempts}
        try:
            await self._tools.send_orders.execute(self._lease.account, attempts, self._hear)
        finally:
            self._sending -= links
            self._nudge.set()


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Until the event, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _only_acknowledged(facts: Sequence[Fact]) -> bool:
    return all(_acknowledges(fact) for fact in facts)


def _acknowledges(fact: Fact) -> bool:
    if isinstance(fact, ReplyFact):
        return fact.reply.kind is ReplyKind.ACCEPTED
    return isinstance(fact, OrderFact) and fact.standing is Standing.OPEN


def _planned(legs: Sequence[Leg]) -> list[Leg]:
    return [leg for leg in legs if leg.status is LegStatus.PLANNED]
