"""Who is a member: floors and lists first, then rank among those that are left, with hysteresis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from market_data.domain.candidate import Candidate, Verdict
from market_data.domain.index_rules import Buffering, IndexRules, Weighting
from shared.trading.money import ONE, exact_product


def by_rules(rules: IndexRules, verdict: Verdict, *, at: datetime) -> Verdict:
    """Judge a coin by what these rules ask for; a coin that they name is taken whatever its volume and age."""
    if not isinstance(verdict, Candidate):
        return verdict
    if verdict.asset in rules.exclude:
        return verdict.exclusion("excluded_by_rules")
    if verdict.asset in rules.wanted:
        return verdict
    reason = _below(rules, verdict, at)
    return verdict.exclusion(reason) if reason else verdict


def _below(rules: IndexRules, candidate: Candidate, at: datetime) -> str | None:
    volume, since = candidate.coin.volume, candidate.known_since
    if rules.min_volume > 0 and (volume is None or volume < rules.min_volume):
        return "volume_unknown" if volume is None else "volume_below_floor"
    if rules.min_age_days > 0:
        if since is None:
            return "age_unknown"
        if at.date() - since < timedelta(days=rules.min_age_days):
            return "younger_than_floor"
    return None


def pick(rules: IndexRules, ranked: Sequence[Candidate], members: Collection[str]) -> list[Candidate]:
    """Choose the members.

    Args:
        rules: Size, buffer and names.
        ranked: The coins that may be members, largest market cap first.
        members: Source ids of those that are members now.

    Returns:
        At most `rules.size` candidates, largest first; fewer when there are no more.
    """
    named = [one for one in ranked if one.asset in rules.wanted]
    if rules.weighting is Weighting.FIXED:
        return named
    others = [one for one in ranked if one.asset not in rules.wanted]
    chosen = {one.source_id for one in (*named, *_others(rules, others, members, rules.size - len(named)))}
    return [one for one in ranked if one.source_id in chosen]


def _others(
    rules: IndexRules, others: Sequence[Candidate], members: Collection[str], places: int
) -> Sequence[Candidate]:
    known = {one.source_id for one in others} & set(members)
    if places <= 0:
        return []
    if not known or rules.buffer.kind is Buffering.NONE:
        return others[:places]
    if rules.buffer.kind is Buffering.RANK:
        return _by_rank(rules, others, known, places)
    return _by_cap(rules, others, known, places)


def _by_rank(
    rules: IndexRules, others: Sequence[Candidate], members: Collection[str], places: int
) -> Sequence[Candidate]:
    """Newcomers at the enter rank, members up to the leave rank; places left over go to the next in rank."""
    enter, leave = rules.buffer.enter_rank(places), rules.buffer.leave_rank(places)
    safe = [one for rank, one in enumerate(others, start=1) if rank <= (leave if one.source_id in members else enter)][
        :places
    ]
    taken = {one.source_id for one in safe}
    return [*safe, *(one for one in others if one.source_id not in taken)][:places]


def _by_cap(
    rules: IndexRules, others: Sequence[Candidate], members: Collection[str], places: int
) -> Sequence[Candidate]:
    """A challenger must exceed the smallest member's cap by the buffer's percentage."""
    factor = ONE + rules.buffer.cap_percent / 100
    inside = [one for one in others if one.source_id in members][:places]
    outside = [one for one in others if one not in inside]
    while len(inside) < places and outside:
        inside.append(outside.pop(0))
    inside.sort(key=lambda one: -one.coin.market_cap)
    while outside and outside[0].coin.market_cap > exact_product(inside[-1].coin.market_cap, factor):
        inside[-1] = outside.pop(0)
        inside.sort(key=lambda one: -one.coin.market_cap)
    return inside


def contenders(rules: IndexRules, ranked: Sequence[Candidate], members: Collection[str]) -> list[Candidate]:
    """The candidates whose identity matters: the chosen, and whoever ranks above the last of them."""
    chosen = {one.source_id for one in pick(rules, ranked, members)}
    by_rank = {one.source_id for one in ranked if one.asset not in rules.wanted} & chosen
    last = max((place for place, one in enumerate(ranked) if one.source_id in by_rank), default=-1)
    return [one for place, one in enumerate(ranked) if place <= last or one.source_id in chosen]
