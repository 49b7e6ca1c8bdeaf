"""Shapes of requests and answers: decimals as text, moments in UTC, unknown fields in requests refused."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from gateway.inbound.http.texts import must_be_storable, storable
from shared.contracts.fields import DecimalText, Moment
from shared.trading.errors import Invalid
from shared.trading.money import parse_decimal, plain
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

Item = TypeVar("Item")
AMOUNT_DIGITS = 18
AMOUNT_PLACES = 8


class Answer(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Ask(BaseModel):
    """Base of request bodies: a field nobody knows is a mistake somebody wants to hear of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, document: Any) -> Any:
        return must_be_storable(document)


def _amount(value: Any) -> Decimal:
    try:
        amount = parse_decimal(value, max_digits=AMOUNT_DIGITS)
    except Invalid as error:
        raise ValueError(error.detail) from None
    if amount <= 0:
        raise ValueError("The amount must be above zero.")
    if amount != round(amount, AMOUNT_PLACES):
        raise ValueError(f"The amount has more than {AMOUNT_PLACES} decimals.")
    return amount


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": r"^\d{1,18}(\.\d{1,8})?$", "examples": ["250"]}),
]
"""Quote units (USDT), above zero, at most 18 digits, written as text."""


class Page(Answer, Generic[Item]):
    """A part of a list; `next_cursor` is null at its end."""

    items: list[Item]
    next_cursor: str | None = None


class LegAnswer(Answer):
    """One instrument's part of a run; quantities in base units, notional in quote units."""

    leg_id: UUID
    run_id: UUID
    number: int
    symbol: str
    base_asset: str
    side: Side
    status: LegStatus
    reason: str | None
    target_weight: DecimalText
    quantity: DecimalText
    limit_price: DecimalText
    filled_quantity: DecimalText
    average_price: DecimalText | None
    notional: DecimalText
    fee: DecimalText
    fee_asset: str | None
    residual: DecimalText
    client_order_id: str | None
    venue_order_id: str | None
    version: int
    arrival_price: DecimalText | None = Field(
        default=None, description="Mid of the book when the plan was made, quote per base."
    )


class FillAnswer(Answer):
    """One match at the venue."""

    exec_id: str
    leg_id: UUID
    run_id: UUID
    symbol: str
    side: Side
    price: DecimalText
    quantity: DecimalText
    fee: DecimalText
    fee_asset: str
    at: Moment
    client_order_id: str
    venue_order_id: str


class HoldingAnswer(Answer):
    """One coin of a position, valued."""

    symbol: str
    asset: str
    quantity: DecimalText
    cost: DecimalText
    mark: DecimalText
    mark_stale: bool
    value: DecimalText
    realised: DecimalText
    unrealised: DecimalText
    weight: DecimalText
    target_weight: DecimalText
    drift: DecimalText


class PnlAnswer(Answer):
    """What a position was worth at `at`; amounts in `currency` units, fees are inside cost and realised already.

    `value` is that of its coins, `cash` its own quote money (what sales brought and nothing was bought for yet):
    together they are what the position is worth.
    """

    at: Moment
    currency: str
    value: DecimalText
    cash: DecimalText
    cost: DecimalText
    realised: DecimalText
    unrealised: DecimalText
    pnl: DecimalText
    fees: DecimalText
    holdings: list[HoldingAnswer]
    source: str
    reconciled_at: Moment | None
    version: int


class DriftItemAnswer(Answer):
    """One constituent outside its band; signed fractions."""

    symbol: str
    weight: DecimalText
    target_weight: DecimalText
    drift: DecimalText


class DriftAnswer(Answer):
    """How far weights are from their targets."""

    max_abs_drift: DecimalText
    turnover: DecimalText
    deviating: bool
    items: list[DriftItemAnswer]
    waiting_for: list[str] = Field(
        default=[],
        description="Symbols of coins without a fresh price. Until they have one only that is said which holds whatever "
        "they are worth, between nothing and twice their last price.",
    )


class PositionAnswer(Answer):
    """A position; amounts in quote units."""

    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    plan_id: UUID | None
    index_id: str
    index_version: int | None
    status: PositionStatus
    complete: bool | None
    reasons: list[str]
    blocked_reason: str | None
    trading_paused: str | None
    policy: str
    approved_amount: DecimalText
    invested: DecimalText
    proceeds: DecimalText
    contributed: DecimalText
    withdrawn: DecimalText
    cash: DecimalText
    run_kind: str | None
    created_at: Moment
    updated_at: Moment
    version: int
    pnl: PnlAnswer | None = None
    drift: DriftAnswer | None = None


class PositionDetailAnswer(PositionAnswer):
    """A position with its legs (by run and number) and fills (oldest first)."""

    legs: list[LegAnswer]
    fills: list[FillAnswer]


class AcceptedAnswer(Answer):
    """An order that was taken; the position's status changes by event."""

    position_id: UUID
    plan_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    status: PositionStatus
    amount: DecimalText
    accepted_at: Moment


class ActivityAnswer(Answer):
    """One line of the feed."""

    event_id: UUID
    at: Moment
    type: str
    sentence: str
    position_id: UUID | None
    account_id: UUID | None


class BadCursor(Invalid):
    """The cursor is not one of ours."""

    code = "cursor_invalid"
    title = "The cursor cannot be used"


def cursor_of(at: datetime, name: UUID) -> str:
    """Where a page ended; opaque to clients."""
    return named_cursor_of(at, str(name))


def named_cursor_of(at: datetime, name: str) -> str:
    """Where a page ended whose rows have names of any form."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), name]).encode()).decode().rstrip("=")


def position_in(cursor: str | None) -> tuple[datetime, UUID] | None:
    """What a cursor says.

    Raises:
        BadCursor: it is not one of ours.
    """
    found = named_position_in(cursor)
    try:
        return None if found is None else (found[0], UUID(found[1]))
    except ValueError:
        raise _bad_cursor() from None


def named_position_in(cursor: str | None) -> tuple[datetime, str] | None:
    """What a cursor says of rows whose names have any form.

    Raises:
        BadCursor: it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        at, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at).astimezone(UTC)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error):
        raise _bad_cursor() from None
    if not isinstance(name, str) or not storable(name):
        raise _bad_cursor()
    return moment, name


def _bad_cursor() -> BadCursor:
    return BadCursor("Use the next_cursor of the page before, unchanged.", context={"pointer": "?cursor"})


Limit = Annotated[int, Field(ge=1, le=200)]
