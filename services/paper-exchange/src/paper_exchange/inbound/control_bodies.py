"""Bodies of the control paths, read field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args

from paper_exchange.application.accounts import KeyTerms
from paper_exchange.application.faults import Fault, Kind, Outcome
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.spoilt_replies import VARIANTS
from shared.trading.money import parse_decimal

DAY_S = 86_400
DAY_MS = 86_400_000
LONGEST_DAYS = 36_500
"""A key lives a century at most: dates far beyond cannot be written."""
NUMBERS = ("latency_ms", "jitter_ms", "count", "ret_code", "hold_ms", "status", "for_ms", "skew_ms")
FAULT_FIELDS = {"kind", "path", "uid", "ret_msg", "outcome", "variant", *NUMBERS}


def read_balances(body: Mapping[str, Any]) -> dict[str, Decimal]:
    """Play money per coin.

    Raises:
        Refused: not an object of amounts, or a negative one.
    """
    balances = body.get("balances") or {}
    if not isinstance(balances, dict):
        raise request_error("balances must be an object of coin and amount")
    amounts = {str(coin): parse_decimal(str(amount)) for coin, amount in balances.items()}
    if any(amount < 0 for amount in amounts.values()):
        raise request_error("balances must not be negative")
    return amounts


def read_terms(body: Mapping[str, Any], terms: KeyTerms, now_ms: int) -> KeyTerms:
    """What a key may do; fields that are left out stay as they are.

    `expires_in_s` may be negative (an expired key); `deadline_days` counts in days.

    Raises:
        Refused: a field of the wrong kind.
    """
    changes: dict[str, Any] = {}
    if "permissions" in body:
        changes["permissions"] = _rights(body["permissions"])
    if "read_only" in body or "readOnly" in body:
        changes["read_only"] = _flag(body.get("read_only", body.get("readOnly")), "read_only")
    if "ips" in body:
        changes["ips"] = names(body, "ips")
    for name in ("environment", "note", "rsa_public_key"):
        if name in body:
            changes[name] = str(body[name])
    if "expires_in_s" in body:
        changes["expires_ms"] = now_ms + _whole(body, "expires_in_s", LONGEST_DAYS * DAY_S) * 1000
    elif "deadline_days" in body:
        changes["expires_ms"] = now_ms + _whole(body, "deadline_days", LONGEST_DAYS) * DAY_MS
    return replace(terms, **changes)


def _whole(body: Mapping[str, Any], field: str, most: int) -> int:
    value = body[field]
    if isinstance(value, bool) or not isinstance(value, int) or not -most <= value <= most:
        raise request_error(f"{field} must be a whole number between -{most} and {most}")
    return value


def _flag(value: object, field: str) -> bool:
    if value not in (True, False):  # 0 and 1 too, as the venue writes them
        raise request_error(f"{field} must be true or false")
    return bool(value)


def names(body: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """A list of names, none when the field is absent.

    Raises:
        Refused: something else than a list of text.
    """
    value = body.get(field)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise request_error(f"{field} must be a list of names")
    return tuple(value)


def _rights(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(isinstance(rights, list) for rights in value.values()):
        raise request_error("permissions must be an object of lists")
    return {str(group): tuple(str(right) for right in rights) for group, rights in value.items()}


def read_fault(body: Mapping[str, Any]) -> Fault:
    """A fault.

    Raises:
        Refused: unknown kind, outcome or field, or a number out of range.
    """
    unknown = set(body) - FAULT_FIELDS
    if unknown:
        raise request_error(f"unknown field {', '.join(sorted(unknown))}")
    kind, outcome = body.get("kind", "latency"), body.get("outcome", "not")
    if kind not in get_args(Kind):
        raise request_error(f"kind must be one of {', '.join(get_args(Kind))}")
    if outcome not in get_args(Outcome):
        raise request_error("outcome must be executed or not")
    numbers = {name: body[name] for name in NUMBERS if name in body}
    if any(isinstance(value, bool) or not isinstance(value, int) for value in numbers.values()):
        raise request_error(f"{', '.join(numbers)} must be whole numbers")
    if any(not 0 <= value <= 10**8 for name, value in numbers.items() if name != "skew_ms") or not numbers.get(
        "count", 1
    ):
        raise request_error("numbers must lie between 0 and 100,000,000, count above 0")
    if not 400 <= numbers.get("status", 500) <= 599:
        raise request_error("status must be an HTTP error")
    fields: dict[str, Any] = {name: str(body[name]) for name in ("path", "uid", "ret_msg", "variant") if body.get(name)}
    if fields.get("variant") and fields["variant"] not in VARIANTS.get(kind, ()):
        raise request_error(f"variant of {kind} must be one of {', '.join(VARIANTS.get(kind, ())) or 'none'}")
    return Fault(kind=kind, outcome=outcome, **(fields | numbers))
