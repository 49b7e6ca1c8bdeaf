"""Find out what became of orders without news, by evidence alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from execution.application.book_ports import Books
from execution.application.bookkeeping import Bookkeeper
from execution.application.ports import Account, DeskLease, Market, OrderVenue
from execution.domain.attempt import Attempt
from execution.domain.next_step import Step, next_step, question_due, quiet_until
from execution.domain.position import Run
from execution.domain.price_band import still_in_band
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact, AskedFact, Fact, ReplyFact
from shared.trading.clock import Clock
from shared.trading.errors import PlatformError, Unavailable
from shared.trading.quote import Quote
from shared.trading.status import AttemptState

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
            The link ids that got an answer, found or not, or wait for a person, and how long nothing will be due.
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
        symbols = {row.symbol for row in attempts if row.closes_absent(self._times)}
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
        async with self._gate:  # and only then look at the clock: prices and plans expire in the queue too
            step = self._step(attempt, runs.get(attempt.run_id), quotes)
            wanted = attempt.link_id in ask_now or self._poll_due(attempt, listening=listening)
            if step is Step.WAIT and wanted and not self._quiet(attempt):
                step = Step.ASK
            if step is Step.ASK:
                return await self._ask(lease.account, attempt)
            if step is Step.WAIT:
                return None
            return await self._decide(step, lease, attempt, lambda row: self._step(row, runs.get(row.run_id), quotes))

    def _step(self, attempt: Attempt, run: Run | None, quotes: dict[str, Quote]) -> Step:
        now = self._clock.now()
        return next_step(
            attempt,
            now=now,
            times=self._times,
            in_band=_in_band(attempt, quotes.get(attempt.symbol), now),
            may_trade=run is not None and now < run.expires_at,
        )

    async def _decide(
        self, step: Step, lease: DeskLease, attempt: Attempt, still: Callable[[Attempt], Step]
    ) -> str | None:
        """Take a step that the attempt still calls for as it stands under the lock."""
        now, link, incident = self._clock.now(), attempt.link_id, None
        change: Callable[[Attempt], Attempt]
        match step:
            case Step.LOSE:
                change = partial(Attempt.lost, at=now, reason="no_answer")
            case Step.CLOSE:
                change = partial(Attempt.closed_absent, at=now, reason="never_placed")
            case Step.GIVE_UP:
                change, incident = partial(Attempt.given_up, at=now, times=self._times), "order_needs_attention"
            case _:
                bound = now + self._times.sign_bound
                change = partial(Attempt.resent, at=now, bound=bound, times=self._times)
        decided = await self._bookkeeper.decide(
            lease, link, lambda row: change(row) if still(row) is step else row, incident=incident
        )
        if decided is not None and step is Step.RESEND:
            await self._send_again(lease, decided)
        return link if decided is not None and step in {Step.CLOSE, Step.GIVE_UP} else None

    async def _ask(self, account: Account, attempt: Attempt) -> str | None:
        asked_at = self._clock.now()
        try:
            evidence = await self._venue.look_up(account, attempt.link_id)
        except PlatformError as error:
            # No answer is never "not found": nothing is concluded, a later pass asks again.
            log.warning("order_query_without_answer", link_id=attempt.link_id, reason=error.code)
            await self._bookkeeper.book(account, [AskedFact(link_id=attempt.link_id, at=asked_at, answered=False)])
            return None
        facts: list[Fact] = list(evidence.executions)
        if evidence.order is not None:
            facts.append(evidence.order)
        if not facts:
            facts = [AbsenceFact(link_id=attempt.link_id, asked_at=asked_at)]
        facts.append(AskedFact(link_id=attempt.link_id, at=asked_at, answered=True))
        await self._bookkeeper.book(account, facts)
        return attempt.link_id

    async def _send_again(self, lease: DeskLease, committed: Attempt) -> None:
        """The same id and the same body, after proven absence: committed before a byte is sent."""
        if self._clock.now() >= committed.send_before:
            log.warning("order_not_sent_again", link_id=committed.link_id, reason="held_up")
            return
        log.warning("order_sent_again", link_id=committed.link_id, resends=committed.resends)
        replies = await self._venue.create(lease.account, [committed])
        fact = ReplyFact(link_id=committed.link_id, reply=replies[0], at=self._clock.now())
        await self._bookkeeper.book(lease.account, [fact])

    def _quiet(self, attempt: Attempt) -> bool:
        quiet = quiet_until(attempt, self._times)
        return quiet is not None and self._clock.now() < quiet

    def _poll_due(self, attempt: Attempt, *, listening: bool) -> bool:
        if listening or attempt.state is AttemptState.NEEDS_ATTENTION:
            return False
        return self._clock.now() >= max(attempt.asked_at or attempt.updated_at, attempt.updated_at) + LONGEST_NAP

    def _nap(self, attempts: Sequence[Attempt], *, listening: bool) -> timedelta:
        now = self._clock.now()
        due = min(question_due(row, self._times) for row in attempts)
        longest = LONGEST_NAP if listening else LONGEST_NAP / 2
        return min(max(due - now, timedelta(milliseconds=20)), longest)


def _in_band(attempt: Attempt, quote: Quote | None, now: datetime) -> bool | None:
    if quote is None or not quote.fresh(now):
        return None
    return still_in_band(quote, side=attempt.side, limit=attempt.limit_price)
