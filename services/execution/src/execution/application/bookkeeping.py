"""Book what the venue said: the only place where attempts, legs, holdings and the journal move.

One transaction takes many facts; the same fact twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from execution.application.book_ports import Books, Work
from execution.application.linking import Linking
from execution.application.open_books import OpenBooks
from execution.application.ports import Account, DeskLease
from execution.application.settle_run import settle_run
from execution.application.told import IncidentTold
from execution.domain.attempt import Attempt
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact, ExecutionFact, Fact, OrderFact, ReplyFact
from shared.trading.clock import Clock

log = structlog.get_logger(__name__)

_ORDER = {ReplyFact: 0, ExecutionFact: 1, OrderFact: 2, AbsenceFact: 3}


class Bookkeeper:
    """Books facts of one account at a time."""

    def __init__(self, *, books: Books, linking: Linking, times: ProtocolTimes, clock: Clock) -> None:
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
        ours = sorted((fact for fact in facts if self._linking.ours(fact.link_id)), key=lambda fact: _ORDER[type(fact)])
        if not ours:
            return
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            await self._book(work, account, ours)

    async def _book(self, work: Work, account: Account, facts: Sequence[Fact]) -> None:
        now = self._clock.now()
        open_books = await OpenBooks.load(work, account, facts, now=now)
        for fact in facts:
            if fact.link_id not in open_books.attempts:
                self._unknown_order(work, account, fact)
            elif isinstance(fact, ReplyFact):
                open_books.reply(fact)
            elif isinstance(fact, ExecutionFact):
                open_books.execution(fact)
            elif isinstance(fact, OrderFact):
                open_books.order(fact)
            else:
                open_books.absence(fact, self._times)
        await open_books.save()
        for run, again in open_books.runs_to_settle():
            await settle_run(work, run, now=now, again=again)

    @staticmethod
    def _unknown_order(work: Work, account: Account, fact: Fact) -> None:
        if isinstance(fact, ReplyFact | AbsenceFact):
            return
        log.error("order_of_ours_without_row", link_id=fact.link_id, account_id=str(account.account_id))
        work.tell(
            IncidentTold(
                user_id=account.user_id,
                account_id=account.account_id,
                code="unknown_order_of_ours",
                detail=f"The venue shows {fact.symbol} under an id of ours that our books do not have.",
                client_order_id=fact.link_id,
            )
        )

    async def take_over(self, account: Account) -> set[str]:
        """At take-over: whoever held the desk before may have sent every intent it had committed.

        Returns:
            Link ids of the open attempts, all to be asked about before anything new is sent.
        """
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            attempts = await work.open_attempts(account.account_id)
            page = await OpenBooks.of(work, account, attempts, now=self._clock.now())
            page.take_over()
            await page.save()
        return {attempt.link_id for attempt in attempts}

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
            The attempt afterwards; None when the desk is lost or the attempt has moved on by itself.
        """
        account = lease.account
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            found = await work.attempts_by_link({link_id})
            if not found or found[0].terminal or not await work.fenced(account.account_id, lease.fence):
                return None
            page = await OpenBooks.of(work, account, found, now=self._clock.now())
            decided = decision(found[0])
            page.follow(decided)
            if incident:
                page.incident(decided, incident, f"Order {link_id} of {decided.symbol} needs a person: {incident}.")
            await page.save()
            for run, again in page.runs_to_settle():
                await settle_run(work, run, now=self._clock.now(), again=again)
        return decided
