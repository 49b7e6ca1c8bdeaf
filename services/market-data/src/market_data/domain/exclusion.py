"""Who is told as left out, and why: nobody who could be expected in the index goes unmentioned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from market_data.domain.candidate import Candidate, Verdict
from market_data.domain.index_rules import IndexRules, Weighting
from market_data.domain.index_version import Constituent, Exclusion

WAITS = "waits_for_enter_rank"
LEFT = "past_leave_rank"
GONE = "not_at_source"


def excluded(
    rules: IndexRules, judged: Sequence[Verdict], chosen: Sequence[Candidate], previous: Sequence[Constituent]
) -> list[Exclusion]:
    """Coins above the last constituent by rank, members that leave, and coins asked for by name in vain.

    Args:
        rules: Whose names and buffer.
        judged: Every coin's verdict under these rules, largest first.
        chosen: The members.
        previous: The members until now.
    """
    inside = {one.source_id for one in chosen}
    members = {one.source_id for one in previous}
    last = _last(rules, judged, inside)
    told: list[Exclusion] = []
    for place, verdict in enumerate(judged):
        if verdict.source_id in inside:
            continue
        named = verdict.asset in rules.wanted
        if place < last or named or verdict.source_id in members:
            told.append(_told(verdict, was_member=verdict.source_id in members))
    return [*told, *_vanished(judged, previous), *_never_seen(rules, judged)]


def _last(rules: IndexRules, judged: Sequence[Verdict], inside: set[str]) -> int:
    if rules.weighting is Weighting.FIXED:
        return 0
    ranked = (place for place, one in enumerate(judged) if one.source_id in inside and one.asset not in rules.wanted)
    return max(ranked, default=0)


def _told(verdict: Verdict, *, was_member: bool) -> Exclusion:
    if not isinstance(verdict, Candidate):
        return verdict
    return verdict.exclusion(LEFT if was_member else WAITS)


def _vanished(judged: Sequence[Verdict], previous: Sequence[Constituent]) -> Iterator[Exclusion]:
    seen = {one.source_id for one in judged}
    for one in previous:
        if one.source_id not in seen:
            yield Exclusion(asset=one.asset, source_id=one.source_id, rank=0, reason=GONE)


def _never_seen(rules: IndexRules, judged: Sequence[Verdict]) -> Iterator[Exclusion]:
    seen = {one.asset for one in judged}
    for asset in rules.wanted:
        if asset not in seen:
            yield Exclusion(asset=asset, source_id="", rank=0, reason=GONE)
