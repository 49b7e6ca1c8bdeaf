"""What a run moves between the account's free money and its position."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from execution.domain.leg import Leg
from execution.domain.position import Position, Run, RunKind
from shared.trading.money import ZERO, exact_sum
from shared.trading.status import Side


def settled_flow(run: Run, legs: Sequence[Leg], position: Position, *, ends: bool) -> Decimal:
    """Quote units that a run which is over brought into its position; negative: that it took out.

    A buy brings what it spent, and the part that the index keeps in cash. A close that ends its position takes out all
    cash that is there; one that does not takes out what it sold, and what was the position's own cash before stays. An
    unwind takes out what it received, and the cash that came with what it sells.

    Args:
        run: As it is booked so far.
        legs: All its legs.
        position: With everything booked that they traded.
        ends: Whether the position is over.
    """
    if run.kind in {RunKind.BUY, RunKind.INVEST}:
        spent = _paid(legs)
        return spent + run.cash_part if spent else ZERO
    if run.kind in {RunKind.WITHDRAW, RunKind.UNWIND}:
        return -(_received(legs) + run.cash_part)
    if run.kind is RunKind.CLOSE:
        unpaid = max(_received(legs) + run.flow, ZERO)
        return run.flow - (position.cash if ends else min(position.cash, unpaid))
    return ZERO


def _paid(legs: Sequence[Leg]) -> Decimal:
    return exact_sum([leg.notional + _quote_fee(leg) for leg in legs if leg.side is Side.BUY])


def _received(legs: Sequence[Leg]) -> Decimal:
    return exact_sum([leg.notional - _quote_fee(leg) for leg in legs if leg.side is Side.SELL])


def _quote_fee(leg: Leg) -> Decimal:
    return leg.fee if leg.fee_asset == leg.quote_asset else ZERO
