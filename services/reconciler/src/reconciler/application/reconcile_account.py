"""Compares one account with the venue: breaks found and resolved, what we lack handed over, P&L told on proved books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from reconciler.application.appraise import Marks, appraise, worth_telling
from reconciler.application.keep_flows import BITCOIN
from reconciler.application.ports import Agenda, BookKeeper, Desk, Market, VenueReader, Work
from reconciler.application.refresh_books import keep_books
from reconciler.domain.announcements import Break, BreakTold, HandoverTold
from reconciler.domain.books import Account, AccountBooks
from reconciler.domain.break_life import advance
from reconciler.domain.comparison import Lens, compare, others_flows, our_exec_ids, without_view
from reconciler.domain.deviation import Band
from reconciler.domain.findings import Comparison
from reconciler.domain.slots import derived_id
from reconciler.domain.tracking import AccountProgress, Tracked
from reconciler.domain.valuation import Source
from reconciler.domain.venue import NoView, VenueView
from shared.trading.clock import Clock, Ids, epoch_ms
from shared.trading.errors import Throttled, Unavailable
from shared.trading.quote import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a comparison is done.

    Attributes:
        link_key: Tells our client order ids from look-alikes.
        quiet: Orders and matches younger than this are left alone (10 s by default).
        overlap: Histories are read again from this long before the last reading's end: the venue's lists lag.
        first_look: An account without any trade of ours is read back this far.
        later: When the venue or a neighbour was away, look again after this long.
    """

    link_key: bytes
    band: Band
    quiet: timedelta = timedelta(seconds=10)
    overlap: timedelta = timedelta(minutes=10)
    first_look: timedelta = timedelta(hours=1)
    later: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One comparison to be made.

    Attributes:
        job_id: The message's.
        slot: The tick, or when it became due.
        tick: Only the clock asks for it: not needed when the account was compared since the slot began.
    """

    account: Account
    job_id: UUID
    slot: datetime
    tick: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    books: AccountBooks
    view: VenueView | NoView
    missing: frozenset[str]
    unbooked: frozenset[str]
    lots: Mapping[str, Decimal]
    listing: Mapping[str, bool]
    quotes: Mapping[str, Quote]
    asked_at: datetime
    """When the quotes were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Why nothing was compared: `done_before`, `not_needed`, or the code of who was away (the account is due again)."""

    reason: str


class ReconcileAccount:
    """The five-minute comparison of one account; it reads and tells, and never trades."""

    def __init__(
        self,
        *,
        desk: Desk,
        agenda: Agenda,
        keeper: BookKeeper,
        venue: VenueReader,
        market: Market,
        clock: Clock,
        ids: Ids,
        rules: Rules,
    ) -> None:
        self._desk = desk
        self._agenda = agenda
        self._keeper = keeper
        self._venue = venue
        self._market = market
        self._clock = clock
        self._ids = ids
        self._rules = rules

    async def reconcile(self, job: Job, *, consumer: str) -> Comparison | Skipped:
        """Compare once per job."""
        account = job.account
        async with self._desk.work(account.user_id) as work:
            progress = await work.progress(account)
        if job.tick and progress.compared_at is not None and progress.compared_at >= job.slot:
            return Skipped(reason="not_needed")
        try:
            evidence = await self._gather(account, progress)
        except (Unavailable, Throttled) as away:
            # Somebody is away: look again later. A message kept for that would become a dead letter in a long outage.
            await self._agenda.come_back(account, due=self._clock.now() + self._rules.later)
            return Skipped(reason=away.code)
        now = self._clock.now()
        async with self._desk.work(account.user_id) as work:
            if not await work.first_delivery(consumer, job.job_id):
                return Skipped(reason="done_before")
            kept = await keep_books(work, evidence.books.positions)
            known = await work.breaks(account)
            comparison = self._compare(evidence, known, progress, now)
            await self._tell_breaks(
                work, job, comparison, advance(known, comparison, account=account, now=now, new_id=self._ids.uuid)
            )
            if isinstance(evidence.view, VenueView):
                done = AccountProgress(
                    read_until_ms=_read_until_ms(evidence, self._rules.link_key),
                    compared_at=now,
                    agreed_at={**progress.agreed_at, **dict.fromkeys(comparison.agreed, now)},
                )
                await work.save_progress(account, done)
            await self._value(work, kept, evidence, now, proved=comparison.proved)
        await self._come_back(evidence.books, now)
        return comparison

    async def _gather(self, account: Account, progress: AccountProgress) -> _Evidence:
        """Ask which matches are missing last: what is booked in between is then no false alarm."""
        books = await self._keeper.books(account)
        view = await self._venue.read(books, since_ms=self._since_ms(books, progress))
        missing = unbooked = frozenset[str]()
        if isinstance(view, VenueView):
            exec_ids = our_exec_ids(books, view, self._rules.link_key)
            flow_ids = [flow.flow_id for flow in others_flows(books, view, self._rules.link_key)]
            if exec_ids or flow_ids:
                missing, unbooked = await self._keeper.missing(account, exec_ids, flow_ids)
        symbols = {coin.symbol for book in books.positions for coin in book.coins}
        lots = await self._market.lots(account.environment, symbols) if symbols else {}
        listing = await self._market.listing(account.environment) if symbols else {}
        asked_at = self._clock.now()
        quotes = await self._market.quotes(account.environment, symbols | {BITCOIN}) if symbols else {}
        return _Evidence(
            books=books,
            view=view,
            missing=missing,
            unbooked=unbooked,
            lots=lots,
            listing=listing,
            quotes=quotes,
            asked_at=asked_at,
        )

    def _since_ms(self, books: AccountBooks, progress: AccountProgress) -> int:
        overlap_ms = round(self._rules.overlap.total_seconds() * 1000)
        if progress.read_until_ms is not None:
            return progress.read_until_ms - overlap_ms
        if books.first_trade_at is not None:
            return epoch_ms(books.first_trade_at) - 60_000
        return epoch_ms(self._clock.now() - self._rules.first_look)

    def _compare(
        self, evidence: _Evidence, known: Sequence[Break], progress: AccountProgress, now: datetime
    ) -> Comparison:
        if isinstance(evidence.view, NoView):
            return without_view(evidence.view)
        lens = Lens(
            now=now,
            link_key=self._rules.link_key,
            quiet=self._rules.quiet,
            missing=evidence.missing,
            unbooked=evidence.unbooked,
            lots=evidence.lots,
            listing=evidence.listing,
            known=known,
            agreed_at=progress.agreed_at,
        )
        return compare(evidence.books, evidence.view, lens)

    async def _tell_breaks(self, work: Work, job: Job, comparison: Comparison, changed: Sequence[Break]) -> None:
        await work.save_breaks(changed)
        for entry in changed:
            await work.tell(BreakTold(entry=entry))
        for handover in comparison.handovers:
            about = "flows" if handover.flows else "balances" if handover.assets else handover.break_class
            event_id = derived_id("handover", job.job_id, about)
            await work.tell(HandoverTold(account=job.account, handover=handover, event_id=event_id))

    async def _value(
        self, work: Work, kept: Sequence[Tracked], evidence: _Evidence, now: datetime, *, proved: bool
    ) -> None:
        marks = Marks.from_quotes(evidence.quotes, asked_at=evidence.asked_at, now=now)
        source = Source.RECONCILIATION if isinstance(evidence.view, VenueView) else Source.REVALUATION
        for tracked in kept:
            if worth_telling(tracked):
                seen = replace(tracked, reconciled_at=now) if proved else tracked
                await appraise(work, seen, marks, now=now, source=source, band=self._rules.band)

    async def _come_back(self, books: AccountBooks, now: datetime) -> None:
        """What moved a moment ago was left alone: look again when it has come to rest."""
        moved = max((book.traded_at for book in books.positions), default=None)
        if moved is not None and now - moved < self._rules.quiet:
            await self._agenda.come_back(books.account, due=moved + self._rules.quiet + timedelta(seconds=1))


def _read_until_ms(evidence: _Evidence, link_key: bytes) -> int:
    """What is still missing in our books is read again next time, however old it grows."""
    view = evidence.view
    assert isinstance(view, VenueView)
    oldest = [row.at for row in view.executions if row.exec_id in evidence.missing]
    oldest += [flow.at for flow in others_flows(evidence.books, view, link_key) if flow.flow_id in evidence.unbooked]
    return min([view.read_until_ms, *(epoch_ms(at) for at in oldest)])
