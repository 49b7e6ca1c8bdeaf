"""What changed between two versions of an index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from market_data.domain.index_version import Constituent, IndexVersion
from shared.trading.money import ZERO, exact_product, exact_sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One coin's; a weight is None where it is not a member.

    Attributes:
        kind: `entered`, `left` or `weight`.
        reason: Such as `rank:6`, `past_leave_rank`, `category:stablecoins`, `rules_changed`, `market`.
    """

    asset: str
    symbol: str
    kind: str
    before: Decimal | None
    after: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything between two versions.

    Attributes:
        turnover: ½ Σ |change of weight|, a fraction.
        changes: Who entered, who left, whose weight changed: in this order, the largest first.
    """

    before: IndexVersion
    after: IndexVersion
    turnover: Decimal
    changes: tuple[Change, ...]


def difference(before: IndexVersion, after: IndexVersion) -> Difference:
    """Compare two versions of one index."""
    old = {one.source_id: one for one in before.composition.constituents}
    new = {one.source_id: one for one in after.composition.constituents}
    changes = (
        *(_entered(one, after) for name, one in new.items() if name not in old),
        *_left(before, after),
        *_moved(old, new, _why_weights_moved(before, after)),
    )
    moved = exact_sum([abs((one.after or ZERO) - (one.before or ZERO)) for one in changes])
    return Difference(before=before, after=after, turnover=exact_product(moved, Decimal("0.5")), changes=changes)


def _entered(one: Constituent, after: IndexVersion) -> Change:
    named = one.asset in after.composition.rules.wanted
    reason = "named_by_rules" if named else f"rank:{one.rank}"
    return Change(asset=one.asset, symbol=one.symbol, kind="entered", before=None, after=one.weight, reason=reason)


def _left(before: IndexVersion, after: IndexVersion) -> Iterator[Change]:
    inside = {one.source_id for one in after.composition.constituents}
    reasons = {one.source_id: one.reason for one in after.composition.exclusions}
    for one in before.composition.constituents:
        if one.source_id not in inside:
            reason = reasons.get(one.source_id, "outranked")
            yield Change(asset=one.asset, symbol=one.symbol, kind="left", before=one.weight, after=None, reason=reason)


def _moved(old: dict[str, Constituent], new: dict[str, Constituent], reason: str) -> Iterator[Change]:
    for name, one in new.items():
        if name in old and old[name].weight != one.weight:
            yield Change(
                asset=one.asset,
                symbol=one.symbol,
                kind="weight",
                before=old[name].weight,
                after=one.weight,
                reason=reason,
            )


def _why_weights_moved(before: IndexVersion, after: IndexVersion) -> str:
    same = before.recipe.partition(":")[0] == after.recipe.partition(":")[0]
    return "market" if same else "rules_changed"
