"""Records what crossed a position's border, in the transaction that sees it: each flow once, valued when it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.application.ports import Work
from reconciler.domain.flows import border_after, crossings
from reconciler.domain.held import INSIDE, after_flow, after_purchases, found_there, worth
from reconciler.domain.tracking import Tracked
from reconciler.domain.valuation import Mark, Valuation

BITCOIN = "BTCUSDT"
"""The pair whose price is the benchmark line, in every environment."""


async def keep_bought(work: Work, tracked: Tracked) -> None:
    """What money from outside bought since the last look enters the basket that is held still; a rebalance does not."""
    book, before = tracked.book, tracked.before
    if before is None or tracked.border.flows == 0 or tracked.run_kind in INSIDE or book.invested == before.invested:
        return
    held = await work.held_still(book.position_id)
    await work.save_held_still(book.position_id, after_purchases(held, before=before, book=book))


async def keep_flow(work: Work, tracked: Tracked, valuation: Valuation, marks: Mapping[str, Mark]) -> Tracked:
    """The position with its border moved, when something has crossed it; the caller saves it."""
    found = crossings(tracked, valuation, marks)
    if not found:
        return tracked
    book, border = tracked.book, tracked.border
    bitcoin = marks.get(BITCOIN)
    held = await work.held_still(book.position_id)
    for flow, moved in found:
        unseen = len(found) > 1
        then = found_there(book) if unseen else after_flow(held, flow, book, in_kind=bool(moved))
        last = flow is found[-1][0]
        kept = replace(
            flow,
            held_before=None if unseen else worth(held, marks),
            held_after=worth(then, marks) if last else None,
            btc_price=bitcoin.price if bitcoin else None,
        )
        await work.add_flow(kept, moved)
        border = border_after(book, border, kept, moved)
    await work.save_held_still(book.position_id, then)
    return replace(tracked, border=border)
