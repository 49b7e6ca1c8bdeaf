"""JSON that can be read in one way only: what we check is what the venue sees."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from keys.domain.errors import PayloadRefused

MAX_BYTES = 16_384


def refuse(reason: str, **context: str) -> NoReturn:
    """Refuse the bytes.

    Raises:
        PayloadRefused: Always; `context["reason"]` is a stable code.
    """
    raise PayloadRefused(
        f"These bytes are not signed: {reason.replace('_', ' ')}.", context={"reason": reason, **context}
    )


def parse_object(payload: str) -> dict[str, Any]:
    """Read one JSON object.

    Two parsers may disagree on duplicate keys, escapes, non-ASCII text and number forms; all of them are refused.

    Raises:
        PayloadRefused: The text is longer than 16 KiB, or leaves room for a second reading.
    """
    _check_text(payload)
    try:
        found = json.loads(
            payload, object_pairs_hook=_unique, parse_float=_no_number, parse_constant=_no_number, parse_int=_short_int
        )
    except (ValueError, RecursionError):
        refuse("malformed_json")
    if not isinstance(found, dict):
        refuse("not_an_object")
    return found


def check_ascii(payload: str) -> None:
    """Refuse text that is too long or not printable ASCII."""
    if len(payload) > MAX_BYTES:
        refuse("payload_too_long")
    if not (payload.isascii() and payload.isprintable()):
        refuse("not_plain_ascii")


def _check_text(payload: str) -> None:
    check_ascii(payload)
    if "\\" in payload:
        refuse("escape_in_json")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse("duplicate_field")
    return found


def _no_number(_: str) -> NoReturn:
    refuse("number_not_allowed")


def _short_int(text: str) -> int:
    if len(text) > 16:
        refuse("number_not_allowed")
    return int(text)
