"""Find out what became of orders without news, by evidence alone (safety, section 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from execution.application.book_ports import Books
from execution.application.bookkeeping import Bookkeeper
from execution.application.ports import Account, DeskLease, Market, OrderVenue
from execution.domain.attempt import Attempt
from execution.domain.next_step import Step, next_step, question_due
from execution.domain.position import Run
from execution.domain.price_band import still_in_band
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact, Fact, ReplyFact
from shared.trading.clock import Clock
from shared.trading.errors import PlatformError, Unavailable
from shared.trading.quote import Quote

log = structlog.get_logger(__name__)

QUESTIONS_AT_ONCE = 8
IDLE = timedelta(seconds=60)
LONGEST_NAP = timedelta(seconds=1)


class ResolveUnknown:
    """Takes the one step that the evidence rules allow for each open attempt of an account."""

    def __init__(
        self,
        *,
        books: Books,
        venue: OrderVenue,
        market: Market,
        bookkeeper: Bookkeeper,
        times: ProtocolTimes,
        clock: Clock,
    ) -> None:
        self._books = books
        self._venue = venue
        self._market = market
        self._bookkeeper = bookkeeper
        self._times = times
        self._clock = clock
        self._gate = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def execute(
        self, lease: DeskLease, *, ask_now: Collection[str] = (), busy: Collection[str] = (), listening: bool = True
    ) -> tuple[set[str], timedelta]:
        """One pass over the account's open attempts.

        Args:
            lease: The desk.
            ask_now: Link ids to ask about whatever the clock says (start, gap of the stream).
            busy: Link ids whose send is under way: their reply comes first.
            listening: Whether the private stream is up; if not, open orders are polled.

        Returns:
            The link ids that got an answer, found or not, and how long nothing will be due.
        """
        account = lease.account
        async with self._books.work(account.user_id) as work:
            attempts = [row for row in await work.open_attempts(account.account_id) if row.link_id not in busy]
            runs = {run.run_id: run for run in await work.trading_runs(account.account_id)}
        if not attempts:
            return set(ask_now) - set(busy), IDLE
        quotes = await self._quotes(account, attempts)
        answers = await asyncio.gather(
            *(self._advance(lease, row, ask_now, runs, quotes, listening=listening) for row in attempts)
        )
        known = {row.link_id for row in attempts}
        gone = {link for link in ask_now if link not in known and link not in busy}
        return {link for link in answers if link} | gone, self._nap(attempts, listening=listening)

    async def _quotes(self, account: Account, attempts: Sequence[Attempt]) -> dict[str, Quote]:
        symbols = {row.symbol for row in attempts if row.proven_absent(self._times)}
        if not symbols:
            return {}
        try:
            return dict(await self._market.quotes(account.environment, symbols))
        except Unavailable:
            return {}

    async def _advance(
        self,
        lease: DeskLease,
        attempt: Attempt,
        ask_now: Collection[str],
        runs: dict[UUID, Run],
        quotes: dict[str, Quote],
        *,
        listening: bool,
    ) -> str | None:
        now = self._clock.now()
        run = runs.get(attempt.run_id)
        step = next_step(
            attempt,
            now=now,
            times=self._times,
            in_band=_in_band(attempt, quotes.get(attempt.symbol), now),
            may_trade=run is not None and now < run.expires_at,
        )
        if step is Step.WAIT and (attempt.link_id in ask_now or self._poll_due(attempt, now, listening=listening)):
            step = Step.ASK
        async with self._gate:
            return await self._take(step, lease, attempt, now)

    async def _take(self, step: Step, lease: DeskLease, attempt: Attempt, now: datetime) -> str | None:
        link = attempt.link_id
        match step:
            case Step.ASK:
                return await self._ask(lease.account, attempt)
            case Step.LOSE:
                await self._bookkeeper.decide(lease, link, lambda row: row.lost(now, reason="no_answer"))
            case Step.CLOSE:
                await self._bookkeeper.decide(lease, link, lambda row: row.closed_absent(now, reason="never_placed"))
            case Step.GIVE_UP:
                await self._bookkeeper.decide(
                    lease, link, lambda row: row.given_up(now), incident="order_needs_attention"
                )
            case Step.RESEND:
                await self._send_again(lease, attempt)
            case Step.WAIT:
                pass
        return None

    async def _ask(self, account: Account, attempt: Attempt) -> str | None:
        asked_at = self._clock.now()
        try:
            evidence = await self._venue.look_up(account, attempt.link_id)
        except PlatformError as error:
            # No answer is never "not found": nothing is concluded, the next pass asks again.
            log.warning("order_query_without_answer", link_id=attempt.link_id, reason=error.code)
            return None
        facts: list[Fact] = list(evidence.executions)
        if evidence.order is not None:
            facts.append(evidence.order)
        if not facts:
            facts = [AbsenceFact(link_id=attempt.link_id, asked_at=asked_at)]
        await self._bookkeeper.book(account, facts)
        return attempt.link_id

    async def _send_again(self, lease: DeskLease, attempt: Attempt) -> None:
        """The same id and the same body, after proven absence: committed before a byte is sent."""
        now = self._clock.now()
        bound = now + self._times.sign_bound
        committed = await self._bookkeeper.decide(lease, attempt.link_id, lambda row: row.resent(now, bound=bound))
        if committed is None:
            return
        log.warning("order_sent_again", link_id=attempt.link_id, resends=committed.resends)
        replies = await self._venue.create(lease.account, [committed])
        fact = ReplyFact(link_id=attempt.link_id, reply=replies[0], at=self._clock.now())
        await self._bookkeeper.book(lease.account, [fact])

    def _poll_due(self, attempt: Attempt, now: datetime, *, listening: bool) -> bool:
        if listening:
            return False
        return now >= max(attempt.checked_at or attempt.updated_at, attempt.updated_at) + LONGEST_NAP

    def _nap(self, attempts: Sequence[Attempt], *, listening: bool) -> timedelta:
        now = self._clock.now()
        due = min(question_due(row, self._times) for row in attempts)
        longest = LONGEST_NAP if listening else LONGEST_NAP / 2
        return min(max(due - now, timedelta(milliseconds=20)), longest)


def _in_band(attempt: Attempt, quote: Quote | None, now: datetime) -> bool | None:
    if quote is None or not quote.fresh(now):
        return None
    return still_in_band(quote, side=attempt.side, limit=attempt.limit_price)
