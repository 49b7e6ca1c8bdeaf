"""What is said of an order that was taken from the user and cannot be carried out any more."""

from __future__ import annotations

from datetime import datetime

import structlog

from execution.application.book_ports import Work
from execution.application.told import IncidentTold, PositionTold
from execution.domain.errors import PositionBusy
from execution.domain.position import Position
from shared.trading.errors import PlatformError
from shared.trading.status import PositionStatus

log = structlog.get_logger(__name__)


async def tell_refusal(
    work: Work, position: Position, refusal: PlatformError, *, now: datetime, code: str, sentence: str
) -> None:
    """Say it on the position when that stands still, else as an incident.

    Args:
        work: The transaction that took the command.
        position: The one that the order was for.
        refusal: Why it cannot be carried out; the `reason` of its context, else its code, is shown.
        now: Of the refusal.
        code: The incident's, and the log's.
        sentence: What was refused and what that means for the money; the reason is added.
    """
    reason = str(refusal.context.get("reason", refusal.code))
    log.warning(code, position_id=str(position.position_id), reason=reason)
    if position.status is PositionStatus.ACTIVE and not isinstance(refusal, PositionBusy):
        blocked = position.moved(PositionStatus.ACTIVE, now, blocked_reason=reason)
        await work.save_position(blocked)
        work.tell(PositionTold(position=blocked, legs=await work.legs_of_position(position.position_id)))
        return
    work.tell(
        IncidentTold(
            user_id=position.user_id,
            account_id=position.account_id,
            position_id=position.position_id,
            code=code,
            detail=f"{sentence}: {reason}.",
        )
    )
