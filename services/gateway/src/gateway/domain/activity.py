"""The activity feed: what happened, in a sentence a person understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from gateway.domain.position import Leg, Position
from shared.trading.money import plain
from shared.trading.status import PositionStatus, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEntry:
    """One line; `event_id` makes a second delivery harmless."""

    event_id: UUID
    user_id: UUID
    at: datetime
    type: str
    sentence: str
    position_id: UUID | None = None
    account_id: UUID | None = None


def position_sentence(position: Position) -> str:
    """What a position's new status means."""
    index = position.index_id
    if position.status is PositionStatus.ACTIVE:
        return _active_sentence(position)
    why = f": {', '.join(position.reasons)}" if position.reasons else ""
    if position.run_kind == "unwind":
        return _unwound_sentence(position)
    if position.status is PositionStatus.REBALANCING:
        return _STARTED.get(str(position.run_kind), _STARTED["rebalance"]).format(index=index)
    sentences = {
        PositionStatus.EXECUTING: f"Buying {index} for up to {_usdt(position.approved_amount)} USDT has started.",
        PositionStatus.FAILED: f"Nothing of {index} was bought{why}.",
        PositionStatus.CLOSING: f"Selling {index} has started.",
        PositionStatus.CLOSED: _sold_sentence(position),
    }
    return sentences.get(position.status, f"{index} is {position.status.lower()}.")


_STARTED = {
    "invest": "Putting more money into {index} has started.",
    "rebalance": "Bringing {index} back to its targets has started.",
    "withdraw": "Taking money out of {index} has started.",
}
_DONE = {
    "invest": "{index} has grown: {contributed} USDT were put in so far",
    "rebalance": "{index} is back at its targets",
    "withdraw": "Money was taken out of {index}: {withdrawn} USDT so far",
}


def _active_sentence(position: Position) -> str:
    if position.trading_paused:
        return f"{position.index_id} pauses until you say what happened to its coins ({position.trading_paused})."
    if position.blocked_reason:
        what = "sold completely" if position.run_kind == "close" else "traded as ordered"
        return f"{position.index_id} could not be {what}: {position.blocked_reason}."
    if position.run_kind == "unwind":
        return _unwound_sentence(position)
    if position.run_kind in _DONE:
        return _done_sentence(position, str(position.run_kind))
    bought = f"{position.index_id} is bought for {_usdt(position.invested)} USDT"
    if position.complete is False:
        missing = f" ({', '.join(position.reasons)})" if position.reasons else ""
        return f"{bought}, but not every part of it{missing}."
    return f"{bought}."


def _sold_sentence(position: Position) -> str:
    brought, paid = _usdt(position.proceeds), _usdt(position.withdrawn)
    if not position.withdrawn or paid == brought:
        return f"{position.index_id} is sold; its sales brought {brought} USDT."
    return f"{position.index_id} is sold; its sales brought {brought} USDT in all, {paid} USDT were paid out of it."


def _usdt(amount: Decimal) -> str:
    """For reading: the exact amount stands at the position."""
    return f"{amount:.2f}"


def _unwound_sentence(position: Position) -> str:
    """What was bought is sold again, since not everything could be bought; the reasons say what could not."""
    why = ", ".join(reason for reason in position.reasons if reason != "unwound")
    if position.status in {PositionStatus.CLOSING, PositionStatus.REBALANCING}:
        return f"Not all of {position.index_id} could be bought ({why}): what was bought is being sold again."
    return f"What was bought of {position.index_id} was sold again ({why})."


def _done_sentence(position: Position, kind: str) -> str:
    done = _DONE[kind].format(
        index=position.index_id, contributed=_usdt(position.contributed), withdrawn=_usdt(position.withdrawn)
    )
    if position.complete is False:
        missing = f" ({', '.join(position.reasons)})" if position.reasons else ""
        return f"{done}, but not every order went through{missing}."
    return f"{done}."


_DUE = {
    "index_changed": "its index has changed",
    "calendar": "it is the date",
    "drift": "weights have left their bands",
    "new_cash": "it has cash to invest",
}


def rebalance_sentence(event: str, trigger: str | None, reason: str | None) -> str:
    """What was found about the rebalancing of a position."""
    why = _DUE.get(str(trigger), "it is time")
    if event == "portfolio.rebalance_withdrawn":
        return "Nothing is due for rebalancing any more."
    sentences = {
        "portfolio.rebalance_suggested": f"A rebalance is suggested: {why}.",
        "portfolio.rebalance_started": f"A rebalance was ordered automatically: {why}.",
    }
    return sentences.get(event, f"A rebalance is due ({why}), but waits: {reason}.")


def leg_sentence(leg: Leg) -> str:
    """What a filled leg bought or sold."""
    verb = "Bought" if leg.side is Side.BUY else "Sold"
    price = f" at {plain(leg.average_price)} on average" if leg.average_price is not None else ""
    return f"{verb} {plain(leg.filled_quantity)} {leg.base_asset}{price}."
