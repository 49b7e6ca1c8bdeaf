"""Answers what positions came to, from what was kept and the prices of this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from reconciler.application.appraise import Marks
from reconciler.application.keep_flows import BITCOIN
from reconciler.application.ports import Market
from reconciler.domain.books import PositionBook
from reconciler.domain.held import CASH, worth
from reconciler.domain.performance import Kept, PositionResults, results_of
from reconciler.domain.portfolio import PortfolioResults, portfolios_of
from reconciler.domain.results import Level
from reconciler.domain.valuation import value_position
from shared.trading.clock import Clock
from shared.trading.errors import NotFound, PlatformError
from shared.trading.status import VenueEnvironment


class PositionNotKept(NotFound):
    """Nothing is kept of such a position: it never bought anything, or it is somebody else's."""

    code = "position_not_found"
    title = "There is no such position"


class ResultsShelf(Protocol):
    """Everything that is kept of a user's positions."""

    async def position(self, user_id: UUID, position_id: UUID) -> Kept | None:
        """One position with all its points."""
        ...

    async def positions(self, user_id: UUID, *, since: datetime | None, now: datetime) -> Sequence[Kept]:
        """All of them; of the points at most some hundreds each, evenly."""
        ...


class IndexLevels(Protocol):
    """The levels of indices."""

    async def levels(
        self, *, user_id: UUID, environment: VenueEnvironment, index_id: str, since: datetime
    ) -> Sequence[Level]:
        """By time; nothing for an index without any.

        Raises:
            PlatformError: They cannot be had now.
        """
        ...


class ReadResults:
    """Reads and computes; nothing is changed."""

    def __init__(self, *, shelf: ResultsShelf, market: Market, levels: IndexLevels, clock: Clock) -> None:
        self._shelf = shelf
        self._market = market
        self._levels = levels
        self._clock = clock

    async def position(self, *, user_id: UUID, position_id: UUID, since: datetime | None) -> PositionResults:
        """One position over a range.

        Raises:
            PositionNotKept: none such, or nothing bought yet.
        """
        found = await self._shelf.position(user_id, position_id)
        if found is None or not found.flows:
            raise PositionNotKept("Nothing is known of such a position: nothing was bought, or it is not yours.")
        kept = await self._valued(found)
        levels = await self._levels_of(kept.tracked.book, since or kept.flows[0].valued_at)
        results = results_of(kept, start=since, now=self._clock.now(), levels=levels)
        if results is None:
            raise PositionNotKept("Nothing was bought yet.")
        return results

    async def portfolio(self, *, user_id: UUID, since: datetime | None) -> list[PortfolioResults]:
        """One picture per environment."""
        now = self._clock.now()
        return portfolios_of(await self._shelf.positions(user_id, since=since, now=now), start=since, now=now)

    async def _valued(self, kept: Kept) -> Kept:
        """Without prices what was told last counts: an answer of two seconds ago is better than none."""
        book, asked_at = kept.tracked.book, self._clock.now()
        symbols = {coin.symbol for coin in book.coins} | {coin.symbol for coin in kept.held} | {BITCOIN}
        try:
            quotes = await self._market.quotes(book.account.environment, symbols - {CASH})
        except PlatformError:
            return kept
        marks = Marks.from_quotes(quotes, asked_at=asked_at, now=self._clock.now())
        bitcoin, prices = marks.of.get(BITCOIN), marks.valuing(kept.tracked)
        return replace(
            kept,
            valuation=value_position(book, prices, self._clock.now()),
            held_value=worth(kept.held, prices),
            btc_price=bitcoin.price if bitcoin else None,
        )

    async def _levels_of(self, book: PositionBook, since: datetime) -> Sequence[Level]:
        """Without market-data the line of the index is left out, and no figure is made up for it."""
        account = book.account
        try:
            return await self._levels.levels(
                user_id=account.user_id, environment=account.environment, index_id=book.index_id, since=since
            )
        except PlatformError:
            return []
