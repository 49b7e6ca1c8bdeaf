"""Book what the venue said: the only place where attempts, legs, holdings and the journal move.

One transaction takes many facts; the same fact twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from execution.application.book_ports import Books, Work
from execution.application.fee_prices import FeePrices
from execution.application.linking import Linking
from execution.application.open_books import OpenBooks
from execution.application.ports import Account, DeskLease
from execution.application.settle_run import settle_run
from execution.application.told import IncidentTold
from execution.domain.attempt import Attempt
from execution.domain.fee_price import FeePrice
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact, AskedFact, ExecutionFact, Fact, OrderFact, ReplyFact
from shared.trading.clock import Clock
from shared.trading.errors import PlatformError, Unavailable
from shared.trading.status import AttemptState

log = structlog.get_logger(__name__)

_UNBOOKABLE = (PlatformError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a fact with impossible figures may end in, here, in an event or in the database; never a passing trouble."""
_ORDER = {ReplyFact: 0, ExecutionFact: 1, OrderFact: 2, AbsenceFact: 3, AskedFact: 4}


class Bookkeeper:
    """Books facts of one account at a time."""

    def __init__(
        self, *, books: Books, linking: Linking, times: ProtocolTimes, clock: Clock, fee_prices: FeePrices
    ) -> None:
        self._fee_prices = fee_prices
        self._books = books
        self._linking = linking
        self._times = times
        self._clock = clock

    async def book(self, account: Account, facts: Iterable[Fact]) -> None:
        """Book facts in one transaction and settle the runs that they end.

        Facts about orders that are not ours are left alone: the user may trade beside us.

        Raises:
            Unavailable: nothing was booked; the facts must be given again.
        """
        told = list(facts)
        known = {link_id for link_id in {fact.link_id for fact in told} if self._linking.ours(link_id)}
        ours = sorted((fact for fact in told if fact.link_id in known), key=lambda fact: _ORDER[type(fact)])
        if not ours:
            return
        try:
            await self._commit(account, ours)
        except Unavailable:
            raise
        except _UNBOOKABLE:
            log.exception("facts_refused_together", account_id=str(account.account_id), facts=len(ours))
            for fact in ours:
                await self._commit_alone(account, fact)

    async def _commit_alone(self, account: Account, fact: Fact) -> None:
        """One fact that cannot be booked keeps no other from the books; a person looks at it."""
        try:
            await self._commit(account, [fact])
        except Unavailable:
            raise
        except _UNBOOKABLE as error:
            log.exception("fact_unbookable", account_id=str(account.account_id), link_id=fact.link_id)
            async with self._books.work(account.user_id) as work:
                work.tell(_unbookable(account, fact, error))

    async def _commit(self, account: Account, facts: Sequence[Fact]) -> None:
        prices = await self._fee_prices.of(account, facts)
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            await self._book(work, account, facts, prices)

    async def _book(self, work: Work, account: Account, facts: Sequence[Fact], prices: Mapping[str, FeePrice]) -> None:
        now = self._clock.now()
        open_books = await OpenBooks.load(work, account, facts, now=now, fee_prices=prices)
        for fact in facts:
            if fact.link_id not in open_books.attempts:
                self._unknown_order(work, account, fact)
            elif isinstance(fact, ReplyFact):
                open_books.reply(fact)
            elif isinstance(fact, ExecutionFact):
                open_books.execution(fact)
            elif isinstance(fact, OrderFact):
                open_books.order(fact)
            elif isinstance(fact, AskedFact):
                asked = open_books.attempts[fact.link_id].asked(fact.at, answered=fact.answered)
                open_books.follow(asked)
            else:
                open_books.absence(fact, self._times)
        await open_books.save()
        for run, again in open_books.runs_to_settle():
            await settle_run(work, run, now=now, again=again, times=self._times)

    @staticmethod
    def _unknown_order(work: Work, account: Account, fact: Fact) -> None:
        if isinstance(fact, ReplyFact | AbsenceFact | AskedFact):
            return
        log.error("order_of_ours_without_row", link_id=fact.link_id, account_id=str(account.account_id))
        work.tell(
            IncidentTold(
                user_id=account.user_id,
                account_id=account.account_id,
                code="unknown_order_of_ours",
                detail=f"The venue shows {fact.symbol} under an id of ours that our books do not have.",
                client_order_id=fact.link_id,
                once=fact.link_id,
            )
        )

    async def take_over(self, lease: DeskLease) -> set[str] | None:
        """At take-over: whoever held the desk before may have sent every intent it had committed.

        Returns:
            Link ids of the open attempts, all to be asked about before anything new is sent, but for those that wait
            for a person; None when the desk is lost already.
        """
        account = lease.account
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            if not await work.fenced(account.account_id, lease.fence):
                return None
            attempts = await work.open_attempts(account.account_id)
            page = await OpenBooks.of(work, account, attempts, now=self._clock.now())
            page.take_over()
            await page.save()
        return {row.link_id for row in attempts if row.state is not AttemptState.NEEDS_ATTENTION}

    async def prolong(self, lease: DeskLease, link_ids: Collection[str], *, until: datetime) -> Sequence[Attempt]:
        """Let intents that were not sent in time be sent after all, as the holder of the desk.

        Args:
            lease: A desk that has lost its lease sends nothing more.
            link_ids: Intents of which nothing has been sent, or only what was refused for sure.
            until: Nothing is sent after this.

        Returns:
            Those that may be sent, with their new bound.
        """
        account, now = lease.account, self._clock.now()
        bound = min(now + self._times.sign_bound, until)
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            if bound <= now or not await work.fenced(account.account_id, lease.fence):
                return []
            page = await OpenBooks.of(work, account, await work.attempts_by_link(link_ids), now=now)
            later = [row.prolonged(bound) for row in page.attempts.values()]
            for row in later:
                page.follow(row)
            await page.save()
        return [row for row in later if row.send_before == bound]

    async def decide(
        self,
        lease: DeskLease,
        link_id: str,
        decision: Callable[[Attempt], Attempt],
        *,
        incident: str | None = None,
    ) -> Attempt | None:
        """Apply the resolver's decision to one attempt, as the holder of the desk.

        Args:
            lease: Decisions of a desk that has lost its lease are not taken.
            link_id: Which attempt.
            decision: From the attempt as it stands now.
            incident: Code of the incident that calls a person.

        Returns:
            The attempt afterwards; None when the desk is lost, or the attempt has moved on by itself and nothing is
            decided.
        """
        account = lease.account
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            found = await work.attempts_by_link({link_id})
            if not found or found[0].terminal or not await work.fenced(account.account_id, lease.fence):
                return None
            decided = decision(found[0])
            if decided == found[0]:
                return None
            page = await OpenBooks.of(work, account, found, now=self._clock.now())
            page.follow(decided)
            if incident:
                page.incident(decided, incident, f"Order {link_id} of {decided.symbol} needs a person: {incident}.")
            await page.save()
            for run, again in page.runs_to_settle():
                await settle_run(work, run, now=self._clock.now(), again=again, times=self._times)
        return decided


def _unbookable(account: Account, fact: Fact, error: Exception) -> IncidentTold:
    subject = fact.exec_id if isinstance(fact, ExecutionFact) else fact.link_id
    return IncidentTold(
        user_id=account.user_id,
        account_id=account.account_id,
        code="unbookable_fact",
        detail=f"{type(fact).__name__} {subject} of the venue is not in our books: {type(error).__name__}.",
        client_order_id=fact.link_id,
        once=subject,
    )
