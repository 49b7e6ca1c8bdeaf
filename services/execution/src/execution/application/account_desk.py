"""The one who trades, listens and asks for one venue account, as long as its lease holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from execution.application.book_ports import Work
from execution.application.desk_tools import DeskClosedError, DeskLostError, DeskTools
from execution.application.news import News
from execution.application.ports import DeskLease, DeskNeed, FreshRun
from execution.application.purse import Funds, Purse, needed_for
from execution.application.send_orders import Patience
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Run
from execution.domain.turn import due
from shared.trading.errors import Unavailable
from shared.trading.policy import LegPolicy
from shared.trading.quote import Quote
from shared.trading.status import Side

log = structlog.get_logger(__name__)

PAUSE_S = 0.25
IDLE_S = 60.0
"""A desk with nothing to do is woken: by a command here, by its lease's renewal, by the stream."""
EXPIRY_LOOK_S = 1.0


class AccountDesk:
    """One desk. PostgreSQL owns the work: whatever is lost here is found again by the next holder."""

    def __init__(self, lease: DeskLease, tools: DeskTools) -> None:
        self._lease = lease
        self._tools = tools
        self._warm = True
        self._news = News()
        self._fresh: list[FreshRun] = []
        self._wake = asyncio.Event()
        self._nudge = asyncio.Event()
        self._recovered = asyncio.Event()
        self._ask_now: set[str] = set()
        self._must_answer: set[str] = set()
        self._sending: set[str] = set()
        self._stream = tools.streams.stream(lease.account, hear=self._news.hear, gap=self._gap)
        self._log = log.bind(account_id=str(lease.account.account_id), fence=lease.fence)

    def wake(self) -> None:
        """There is something new to trade, or a plan that may become it."""
        self._warm = True
        self._wake.set()

    def take(self, fresh: FreshRun) -> None:
        """A run that was committed this moment; what is lost of it here is found again by reading."""
        self._fresh.append(fresh)
        self._wake.set()

    @property
    def _purse(self) -> Purse:
        """Looked up each time: a purse that others use meanwhile is never another one."""
        return self._tools.purse(self._lease.account)

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
            facts = await self._news.collect()
            await self._persist(lambda facts=facts: self._tools.bookkeeper.book(self._lease.account, facts))  # type: ignore[misc]
            self._purse.forget()  # read while these orders were on their way, it would count their money as free

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
            taken = await self._tools.bookkeeper.take_over(self._lease)
            if taken is None:
                raise DeskLostError
            self._must_answer = taken

        await self._persist(lose)
        if self._must_answer:
            self._purse.forget()
            self._log.warning("desk_recovers", open_orders=len(self._must_answer))
        else:
            self._purse.doubt()
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
            self._purse.forget()  # other answers of this pass may have been booked
            self._log.warning("resolver_waits", reason=error.code)
            return timedelta(seconds=PAUSE_S)
        if answered:
            self._purse.forget()
        self._ask_now -= answered
        self._must_answer -= answered
        return nap

    async def _open_links(self) -> set[str]:
        account = self._lease.account
        try:
            async with self._tools.books.work(account.user_id) as work:
                return {row.link_id for row in await work.open_attempts(account.account_id)}
        except Unavailable:
            return {"*"}

    async def _trade(self, group: asyncio.TaskGroup) -> None:
        while not self._recovered.is_set():
            await self._expire_once()
            await _pause(self._recovered, EXPIRY_LOOK_S)
        while True:
            self._wake.clear()
            try:
                busy = await self._trade_once(group)
            except Unavailable as error:
                self._log.warning("trading_waits", reason=error.code)
                busy = True
            await _pause(self._wake, PAUSE_S if busy else IDLE_S)

    async def _expire_once(self) -> None:
        """What is too late ends, even while nothing may be sent."""
        try:
            async with self._tools.books.work(self._lease.account.user_id) as work:
                runs = await work.trading_runs(self._lease.account.account_id)
                late = [(run, due(await work.legs_of_run(run.run_id))) for run in runs if self._over(run)]
            for run, legs in late:
                if legs:
                    await self._tools.trade_run.intents(self._lease, run, legs)
        except Unavailable as error:
            log.warning("expiry_waits", reason=error.code)

    def _over(self, run: Run) -> bool:
        return self._tools.trade_run.over(run)

    async def _trade_once(self, group: asyncio.TaskGroup) -> bool:
        if self._fresh:
            return await self._trade_fresh(group)
        account = self._lease.account
        async with self._tools.books.work(account.user_id) as work:
            runs = await work.trading_runs(account.account_id)
            planned = [await self._due(work, run, younger=runs[number:]) for number, run in enumerate(runs, 1)]
            resting = not runs and not await work.open_attempts(account.account_id)
        if resting:
            await self._rest()
        if self._warm and not runs:
            group.create_task(self._purse.warm())
        self._warm = False
        for run, legs, funds, _ in planned:
            await self._trade_run(group, run, legs, funds)
        return any(waiting for _, _, _, waiting in planned)

    async def _trade_fresh(self, group: asyncio.TaskGroup) -> bool:
        """Runs that were handed over: their intents say again, under the lock, what is still to be sent."""
        handed, self._fresh = self._fresh, []
        for fresh in handed:
            funds = Funds(purse=self._purse, needed=fresh.needed)
            await self._trade_run(group, fresh.run, due(fresh.legs), funds, fresh.quotes)
        return True

    async def _trade_run(
        self,
        group: asyncio.TaskGroup,
        run: Run,
        legs: Sequence[Leg],
        funds: Funds | None,
        quotes: Awaitable[Mapping[str, Quote]] | None = None,
    ) -> None:
        attempts = await self._tools.trade_run.intents(self._lease, run, legs, funds, quotes) if legs else ()
        if not attempts:
            return
        links = {attempt.link_id for attempt in attempts}
        self._sending |= links
        self._news.expect(links)
        group.create_task(self._send(attempts, until=run.expires_at))

    async def _due(self, work: Work, run: Run, *, younger: Sequence[Run]) -> tuple[Run, list[Leg], Funds | None, bool]:
        """A run's legs whose turn it is, what its first buys need, and whether any leg still waits for its turn."""
        legs = await work.legs_of_run(run.run_id)
        now = due(legs)
        # What a settled leg of such a run leads to is found by looking: another attempt, or a run that sells.
        waiting = run.policy is not LegPolicy.HOLD or any(leg.to_send for leg in legs)
        buys = [leg for leg in legs if leg.side is Side.BUY]
        if not any(leg.side is Side.BUY for leg in now) or any(leg.client_order_id for leg in buys):
            return run, now, None, waiting
        return run, now, Funds(purse=self._purse, needed=await needed_for(work, run, younger=younger)), waiting

    async def _rest(self) -> None:
        account = self._lease.account
        async with self._tools.books.work(account.user_id) as work:
            await work.lock(account.account_id)
            if not await work.trading_runs(account.account_id) and not await work.open_attempts(account.account_id):
                await work.rest_desk(account.account_id)

    async def _send(self, attempts: Sequence[Attempt], *, until: datetime) -> None:
        async def prolong(late: Sequence[Attempt]) -> Sequence[Attempt]:
            return await self._prolonged({attempt.link_id for attempt in late}, until)

        links = {attempt.link_id for attempt in attempts}
        try:
            patience = Patience(until=until, prolong=prolong)
            await self._tools.send_orders.execute(self._lease.account, attempts, self._news.hear, patience)
        finally:
            self._sending -= links
            self._nudge.set()

    async def _prolonged(self, links: set[str], until: datetime) -> Sequence[Attempt]:
        while True:
            try:
                return await self._tools.bookkeeper.prolong(self._lease, links, until=until)
            except Unavailable as error:
                self._log.warning("orders_wait_for_database", reason=error.code)
                await asyncio.sleep(PAUSE_S)


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """Until the event, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
