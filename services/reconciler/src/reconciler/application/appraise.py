"""Values one position and tells what changed: P&L, drift, and a point of its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.application.keep_flows import BITCOIN, keep_bought, keep_flow
from reconciler.application.ports import Work
from reconciler.domain.announcements import DeviationTold, PnlPoint, PnlTold, ReturnTold
from reconciler.domain.books import VALUED
from reconciler.domain.deviation import Band
from reconciler.domain.held import worth as still_worth
from reconciler.domain.slots import slot_of
from reconciler.domain.tracking import Tracked
from reconciler.domain.valuation import Mark, Source, Valuation, value_position
from shared.trading.quote import Quote
from shared.trading.status import PositionStatus

POINT_S = 300.0
"""One P&L point is kept per five minutes."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Prices to value with, by symbol.

    Attributes:
        asked_at: Just before they were asked for: of two sets, the one that was asked for later is younger.
    """

    asked_at: datetime
    of: Mapping[str, Mark]

    @classmethod
    def from_quotes(cls, quotes: Mapping[str, Quote], *, asked_at: datetime, now: datetime) -> Marks:
        """The marks of quotes; one without any price is left out."""
        marks = {}
        for symbol, quote in quotes.items():
            price, stale = quote.mark(now)
            if price > 0:
                marks[symbol] = Mark(price=price, stale=stale)
        return cls(asked_at, marks)

    def valuing(self, tracked: Tracked) -> Mapping[str, Mark]:
        """These, and where nobody quotes a coin any more (it was delisted), the stale price of the last point."""
        last = {symbol: Mark(price=price, stale=True) for symbol, price in tracked.last_prices.items()}
        return {**last, **self.of}

    def older_than(self, tracked: Tracked) -> bool:
        """Whether a position was valued on younger ones: two valuations may overtake each other on their way."""
        return tracked.priced_at is not None and self.asked_at < tracked.priced_at


async def appraise(work: Work, tracked: Tracked, marks: Marks, *, now: datetime, source: Source, band: Band) -> bool:
    """Value a locked position, tell and remember; a re-valuation that changed nothing, or comes too late, is not told.

    Returns:
        Whether something was told.
    """
    await keep_bought(work, tracked)
    late = marks.older_than(tracked)
    overtaken = late and source is Source.REVALUATION
    if overtaken and tracked.before is None:
        return False
    prices = marks.valuing(tracked)
    valuation = value_position(tracked.book, prices, now)
    if valuation is None:
        return False
    worth = (valuation.value + tracked.book.cash, valuation.pnl)
    crossed = await keep_flow(work, tracked, valuation, prices)
    if overtaken:
        # The book before the flow is known here alone; the value itself was told on younger prices.
        await work.save_tracking(crossed)
        return False
    at_rest = source is Source.REVALUATION or tracked.book.status is PositionStatus.CLOSED
    if at_rest and worth == tracked.told and crossed is tracked:
        # The same value, but a price may be fresh now that was not.
        judged = tracked if late else await _drift(work, tracked, valuation, band)
        if judged is not tracked:
            await work.save_tracking(judged)
        return judged is not tracked
    after = replace(crossed, version=tracked.version + 1, told=worth)
    await work.tell(
        PnlTold(
            book=tracked.book,
            valuation=valuation,
            source=source,
            reconciled_at=tracked.reconciled_at,
            version=after.version,
        )
    )
    if not late:
        after = await _drift(work, replace(after, priced_at=marks.asked_at), valuation, band)
    after = await _point(work, after, valuation, source, marks)
    await work.save_tracking(after)
    return True


async def _drift(work: Work, tracked: Tracked, valuation: Valuation, band: Band) -> Tracked:
    """Only a position at rest is judged: a half-sold basket is meant to be off."""
    if tracked.book.status is not PositionStatus.ACTIVE:
        return tracked
    outside = band.outside(valuation)
    version = tracked.version + 1
    if outside and not tracked.deviating:
        await work.tell(DeviationTold(book=tracked.book, coins=outside, band=band, at=valuation.at, version=version))
        return replace(tracked, deviating=True, version=version)
    if tracked.deviating and band.back(valuation):
        await work.tell(ReturnTold(book=tracked.book, at=valuation.at, version=version))
        return replace(tracked, deviating=False, version=version)
    return tracked


async def _point(work: Work, tracked: Tracked, valuation: Valuation, source: Source, marks: Marks) -> Tracked:
    slot = slot_of(valuation.at, length_s=POINT_S)
    proved = source is Source.RECONCILIATION
    if slot == tracked.point_slot and not proved:
        return tracked
    position_id, bitcoin = tracked.book.position_id, marks.of.get(BITCOIN)
    point = PnlPoint(
        position_id=position_id,
        slot=slot,
        at=valuation.at,
        value=valuation.value + tracked.book.cash,
        cost=valuation.cost,
        realised=valuation.realised,
        unrealised=valuation.unrealised,
        max_abs_drift=valuation.max_abs_drift,
        net_in=tracked.border.net,
        held=still_worth(await work.held_still(position_id), marks.valuing(tracked)),
        btc_price=bitcoin.price if bitcoin else None,
    )
    await work.keep_point(point, replace=proved)
    last = {one.coin.symbol: one.mark.price for one in valuation.coins if one.coin.quantity}
    return replace(tracked, point_slot=slot, last_prices=last)


def worth_telling(tracked: Tracked) -> bool:
    """Positions that hold something, or have just been closed."""
    return tracked.book.status in VALUED or tracked.book.status is PositionStatus.CLOSED
