"""What stays unfilled waits for another attempt, with its money: in the transaction that ended the attempt before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import structlog

from execution.application.accepting import put_aside
from execution.application.book_ports import Reservation, Work
from execution.application.told import LegTold
from execution.domain.leg import Leg
from execution.domain.position import Run
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.retrying import retried
from shared.trading.money import ZERO, exact_product
from shared.trading.status import Side

log = structlog.get_logger(__name__)


async def try_again(work: Work, run: Run, legs: Sequence[Leg], *, now: datetime, times: ProtocolTimes) -> Sequence[Leg]:
    """Let legs that ended unfilled wait for their next attempt, where the run's policy says so.

    The attempt before is over and has given back what it had put aside; the remainder's share of that goes to the run
    again, so that at no moment more is put aside than was approved.
    """
    found = [retried(leg, run, now=now, times=times) for leg in legs]
    again = {leg.leg_id: leg for leg in found if leg is not None}
    if not again:
        return legs
    await work.save_legs(list(again.values()))
    await work.reserve(await _put_back(work, run, again.values()))
    work.tell(*(LegTold(leg=leg) for leg in again.values()), run=run)
    for leg in again.values():
        log.info("leg_waits_to_be_tried_again", leg_id=str(leg.leg_id), symbol=leg.symbol, attempt=leg.attempt)
    return [again.get(leg.leg_id, leg) for leg in legs]


async def _put_back(work: Work, run: Run, legs: Iterable[Leg]) -> list[Reservation]:
    shares: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for leg in legs:
        if leg.side is Side.BUY:
            shares[leg.quote_asset] += exact_product(leg.remainder, leg.limit_price)
        else:
            shares[leg.base_asset] += leg.remainder
    rows = await work.reservations_of_position(run.position_id)
    aside = {row.asset: row for row in rows if row.holder_id == run.run_id}
    return [
        replace(aside[asset], amount=aside[asset].amount + amount) if asset in aside else put_aside(run, asset, amount)
        for asset, amount in shares.items()
    ]
