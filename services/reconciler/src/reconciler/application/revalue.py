"""Between comparisons: values active positions on quotes, page by page, without asking the venue or execution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import structlog

from reconciler.application.appraise import Marks, appraise
from reconciler.application.keep_flows import BITCOIN
from reconciler.application.ports import Agenda, Desk, Market, Work
from reconciler.domain.books import VALUED
from reconciler.domain.deviation import Band
from reconciler.domain.tracking import ActivePosition, Tracked
from reconciler.domain.valuation import Source
from shared.trading.clock import Clock
from shared.trading.errors import Invalid
from shared.trading.status import VenueEnvironment

PAGE = 200
_NO_VALUE = (Invalid, ArithmeticError, LookupError, TypeError, ValueError)
"""What a book with impossible figures may end in: it keeps nobody else's positions from being valued."""
Symbols = Mapping[VenueEnvironment, set[str]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Prices:
    """What was asked for, and the marks of what has a price."""

    asked: frozenset[str]
    marks: Marks


class Revalue:
    """One pass over all active positions; memory holds one page at a time, and the symbols that are held."""

    def __init__(self, *, agenda: Agenda, desk: Desk, market: Market, clock: Clock, band: Band) -> None:
        self._agenda = agenda
        self._desk = desk
        self._market = market
        self._clock = clock
        self._band = band
        self._held: Symbols = {}
        """By the positions of the last pass: nobody needs the quotes of the other hundreds of pairs every two seconds."""

    async def run_once(self) -> int:
        """Value every active position; the number of those that were told."""
        told = 0
        held: Symbols = defaultdict(set)
        after: ActivePosition | None = None
        while page := await self._agenda.active(after=after, limit=PAGE):
            told += await self._page(page, held)
            after = page[-1]
        self._held = held
        return told

    async def _page(self, page: Sequence[ActivePosition], held: Symbols) -> int:
        """Positions that hold a coin nobody held in the last pass are valued with a second question."""
        environments = {entry.environment for entry in page}
        told, left = await self._value(page, await self._prices(environments, self._held), held)
        if left:
            again, _ = await self._value(left, await self._prices(environments, held), held)
            told += again
        return told

    async def _value(
        self, page: Sequence[ActivePosition], prices: Mapping[VenueEnvironment, _Prices], held: Symbols
    ) -> tuple[int, list[ActivePosition]]:
        told, left = 0, list[ActivePosition]()
        for user_id, positions in groupby(page, key=lambda entry: entry.user_id):
            try:
                of_user, later = await self._of_user(user_id, list(positions), prices, held)
            except _NO_VALUE:
                # Nothing of this user is kept or told until a comparison has brought other books.
                log.exception("positions_not_revalued", user_id=str(user_id))
                continue
            told += of_user
            left += later
        return told, left

    async def _of_user(
        self,
        user_id: UUID,
        positions: Sequence[ActivePosition],
        prices: Mapping[VenueEnvironment, _Prices],
        held: Symbols,
    ) -> tuple[int, list[ActivePosition]]:
        told, left = 0, list[ActivePosition]()
        entries = {entry.position_id: entry for entry in positions}
        async with self._desk.work(user_id) as work:
            for tracked in await work.tracked(position_ids=list(entries), skip_busy=True):
                book = tracked.book
                if book.status not in VALUED:
                    continue
                symbols = {coin.symbol for coin in book.coins} | {BITCOIN}
                held[book.account.environment].update(symbols)
                known = prices[book.account.environment]
                if not symbols <= known.asked:
                    left.append(entries[book.position_id])
                    continue
                told += await self._appraise(work, tracked, known.marks)
        return told, left

    async def _appraise(self, work: Work, tracked: Tracked, marks: Marks) -> bool:
        now = self._clock.now()
        return await appraise(work, tracked, marks, now=now, source=Source.REVALUATION, band=self._band)

    async def _prices(
        self, environments: set[VenueEnvironment], symbols: Symbols
    ) -> Mapping[VenueEnvironment, _Prices]:
        """One question for each environment and page: cheaper than one for each position."""
        found = {}
        for environment in environments:
            wanted = frozenset(symbols.get(environment, ()))
            asked_at = self._clock.now()
            quotes = await self._market.quotes(environment, wanted) if wanted else {}
            found[environment] = _Prices(wanted, Marks.from_quotes(quotes, asked_at=asked_at, now=self._clock.now()))
        return found
