"""Right after execution changed a position: take its new book and value it, so that a screen shows it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from reconciler.application.appraise import Marks, appraise, worth_telling
from reconciler.application.keep_flows import BITCOIN
from reconciler.application.ports import BookKeeper, Desk, Market, Work
from reconciler.domain.books import Account, AccountBooks, PositionBook
from reconciler.domain.deviation import Band
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import Tracked
from reconciler.domain.valuation import Source
from shared.trading.clock import Clock
from shared.trading.quote import Quote
from shared.trading.status import PositionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNote:
    """A run as an event shows it: its kind, and what its legs came to so far."""

    kind: str
    legs: Sequence[LegResult] = ()


class RefreshBooks:
    """Takes the books of an account and values the position that changed.

    Args:
        band: When a position counts as deviating.
    """

    def __init__(self, *, desk: Desk, keeper: BookKeeper, market: Market, clock: Clock, band: Band) -> None:
        self._desk = desk
        self._keeper = keeper
        self._market = market
        self._clock = clock
        self._band = band

    async def refresh(
        self,
        account: Account,
        position_id: UUID,
        *,
        consumer: str,
        message_id: UUID,
        closed: bool = False,
        run: RunNote | None = None,
    ) -> None:
        """Once per message: keep the position's book and tell its value.

        Args:
            account: Whose position it is.
            position_id: The one that changed.
            consumer: With `message_id` the key of the inbox.
            message_id: The event's id.
            closed: The event says that the position is closed, even if the books list it no longer.
            run: What the event says about the run.
        """
        books = await self._keeper.books(account)
        asked_at = self._clock.now()
        quotes = await self._quotes(books, position_id)
        now = self._clock.now()
        async with self._desk.work(account.user_id) as work:
            if not await work.first_delivery(consumer, message_id):
                return
            # Others of the account have events of their own, which say what their runs are for.
            kept = await keep_books(work, [book for book in books.positions if book.position_id == position_id])
            if run is not None:
                await work.note_run(position_id, run.kind, run.legs)
                kept = [replace(one, run_kind=run.kind) for one in kept]
            if closed and not kept:
                await _mark_closed(work, position_id)
            marks = Marks.from_quotes(quotes, asked_at=asked_at, now=now)
            for tracked in kept:
                if worth_telling(tracked):
                    await appraise(work, tracked, marks, now=now, source=Source.REVALUATION, band=self._band)

    async def _quotes(self, books: AccountBooks, position_id: UUID) -> dict[str, Quote]:
        symbols = {coin.symbol for book in books.positions if book.position_id == position_id for coin in book.coins}
        return dict(await self._market.quotes(books.account.environment, symbols | {BITCOIN})) if symbols else {}


async def keep_books(work: Work, books: Sequence[PositionBook]) -> list[Tracked]:
    """Keep every book that is newer than ours; all of these positions, locked, as they are then."""
    known = await _known(work, [book.position_id for book in books])
    changed = [book for book in books if _is_news(known.get(book.position_id), book)]
    for book in changed:
        await work.save_book(book)
    for position_id, now in (await _known(work, [book.position_id for book in changed])).items():
        was = known.get(position_id)
        known[position_id] = replace(now, before=was.book) if was else now
    return [known[book.position_id] for book in books]


async def _known(work: Work, position_ids: list[UUID]) -> dict[UUID, Tracked]:
    found = await work.tracked(position_ids=position_ids) if position_ids else []
    return {tracked.book.position_id: tracked for tracked in found}


def _is_news(known: Tracked | None, book: PositionBook) -> bool:
    return known is None or (known.book != book and known.book.traded_at <= book.traded_at)


async def _mark_closed(work: Work, position_id: UUID) -> None:
    """The books list it no longer: stop valuing it; without its figures nothing is told."""
    for tracked in await work.tracked(position_ids=[position_id]):
        await work.save_book(replace(tracked.book, status=PositionStatus.CLOSED))
