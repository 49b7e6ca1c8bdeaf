"""What was noted of a coin since it was last there in full: whether that explains what is missing of it now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from reconciler.domain.announcements import Break
from reconciler.domain.findings import Finding, Scope
from shared.trading.money import EXACT, ZERO
from shared.trading.status import BreakClass

FEES = Decimal("0.01")
"""Share of what was moved by hand that may have gone in fees: notes tell of it without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What others did with a coin, taken together; units of the coin.

    Attributes:
        break_class: Of the last thing that took some away.
        taken: What left beyond what came, with all that may have gone in fees.
    """

    break_class: BreakClass
    taken: Decimal

    def explains(self, short: Decimal) -> bool:
        """Whether so much can be missing by it: an own shortage of another kind would be hidden behind it otherwise."""
        return short <= self.taken


def causes_of(known: Iterable[Break], found: Iterable[Finding], agreed_at: Mapping[str, datetime]) -> dict[str, Cause]:
    """Per coin, what took some of it away since it was there in full.

    What is noted in the very look that finds it in full still counts: the venue's histories and balances do not tell of
    it at the same moment.

    Args:
        known: Breaks of the account, notes among them.
        found: By the comparison under way.
        agreed_at: When each coin was last there in full; for one that never was, everything counts.
    """
    notes = {_key(entry.finding): entry for entry in known if entry.finding.scope is Scope.NOTES}
    old = {
        key
        for key, entry in notes.items()
        if entry.opened_at < agreed_at.get(entry.finding.asset or "", entry.opened_at)
    }
    oldest_first = sorted(notes.items(), key=lambda item: item[1].opened_at)
    counted = {key: entry.finding for key, entry in oldest_first if key not in old}
    counted |= {_key(note): note for note in found if note.scope is Scope.NOTES and _key(note) not in old}
    causes: dict[str, Cause] = {}
    for asset in {note.asset for note in counted.values() if note.asset}:
        changes = [(note.break_class, note.theirs or ZERO) for note in counted.values() if note.asset == asset]
        takers = [break_class for break_class, change in changes if change < ZERO]
        with localcontext(EXACT):
            taken = sum((abs(change) * FEES - change for _, change in changes), ZERO)
        if takers:
            causes[asset] = Cause(break_class=takers[-1], taken=taken)
    return causes


def _key(note: Finding) -> tuple[BreakClass, str]:
    return note.break_class, note.subject
