"""Reads the reviewed table that ships with this package."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path

from market_data.domain.renames import How, Rename, Renames
from market_data.domain.reviewed import ReviewedCoin, ReviewedTable


class BrokenTable(ValueError):
    """The table contradicts itself: the service must not start with it."""


def shipped_text() -> str:
    """The table in this package."""
    return resources.files("market_data.outbound").joinpath("data/reviewed_coins.csv").read_text("utf-8")


def table_text(path: Path | None) -> str:
    """The operator's own table, or the shipped one."""
    return shipped_text() if path is None else path.read_text("utf-8")


def known_text() -> str:
    """The shipped table of when coins were first seen among the largest."""
    return resources.files("market_data.outbound").joinpath("data/known_since.csv").read_text("utf-8")


def read_known(text: str) -> dict[str, date]:
    """Parse the table of ages.

    Args:
        text: CSV with the columns source_id, known_since; lines with `#` are remarks.

    Raises:
        BrokenTable: A column is missing, or a date is none.
    """
    try:
        return {row["source_id"]: date.fromisoformat(row["known_since"]) for row in csv.DictReader(_lines(text))}
    except (KeyError, ValueError, TypeError) as error:
        raise BrokenTable("the table of ages needs source_id and known_since, a date") from error


def read_table(text: str, known: Mapping[str, date] | None = None) -> ReviewedTable:
    """Parse the table.

    Args:
        text: CSV with the columns source_id, source_symbol, base, excluded_as; lines with `#` are remarks.
        known: The first day on which each coin was seen; the shipped table by default.

    Raises:
        BrokenTable: An id or a base coin stands in it twice, or a column is missing.
    """
    rows = csv.DictReader(_lines(text))
    since = read_known(known_text()) if known is None else known
    table: dict[str, ReviewedCoin] = {}
    bases: set[str] = set()
    for row in rows:
        coin = _coin(row, since)
        if coin.source_id in table or (coin.base and coin.base in bases):
            raise BrokenTable(f"{coin.source_id} or {coin.base} stands in the table twice")
        table[coin.source_id] = coin
        bases.add(coin.base)
    if not table:
        raise BrokenTable("the table is empty")
    return table


def renames_text(path: Path | None) -> str:
    """The operator's own table of renamed coins, or the shipped one."""
    if path is not None:
        return path.read_text("utf-8")
    return resources.files("market_data.outbound").joinpath("data/renamed_coins.csv").read_text("utf-8")


def read_renames(text: str) -> Renames:
    """Parse the table of renamed coins.

    Args:
        text: CSV with the columns old, new, how; lines with `#` are remarks. It may be empty.

    Raises:
        BrokenTable: A name twice, a coin that became itself, a column missing, or a word nobody knows.
    """
    renames: dict[str, Rename] = {}
    for row in csv.DictReader(_lines(text)):
        try:
            rename = Rename(old=row["old"].strip(), new=row["new"].strip(), how=How(row["how"].strip()))
        except (KeyError, AttributeError, ValueError) as error:
            raise BrokenTable(f"{row} does not say what happened to a coin") from error
        if rename.old in renames or rename.old == rename.new or not (rename.old and rename.new):
            raise BrokenTable(f"{rename.old} stands in the table of renamed coins twice, or became nothing new")
        renames[rename.old] = rename
    return renames


def fingerprint(text: str, renames: str = "") -> str:
    """Changes when one of the tables changes."""
    return hashlib.sha256(f"{text}\n{renames}".encode()).hexdigest()[:16]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _coin(row: dict[str, str], since: Mapping[str, date]) -> ReviewedCoin:
    try:
        return ReviewedCoin(
            source_id=row["source_id"].strip(),
            source_symbol=row["source_symbol"].strip().upper(),
            base=row["base"].strip(),
            excluded_as=row["excluded_as"].strip(),
            known_since=since.get(row["source_id"].strip()),
        )
    except (KeyError, AttributeError) as error:
        raise BrokenTable(f"a column is missing in {row}") from error
