"""Candle files of the replay feed.

One CSV file with the header `symbol,start_ms,open,high,low,close`; further columns and lines that begin with `#` are
passed over. `start_ms` is epoch milliseconds; all candles have one length, taken from the smallest distance of two.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from paper_exchange.domain.candle_span import MINUTE_MS
from paper_exchange.domain.candles import Candle
from paper_exchange.domain.price_board import PriceBoard
from shared.trading.errors import Invalid
from shared.trading.money import InvalidAmount, parse_decimal

COLUMNS = ("symbol", "start_ms", "open", "high", "low", "close")


class CandleFileWrong(Invalid):
    """The file is no candle file, or its candles cannot be."""

    code = "candle_file_wrong"
    title = "The candle file cannot be replayed"


@dataclass(frozen=True, slots=True)
class Recording:
    """Candles per symbol in fine units, oldest first; `length_ms` of each."""

    candles: Mapping[str, list[Candle]]
    length_ms: int

    @property
    def first_ms(self) -> int:
        """When the oldest candle opened."""
        return min(rows[0].start_ms for rows in self.candles.values())


def load_candles(path: Path, board: PriceBoard) -> Recording:
    """Read a candle file.

    Args:
        path: The file.
        board: Knows the listings and their ticks; pairs it does not list are passed over.

    Raises:
        CandleFileWrong: a column is missing, a line is no candle, or none is left.
    """
    candles: dict[str, list[Candle]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        if not set(COLUMNS) <= set(lines.fieldnames or ()):
            raise CandleFileWrong(f"{path.name} needs the columns {', '.join(COLUMNS)}.")
        for row in lines:
            if row["symbol"] in board.mids:
                candles.setdefault(row["symbol"], []).append(_candle(row, board, path.name))
    if not candles:
        raise CandleFileWrong(f"{path.name} has no candle of a listed pair.")
    for rows in candles.values():
        rows.sort(key=lambda candle: candle.start_ms)
    return Recording(candles, _length(candles))


def _candle(row: Mapping[str, str], board: PriceBoard, name: str) -> Candle:
    try:
        prices = [board.fine(row["symbol"], parse_decimal(row[column])) for column in COLUMNS[2:]]
        candle = Candle(int(row["start_ms"]), *prices)
    except (InvalidAmount, ValueError, TypeError):
        raise CandleFileWrong(f"{name}: {row['symbol']} at {row['start_ms']} is no candle.") from None
    if not 0 < candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        raise CandleFileWrong(f"{name}: {row['symbol']} at {row['start_ms']} has a low or high that cannot be.")
    return candle


def _length(candles: Mapping[str, list[Candle]]) -> int:
    steps = {later.start_ms - earlier.start_ms for rows in candles.values() for earlier, later in pairwise(rows)}
    return min((step for step in steps if step > 0), default=MINUTE_MS)
