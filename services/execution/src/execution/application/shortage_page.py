"""A shortage with its shares, and the positions that pause for it: written and told together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.application.book_ports import Work
from execution.application.told import PositionTold, ShortageTold
from execution.domain.position import Position
from execution.domain.shortage import Share, Shortage


async def write_shortage(
    work: Work, shortage: Shortage, shares: Mapping[UUID, Decimal], *, now: datetime, changed: Collection[UUID] = ()
) -> None:
    """Save a shortage as it is now, pause or release its positions, and say so.

    Args:
        work: The transaction; it holds the account's lock.
        shortage: New, or changed.
        shares: By position; of a resolved one what each bore.
        now: The moment.
        changed: Positions whose books changed: they are told of in any case.
    """
    rows = [_share(shortage, position_id, quantity) for position_id, quantity in shares.items()]
    await work.save_shortage(shortage, rows)
    missing = await work.missing_coins(shortage.account_id)
    for position in await work.positions_of(shortage.account_id):
        reason = _reason(missing.get(position.position_id, {}))
        if reason != position.trading_paused or position.position_id in changed:
            await _tell(work, position, reason, now)
    work.tell(ShortageTold(shortage=shortage, shares=rows))


def _reason(missing: Mapping[str, Decimal]) -> str | None:
    return f"shortage:{','.join(sorted(missing))}" if missing else None


async def _tell(work: Work, position: Position, reason: str | None, now: datetime) -> None:
    told = replace(position, trading_paused=reason, updated_at=now, version=position.version + 1)
    await work.save_position(told)
    work.tell(PositionTold(position=told, legs=await work.legs_of_position(position.position_id)))


def _share(shortage: Shortage, position_id: UUID, quantity: Decimal) -> Share:
    return Share(
        shortage_id=shortage.shortage_id,
        position_id=position_id,
        user_id=shortage.user_id,
        account_id=shortage.account_id,
        asset=shortage.asset,
        quantity=quantity,
    )
