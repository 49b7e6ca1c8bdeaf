"""The reconciler found something of ours at the venue: ask the venue again and book what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from execution.application.book_flows import BookFlows, FlowRecord
from execution.application.book_ports import Books
from execution.application.bookkeeping import Bookkeeper
from execution.application.check_balances import CheckBalances
from execution.application.linking import Linking
from execution.application.ports import Account, OrderVenue
from execution.domain.venue_facts import Fact
from shared.trading.clock import Clock

LOOK_BACK = timedelta(days=7)
"""Bybit's executions, asked without times, go back this far."""
BEFORE_ITS_INTENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecord:
    """What to look at again."""

    account: Account
    client_order_ids: Sequence[str] = ()
    exec_ids: Sequence[str] = ()
    flow_ids: Sequence[str] = ()
    since: datetime | None = None
    assets: Sequence[str] = ()


class BookVenueRecord:
    """Books only what the venue confirms; doing it twice changes nothing."""

    def __init__(
        self,
        *,
        books: Books,
        venue: OrderVenue,
        bookkeeper: Bookkeeper,
        flows: BookFlows,
        balances: CheckBalances,
        linking: Linking,
        clock: Clock,
    ) -> None:
        self._flows = flows
        self._balances = balances
        self._books = books
        self._venue = venue
        self._bookkeeper = bookkeeper
        self._linking = linking
        self._clock = clock

    async def execute(self, record: VenueRecord) -> None:
        """Ask by client order id, and by time for matches without one, and for what was not ours.

        Raises:
            Unavailable: the venue did not answer; the task comes again.
        """
        await self._ours(record)
        if record.flow_ids:
            since = record.since or self._clock.now() - LOOK_BACK
            await self._flows.execute(FlowRecord(account=record.account, flow_ids=record.flow_ids, since=since))
        await self._balances.execute(record.account, record.assets)

    async def _ours(self, record: VenueRecord) -> None:
        facts: list[Fact] = []
        for link_id in record.client_order_ids:
            if self._linking.ours(link_id):
                facts += await self._of_order(record.account, link_id)
        found = {getattr(fact, "exec_id", None) for fact in facts}
        if set(record.exec_ids) - found:
            facts += await self._of_matches(record)
        await self._bookkeeper.book(record.account, facts)

    async def _of_order(self, account: Account, link_id: str) -> list[Fact]:
        evidence = await self._venue.look_up(account, link_id)
        facts: list[Fact] = list(evidence.executions)
        if evidence.order is not None:
            facts.append(evidence.order)
        return facts

    async def _of_matches(self, record: VenueRecord) -> list[Fact]:
        wanted = set(record.exec_ids)
        matches = await self._venue.executions_since(record.account, await self._since(record))
        return [match for match in matches if match.exec_id in wanted]

    async def _since(self, record: VenueRecord) -> datetime:
        """Before the oldest of the orders, at any age; without a word about orders, as far as one question reaches."""
        async with self._books.work(record.account.user_id) as work:
            attempts = await work.attempts_by_link(set(record.client_order_ids))
        recent = self._clock.now() - LOOK_BACK
        return min([recent, *(attempt.intent_at - BEFORE_ITS_INTENT for attempt in attempts)])
