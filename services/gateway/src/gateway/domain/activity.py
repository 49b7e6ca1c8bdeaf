"""The activity feed: what happened, in a sentence a person understands."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


def name_of(index_id: str | None, position_id: UUID) -> str:
    """How the feed calls a position: by its index, and by the beginning of its id, since there may be several."""
    short = _short(position_id)
    return f"position {short}" if index_id is None else f"{index_id} ({short})"


def _short(position_id: UUID) -> str:
    return str(position_id)[:8]


def named(entry: ActivityEntry, index_id: str | None) -> ActivityEntry:
    """The line with its position's name before it, where the sentence does not say it.

    Args:
        entry: As it was written down, by somebody who may have known no more than the position's id.
        index_id: Of its position; None when that is not known here.
    """
    if entry.position_id is None or _short(entry.position_id) in entry.sentence:
        return entry
    return replace(entry, sentence=f"{name_of(index_id, entry.position_id)}: {entry.sentence}")


def position_sentence(position: Position) -> str:
    """What a position's new status means."""
    index = _name(position)
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


def _name(position: Position) -> str:
    return name_of(position.index_id, position.position_id)


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
        return f"{_name(position)} pauses until you say what happened to its coins ({position.trading_paused})."
    if position.blocked_reason:
        return _blocked_sentence(position)
    if position.run_kind == "unwind":
        return _unwound_sentence(position)
    if position.run_kind in _DONE:
        return _done_sentence(position, str(position.run_kind))
    bought = f"{_name(position)} is bought for {_usdt(position.invested)} USDT"
    if position.complete is False:
        missing = f" ({', '.join(position.reasons)})" if position.reasons else ""
        return f"{bought}, but not every part of it{missing}."
    return f"{bought}."


def _blocked_sentence(position: Position) -> str:
    """What was ordered and could not be done; of a close that left something, what came of it."""
    if position.run_kind != "close":
        return f"{_name(position)} could not be traded as ordered: {position.blocked_reason}."
    why = ", ".join(position.reasons or [str(position.blocked_reason)])
    if not position.withdrawn:
        return f"{_name(position)} could not be sold and stays open: {why}."
    paid = f"{_usdt(position.withdrawn)} USDT were paid out of it so far"
    return f"{_name(position)} was sold only in part: {paid}, and the rest stays open ({why})."


def _sold_sentence(position: Position) -> str:
    brought, paid = _usdt(position.proceeds), _usdt(position.withdrawn)
    if not position.withdrawn or paid == brought:
        return f"{_name(position)} is sold; its sales brought {brought} USDT."
    return f"{_name(position)} is sold; its sales brought {brought} USDT in all, {paid} USDT were paid out of it."


def _usdt(amount: Decimal) -> str:
    """For reading: the exact amount stands at the position."""
    return f"{amount:.2f}"


def _unwound_sentence(position: Position) -> str:
    """What was bought is sold again, since not everything could be bought; the reasons say what could not."""
    why = ", ".join(reason for reason in position.reasons if reason != "unwound")
    if position.status in {PositionStatus.CLOSING, PositionStatus.REBALANCING}:
        return f"Not all of {_name(position)} could be bought ({why}): what was bought is being sold again."
    return f"What was bought of {_name(position)} was sold again ({why})."


def _done_sentence(position: Position, kind: str) -> str:
    done = _DONE[kind].format(
        index=_name(position), contributed=_usdt(position.contributed), withdrawn=_usdt(position.withdrawn)
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
