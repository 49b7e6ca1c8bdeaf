"""Whether a position may be traded now, and what of it may be sold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from execution.application.book_ports import Work
from execution.domain.errors import PositionBusy, PositionNotClosable
from execution.domain.position import Position, PositionHolding
from shared.trading.money import ZERO
from shared.trading.status import PositionStatus


async def must_be_closable(work: Work, position: Position) -> None:
    """Let nothing of a position be sold while an order of it may still be alive: its coins would be sold twice.

    Raises:
        PositionNotClosable: not ACTIVE, the fate of an order is not known, or coins of it left the account; `reason` is
            in the context.
    """
    obstacle = await _obstacle(work, position)
    if obstacle is not None:
        raise PositionNotClosable(obstacle[0], context={"reason": obstacle[1]})


async def must_stand_still(work: Work, position: Position) -> None:
    """The same for every other run: what a position holds must be known before anything is planned on it.

    Raises:
        PositionBusy: as above; `reason` is in the context.
    """
    obstacle = await _obstacle(work, position)
    if obstacle is not None:
        raise PositionBusy(obstacle[0], context={"reason": obstacle[1]})


async def _obstacle(work: Work, position: Position) -> tuple[str, str] | None:
    if position.status is not PositionStatus.ACTIVE:
        sentence = f"The position is {position.status.value}; only an active one can be traded. Nothing was ordered."
        return sentence, f"position_{position.status.value.lower()}"
    waiting = [
        attempt.symbol
        for attempt in await work.open_attempts(position.account_id)
        if attempt.position_id == position.position_id
    ]
    if waiting:
        sentence = f"The outcome of an earlier order is not known yet ({', '.join(waiting)}); nothing was ordered."
        return sentence, f"{waiting[0]}:order_unresolved"
    short = sorted(await _missing(work, position))
    if short:
        coins = ", ".join(short)
        sentence = (
            f"{coins} of this position left the account. Say first whether they were sold, withdrawn or will return."
        )
        return sentence, f"shortage:{','.join(short)}"
    return None


async def _missing(work: Work, position: Position) -> Mapping[str, Decimal]:
    """Coins that the position holds in our books and the account does not."""
    return (await work.missing_coins(position.account_id)).get(position.position_id, {})


async def free_holdings(work: Work, position: Position) -> list[PositionHolding]:
    """What the position holds, less what its own orders have put aside and what is missing on the account.

    Coins of which nothing is free are left out.
    """
    aside: dict[str, Decimal] = defaultdict(lambda: ZERO, await _missing(work, position))
    for reservation in await work.reservations_of_position(position.position_id):
        aside[reservation.asset] += reservation.amount
    free = [
        replace(holding, quantity=holding.quantity - aside[holding.asset])
        for holding in await work.holdings([position.position_id])
    ]
    return [holding for holding in free if holding.quantity > ZERO]
