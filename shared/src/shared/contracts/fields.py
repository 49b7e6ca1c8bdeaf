"""Field types of every contract: decimals travel as strings, moments as UTC, secrets masked everywhere but on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr, WithJsonSchema

from shared.trading.errors import Invalid
from shared.trading.money import parse_decimal, plain


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a decimal must be finite")
        return value
    try:
        return parse_decimal(value)
    except Invalid as error:
        raise ValueError(error.detail) from error


DecimalText = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"}),
]
"""An exact decimal; plain notation in JSON, never a JSON number."""

SecretText = Annotated[
    SecretStr, PlainSerializer(lambda value: value.get_secret_value(), return_type=str, when_used="json")
]
"""A secret that must travel in a request body: its repr stays masked, only the JSON on the wire shows it."""


def _utc_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[AwareDatetime, PlainSerializer(_utc_text, return_type=str, when_used="json")]
"""A UTC moment, ISO 8601 with milliseconds and `Z`."""


class Contract(BaseModel):
    """Base of everything that crosses a service's door: immutable; readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class EventData(Contract):
    """Base of every event payload; the registry knows its subject and owner."""
