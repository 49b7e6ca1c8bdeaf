"""Whether a position may be sold now, and what of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from execution.application.book_ports import Work
from execution.domain.errors import PositionNotClosable
from execution.domain.position import Position, PositionHolding
from shared.trading.money import ZERO
from shared.trading.status import PositionStatus


async def must_be_closable(work: Work, position: Position) -> None:
    """Let nothing of a position be sold while an order of it may still be alive: its coins would be sold twice.

    Raises:
        PositionNotClosable: not ACTIVE, the fate of an order is not known, or coins of it left the account; `reason` is
            in the context.
    """
    if position.status is not PositionStatus.ACTIVE:
        raise PositionNotClosable(
            f"The position is {position.status.value}; only an active one can be closed.",
            context={"reason": f"position_{position.status.value.lower()}"},
        )
    waiting = [
        attempt.symbol
        for attempt in await work.open_attempts(position.account_id)
        if attempt.position_id == position.position_id
    ]
    if waiting:
        raise PositionNotClosable(
            f"The outcome of an earlier order is not known yet ({', '.join(waiting)}); nothing was ordered.",
            context={"reason": f"{waiting[0]}:order_unresolved"},
        )
    short = sorted(await _missing(work, position))
    if short:
        coins = ", ".join(short)
        raise PositionNotClosable(
            f"{coins} of this position left the account. Say first whether they were sold, withdrawn or will return.",
            context={"reason": f"shortage:{','.join(short)}"},
        )


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
