"""When an index is made anew, and why."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from market_data.domain.index_rules import IndexRules, Rhythm
from market_data.domain.index_version import IndexVersion


class Reason(StrEnum):
    """Why a version was made."""

    FIRST = "first"
    SCHEDULED = "scheduled"
    RULES_CHANGED = "rules_changed"
    TABLES_CHANGED = "tables_changed"
    CONSTITUENT_LOST = "constituent_lost"


def recipe_of(rules: IndexRules, tables: str) -> str:
    """What a version was made with: a print of its rules and one of the reviewed tables."""
    return f"{hashlib.sha256(rules.fingerprint_text().encode()).hexdigest()[:16]}:{tables}"


def period(rhythm: Rhythm, at: datetime) -> tuple[int, ...]:
    """The stretch of time (UTC) in which a moment lies; a new one begins with a reconstitution."""
    if rhythm is Rhythm.DAILY:
        return (at.toordinal(),)
    if rhythm is Rhythm.WEEKLY:
        return at.isocalendar()[:2]
    month = at.month if rhythm is Rhythm.MONTHLY else (at.month - 1) // 3
    return (at.year, month)


def due(newest: IndexVersion | None, *, rules: IndexRules, tables: str, now: datetime) -> Reason | None:
    """Why an index gets a new version now; None while the one in force stands."""
    if newest is None:
        return Reason.FIRST
    recipe = recipe_of(rules, tables)
    if newest.recipe != recipe:
        same_rules = newest.recipe.partition(":")[0] == recipe.partition(":")[0]
        return Reason.TABLES_CHANGED if same_rules else Reason.RULES_CHANGED
    if period(rules.rhythm, newest.composition.as_of) < period(rules.rhythm, now):
        return Reason.SCHEDULED
    return None
