"""Fields of the venue's JSON: figures arrive as strings, unset ones as empty strings."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from shared.trading.errors import Invalid
from shared.trading.money import parse_decimal


def _figure(value: Any) -> Decimal:
    try:
        return parse_decimal(str(value) if isinstance(value, Decimal) else value)
    except Invalid as error:
        raise ValueError(error.detail) from error


def _figure_or_zero(value: Any) -> Decimal:
    return Decimal(0) if value == "" else _figure(value)


def _figure_or_none(value: Any) -> Decimal | None:
    return None if value is None or value == "" else _figure(value)


def _milliseconds(value: Any) -> int:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 15):
        raise ValueError("not a time in milliseconds")
    return int(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - pydantic turns ValueError into a validation error
    return value


Figure = Annotated[Decimal, BeforeValidator(_figure)]
"""A finite decimal from a string or an integer; NaN, infinities and floats are refused."""
FigureOrZero = Annotated[Decimal, BeforeValidator(_figure_or_zero)]
"""As `Figure`; the venue's empty string reads as zero."""
FigureOrNone = Annotated[Decimal | None, BeforeValidator(_figure_or_none)]
"""As `Figure`; the venue's empty string reads as null."""
Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]
"""Epoch milliseconds, from a string or an integer."""
Text = Annotated[str, BeforeValidator(_text)]


class VenueRow(BaseModel):
    """Base of what the venue tells: camel-case names, unknown fields ignored, immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)
