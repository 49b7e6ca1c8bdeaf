"""Bodies of the control paths, read field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from paper_exchange.application.accounts import KeyTerms
from paper_exchange.domain.refusal import request_error
from shared.trading.money import parse_decimal

DAY_S = 86_400
DAY_MS = 86_400_000
LONGEST_DAYS = 36_500
"""A key lives a century at most: dates far beyond cannot be written."""


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
