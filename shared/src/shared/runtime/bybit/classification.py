"""What a reply code of the venue means for the call that got it: one table, `data/reply_codes.csv`, a source per row.

Sources: S = our own review of what a reply proves; E = Bybit's public error list (docs/v5/error, read 2026-07-24);
A = our survey of Bybit v5, texts beside the codes; default = nothing proves more.

A code that is not listed is UNKNOWN: the order may exist. The table was not confirmed on testnet;
`./basketry conformance` asks what can be asked there.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources


class ReplyClass(StrEnum):
    """What is certain after a reply."""

    ACCEPTED = "accepted"
    """The venue took the call; for orders only an acknowledgement, never a fill."""
    REFUSED = "refused"
    """Certainly nothing was done."""
    BLIND = "blind"
    """Fatal: certainly nothing was done, and nothing will be: this key does not work here any more (drift D11)."""
    RATE_LIMITED = "rate_limited"
    """Certainly nothing was done; the same call may be sent again after the reset time."""
    DUPLICATE = "duplicate"
    """An order with this client id exists already: query it and adopt it."""
    NOT_OPEN = "not_open"
    """There is no open order to cancel: finished, or never there. Query to learn which."""
    UNKNOWN = "unknown"
    """It may have been done: query, never send again blindly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row of the table.

    Attributes:
        source: Where it is said; never empty.
        meaning: What happened, in our words.
    """

    reply_class: ReplyClass
    source: str
    meaning: str


def _table() -> dict[int, Verdict]:
    text = resources.files("shared.runtime.bybit").joinpath("data/reply_codes.csv").read_text("utf-8")
    table: dict[int, Verdict] = {}
    for row in csv.DictReader(text.splitlines()):
        code = int(row["code"])
        if code in table:
            raise ValueError(f"code {code} stands in the table twice")
        table[code] = Verdict(reply_class=ReplyClass(row["class"]), source=row["source"], meaning=row["meaning"])
    return table


TABLE = _table()


def classify(code: int) -> ReplyClass:
    """The class of a reply code; UNKNOWN when the table does not list it."""
    found = TABLE.get(code)
    return ReplyClass.UNKNOWN if found is None else found.reply_class
