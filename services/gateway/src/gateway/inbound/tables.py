"""Rows as they leave: RFC 4180 lines that no spreadsheet takes for a formula, or a JSON array; a row at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.trading.money import plain

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
AT_ONCE = 100
"""Rows in one piece of the answer."""


async def csv_text(columns: Sequence[str], rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[str]:
    """The header, then the rows in pieces; lines end with CR LF."""
    yield _lines([list(columns)])
    async for piece in _pieces(rows):
        yield _lines([[_cell(row[name]) for name in columns] for row in piece])


async def json_text(rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[str]:
    """An array of objects; decimals are text, so that no reader rounds them."""
    opening = "["
    async for piece in _pieces(rows):
        yield opening + ",".join(json.dumps(_object(row), separators=(",", ":")) for row in piece)
        opening = ","
    yield "]" if opening == "," else "[]"


def _object(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if value is None or isinstance(value, int) else _text(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    """Text that a spreadsheet would run is quoted by an apostrophe; figures are ours and stay figures."""
    text = "" if value is None else _text(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


async def _pieces(rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[list[Mapping[str, Any]]]:
    piece: list[Mapping[str, Any]] = []
    async for row in rows:
        piece.append(row)
        if len(piece) == AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece
