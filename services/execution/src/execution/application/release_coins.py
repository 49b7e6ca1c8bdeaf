"""Coins leave a position for the user's own: journal, holding and the word about it move together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from execution.application.book_ports import Work
from execution.application.told import ReleasesTold
from execution.domain.journal import residual_lines
from execution.domain.position import PositionHolding, Run
from execution.domain.release import Release, ReleaseReason


async def release_coins(
    work: Work,
    leaving: Sequence[tuple[PositionHolding, Decimal]],
    *,
    source: str,
    why: ReleaseReason,
    at: datetime,
    run: Run | None = None,
) -> None:
    """Move coins of one position to the user's own, at average cost.

    Args:
        work: The transaction; it holds the account's lock.
        leaving: Each coin as it is held, and how much of it leaves, at most all.
        source: What proves it, in the journal.
        why: What the user is told.
        at: The moment.
        run: The run that settles by it.
    """
    releases = []
    for holding, quantity in leaving:
        left = holding.with_ledger(holding.ledger().given_up(quantity))
        release = _release(left, quantity, why=why, at=at)
        await work.add_lines(
            residual_lines(
                user_id=release.user_id,
                account_id=release.account_id,
                position_id=release.position_id,
                source=source,
                asset=release.asset,
                quantity=quantity,
                at=at,
            )
        )
        await work.save_holdings([left])
        releases.append(release)
    if releases:
        work.tell(ReleasesTold(releases=releases), run=run)


def _release(left: PositionHolding, quantity: Decimal, *, why: ReleaseReason, at: datetime) -> Release:
    return Release(
        user_id=left.user_id,
        account_id=left.account_id,
        position_id=left.position_id,
        asset=left.asset,
        symbol=left.symbol,
        quantity=quantity,
        why=why,
        at=at,
        entry=left.entries,
    )
