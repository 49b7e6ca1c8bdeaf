"""Right after execution changed a position: take its new book and value it, so that a screen shows it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from reconciler.application.appraise import appraise, marks_of, worth_telling
from reconciler.application.ports import BookKeeper, Desk, Market, Work
from reconciler.domain.books import Account, AccountBooks
from reconciler.domain.deviation import Band
from reconciler.domain.valuation import Source
from shared.trading.clock import Clock
from shared.trading.quote import Quote
from shared.trading.status import PositionStatus


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
        self, account: Account, position_id: UUID, *, consumer: str, message_id: UUID, closed: bool = False
    ) -> None:
        """Once per message: keep the account's books and tell the position's value.

        Args:
            account: Whose position it is.
            position_id: The one that changed.
            consumer: With `message_id` the key of the inbox.
            message_id: The event's id.
            closed: The event says that the position is closed, even if the books list it no longer.
        """
        books = await self._keeper.books(account)
        quotes = await self._quotes(books, position_id)
        now = self._clock.now()
        async with self._desk.work(account.user_id) as work:
            if not await work.first_delivery(consumer, message_id):
                return
            await keep_books(work, books)
            if closed and all(book.position_id != position_id for book in books.positions):
                await _mark_closed(work, position_id)
                return
            await self._tell(work, position_id, quotes, now)

    async def _tell(self, work: Work, position_id: UUID, quotes: dict[str, Quote], now: datetime) -> None:
        for tracked in await work.tracked(position_ids=[position_id]):
            if worth_telling(tracked):
                marks = marks_of(quotes, now)
                await appraise(work, tracked, marks, now=now, source=Source.REVALUATION, band=self._band)

    async def _quotes(self, books: AccountBooks, position_id: UUID) -> dict[str, Quote]:
        symbols = {
            coin.symbol
            for book in books.positions
            if book.position_id == position_id
            for coin in book.coins
            if coin.quantity
        }
        return dict(await self._market.quotes(books.account.environment, symbols)) if symbols else {}


async def keep_books(work: Work, books: AccountBooks) -> None:
    """Keep every position's book that is newer than ours."""
    for book in books.positions:
        await work.save_book(book)


async def _mark_closed(work: Work, position_id: UUID) -> None:
    """The books list it no longer: stop valuing it; without its figures nothing is told."""
    for tracked in await work.tracked(position_ids=[position_id]):
        await work.save_book(replace(tracked.book, status=PositionStatus.CLOSED))
