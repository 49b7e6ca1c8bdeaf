"""Records as JSON lines: decimals as plain text, so that nothing is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from paper_exchange.domain import records as happened
from paper_exchange.domain import venue_records as told
from shared.trading.money import plain

KINDS: dict[str, type] = {
    "account": happened.AccountOpened,
    "key": happened.KeyIssued,
    "key_revoked": happened.KeyRevoked,
    "transfer": happened.Transferred,
    "order": happened.OrderAccepted,
    "amended": happened.OrderAmended,
    "rested": happened.OrderRested,
    "matched": happened.OrderMatched,
    "prices": happened.PricesNoted,
    "reset": happened.WorldReset,
    "halted": told.TradingHalted,
    "resumed": told.TradingResumed,
    "rules": told.RulesChanged,
    "delisted": told.PairDelisted,
    "converted": told.CoinConverted,
    "live_view_forgotten": told.LiveViewForgotten,
    "link_ids_forgotten": told.LinkIdsForgotten,
}
_HEADS = {kind: b'{"record":"%s",' % name.encode() for name, kind in KINDS.items()}


def encode_record(record: happened.Record) -> bytes:
    """One line of JSON without its end: the kind first, then the fields in the order of their class."""
    if isinstance(record, happened.OrderAccepted):
        return _HEADS[happened.OrderAccepted] + orjson.dumps(_accepted(record))[1:]
    if isinstance(record, happened.OrderMatched):
        return _HEADS[happened.OrderMatched] + orjson.dumps(_matched(record))[1:]
    return _HEADS[type(record)] + orjson.dumps(record, default=_decimal_text)[1:]


def _accepted(record: happened.OrderAccepted) -> dict[str, object]:
    """An order's fields by hand, in their order: every order has this record, and asking back per decimal is slow."""
    return {
        "uid": record.uid,
        "order_id": record.order_id,
        "link_id": record.link_id,
        "symbol": record.symbol,
        "side": record.side,
        "order_type": record.order_type,
        "time_in_force": record.time_in_force,
        "price": (price := plain(record.price)),
        "limit_price": price if record.limit_price is record.price else plain(record.limit_price),
        "quantity": plain(record.quantity),
        "market_unit": record.market_unit,
        "lock_coin": record.lock_coin,
        "locked": plain(record.locked),
        "price_on_created": plain(record.price_on_created),
        "at_ms": record.at_ms,
        "slippage_type": record.slippage_type,
        "slippage": record.slippage,
    }


def _matched(record: happened.OrderMatched) -> dict[str, object]:
    """The same for the record of a matching."""
    return {
        "order_id": record.order_id,
        "fills": [
            {"exec_id": fill.exec_id, "price": plain(fill.price), "quantity": plain(fill.quantity)}
            for fill in record.fills
        ],
        "is_maker": record.is_maker,
        "status": record.status,
        "reject_reason": record.reject_reason,
        "cancel_type": record.cancel_type,
        "at_ms": record.at_ms,
    }


def decode_record(line: bytes) -> happened.Record:
    """Read one line.

    Raises:
        ValueError: not a record this version knows.
    """
    fields = orjson.loads(line)
    kind = KINDS.get(fields.pop("record"))
    if kind is None:
        raise ValueError("unknown kind of record")
    record: happened.Record = _build(kind, fields)
    return record


def _decimal_text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"a record holds no {type(value).__name__}")


def _build(kind: type, fields: dict[str, Any]) -> Any:
    readers = _FIELDS[kind]
    return kind(**{name: readers[name](value) for name, value in fields.items()})


def _same(value: Any) -> Any:
    return value


def _fills(value: list[dict[str, Any]]) -> tuple[happened.FillBooked, ...]:
    return tuple(_build(happened.FillBooked, item) for item in value)


def _rights(value: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {group: tuple(rights) for group, rights in value.items()}


def _amounts(value: dict[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in value.items()}


_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _same,
    "int": _same,
    "bool": _same,
    "Decimal": Decimal,
    "tuple[str, ...]": tuple,
    "tuple[FillBooked, ...]": _fills,
    "dict[str, tuple[str, ...]]": _rights,
    "dict[str, int]": _same,
    "dict[str, Decimal]": _amounts,
}
_FIELDS: dict[type, dict[str, Callable[[Any], Any]]] = {
    kind: {field.name: _READERS[str(field.type)] for field in dataclasses.fields(kind)}
    for kind in (*KINDS.values(), happened.FillBooked)
}
