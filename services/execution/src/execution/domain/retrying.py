"""When what stays unfilled of a leg goes out again (COMPLETE): after proven terminal evidence, until a deadline."""

from __future__ import annotations

from datetime import datetime

from execution.domain.close_plan import sellable
from execution.domain.leg import Leg
from execution.domain.position import Run, RunKind, RunState
from execution.domain.price_band import PRICE_LIMIT
from execution.domain.protocol_times import ProtocolTimes
from shared.trading.policy import RETRIES_MAX, LegPolicy
from shared.trading.status import LegStatus, Side

NOT_IN_TIME = "not_filled_in_time"
_LAST_WORDS = frozenset({NOT_IN_TIME, "never_placed", "plan_expired", "reservation_exhausted", "settled_by_hand"})
"""Reasons after which nothing of a leg is tried again.

`never_placed` is among them: an order that the venue never spoke of is no reason for another one with a new id.
"""


def deadline(run: Run, side: Side, times: ProtocolTimes) -> datetime:
    """Until when legs of a run are tried again; sells that pay for buys leave these the second half."""
    patience = times.complete_for
    if run.kind is RunKind.REBALANCE and side is Side.SELL:
        patience /= 2
    return min(run.accepted_at + patience, run.expires_at)


def retried(leg: Leg, run: Run, *, now: datetime, times: ProtocolTimes) -> Leg | None:
    """The leg as it waits for its next attempt; None when it is not tried again.

    Only an attempt that the venue itself said is cancelled is followed by another one, or one that it refused for its
    price alone: its limits move with the market. Any other refusal says why the order would be refused again, and a leg
    that needs attention may still trade.
    """
    if run.policy is not LegPolicy.COMPLETE or run.state is RunState.SETTLED:
        return None
    if not _ended_for_now(leg) or leg.client_order_id is None or leg.reason in _LAST_WORDS:
        return None
    if now >= deadline(run, leg.side, times) or leg.attempt >= RETRIES_MAX or not tradable(leg):
        return None
    return leg.tried_again(now + times.retry_pause(leg.attempt))


def _ended_for_now(leg: Leg) -> bool:
    if leg.status is LegStatus.REJECTED:
        return (leg.reason or "").startswith(PRICE_LIMIT)
    return leg.status is LegStatus.CANCELLED


def last_words(leg: Leg) -> str:
    """Why a leg ends whose time is over."""
    return "partly_filled" if leg.filled_quantity else NOT_IN_TIME


def tradable(leg: Leg) -> bool:
    """Whether the venue would take an order for the remainder."""
    return bool(
        sellable(
            leg.remainder,
            price=leg.limit_price,
            lot_size=leg.lot_size,
            min_quantity=leg.min_quantity,
            min_notional=leg.min_notional,
        )
    )
