"""The ledger as bytes: the same state gives the same bytes, however it came about."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from decimal import Decimal
from typing import Any

import orjson

from paper_exchange.domain.ledger import Ledger
from shared.trading.money import plain

LEFT_OUT = frozenset({"listings", "_appliers"})
"""What is not state: the rules, and the ledger's own table."""


def state_bytes(ledger: Ledger) -> bytes:
    """Everything the ledger holds, in the order in which it came to hold it, decimals in their one plain form."""
    return orjson.dumps(_written(ledger))


def state_digest(ledger: Ledger) -> str:
    """SHA-256 of `state_bytes`, hexadecimal."""
    return hashlib.sha256(state_bytes(ledger)).hexdigest()


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return [[_written(key), _written(item)] for key, item in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return [_written(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = (item.name for item in dataclasses.fields(value) if item.name not in LEFT_OUT)
        return {name: _written(getattr(value, name)) for name in fields}
    return value
