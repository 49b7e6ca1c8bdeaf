"""What the venue said, in our words: replies to a send, and evidence about an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.trading.money import ZERO
from shared.trading.status import Side


class ReplyKind(StrEnum):
    """What a reply to a send proves."""

    ACCEPTED = "accepted"
    """The request was taken; nothing more."""
    REFUSED = "refused"
    """For sure not placed by this send."""
    NOT_SENT = "not_sent"
    """No byte left: the signer or the connection refused before."""
    NOT_NOW = "not_now"
    """For sure not placed by this send, and only for now: the same id and body may go again."""
    DUPLICATE = "duplicate"
    """The venue knows this id already: it exists."""
    UNKNOWN = "unknown"
    """No proof either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one order of a send.

    Attributes:
        reason: The venue's or the signer's code and words.
        retry_after_s: For NOT_NOW: when the same id and body may go again.
        rounds_max: For NOT_NOW: how often at most; None leaves it to the intent's bound.
    """

    kind: ReplyKind
    reason: str = ""
    venue_order_id: str | None = None
    retry_after_s: float = 0.0
    rounds_max: int | None = None


class Standing(StrEnum):
    """Where an order stands at the venue."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


FINAL = frozenset({Standing.FILLED, Standing.CANCELLED, Standing.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFact:
    """An order as the venue shows it."""

    link_id: str
    venue_order_id: str
    symbol: str
    side: Side
    standing: Standing
    quantity: Decimal
    price: Decimal
    filled_quantity: Decimal = ZERO
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFact:
    """One match as the venue shows it; `exec_id` is unique per account."""

    exec_id: str
    link_id: str
    venue_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFact:
    """The reply to the send of one attempt."""

    link_id: str
    reply: Reply
    at: datetime
    """When the reply was read: no later can the request have been signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFact:
    """Live view, history and executions were all asked and none knew the order."""

    link_id: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFact:
    """The venue was asked about an order: the next question waits for its time."""

    link_id: str
    at: datetime
    answered: bool


Fact = OrderFact | ExecutionFact | ReplyFact | AbsenceFact | AskedFact
