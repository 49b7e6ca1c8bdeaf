"""How an index is put together, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from types import MappingProxyType

from market_data.domain.errors import IndexRulesRefused
from shared.trading.money import ONE, ZERO, exact_product, exact_sum, plain
from shared.trading.weights import WEIGHT_PLACES, must_be_feasible

MOST_CONSTITUENTS = 100
NO_FIXED: Mapping[str, Decimal] = MappingProxyType({})


class Weighting(StrEnum):
    """What a weight is in proportion to."""

    MARKET_CAP = "market_cap"
    SQRT_CAP = "sqrt_cap"
    EQUAL = "equal"
    FIXED = "fixed"


class Rhythm(StrEnum):
    """How often membership and weights are made anew; in between they stand, whatever the caps do."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class Buffering(StrEnum):
    """What keeps coins near the last rank from going in and out."""

    NONE = "none"
    RANK = "rank"
    CAP = "cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """The hysteresis of membership; ranks count the coins that may be members.

    Attributes:
        enter: By rank: a newcomer needs rank ≤ enter × size.
        leave: By rank: a member goes past rank leave × size.
        cap_percent: By cap: a newcomer's cap must exceed the smallest member's by this many percent.
    """

    kind: Buffering = Buffering.NONE
    enter: Decimal = Decimal("0.7")
    leave: Decimal = Decimal("1.3")
    cap_percent: Decimal = Decimal(5)

    def enter_rank(self, size: int) -> int:
        """The last rank at which a newcomer enters; at least 1."""
        return max(1, _whole(exact_product(self.enter, Decimal(size))))

    def leave_rank(self, size: int) -> int:
        """The last rank at which a member stays; at least `size`."""
        return max(size, _whole(exact_product(self.leave, Decimal(size))))


RANK_BUFFER = Buffer(kind=Buffering.RANK)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRules:
    """How an index is put together; weights are fractions of the invested part.

    Attributes:
        size: Number of constituents.
        weight_cap: Largest weight; what is above it is spread over the others.
        weight_floor: Smallest weight; what is missing comes from the others.
        include: Assets that are members whatever their rank, as long as they can be bought.
        exclude: Assets that are never members.
        fixed: For the weighting `fixed`, the weight of every member.
        cash_share: Fraction of an amount that stays in quote currency.
        min_volume: US dollars traded in 24 hours by the source; 0 asks for none.
        min_age_days: Days since the coin was first seen; 0 asks for none.
    """

    index_id: str
    name: str
    description: str
    size: int
    weight_cap: Decimal = ONE
    weighting: Weighting = Weighting.MARKET_CAP
    weight_floor: Decimal = ZERO
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fixed: Mapping[str, Decimal] = field(default_factory=lambda: NO_FIXED)
    cash_share: Decimal = ZERO
    buffer: Buffer = field(default_factory=Buffer)
    min_volume: Decimal = ZERO
    min_age_days: int = 0
    rhythm: Rhythm = Rhythm.MONTHLY

    @property
    def wanted(self) -> tuple[str, ...]:
        """Assets that are members by name."""
        return tuple(self.fixed) if self.weighting is Weighting.FIXED else self.include

    def fingerprint_text(self) -> str:
        """Everything that decides what the index is made of; its name does not."""
        fixed = sorted((asset, plain(weight)) for asset, weight in self.fixed.items())
        numbers = [plain(one) for one in (self.weight_cap, self.weight_floor, self.cash_share, self.min_volume)]
        buffer = (self.buffer.kind.value, *(plain(n) for n in (self.buffer.enter, self.buffer.leave)))
        rest = (self.size, self.weighting.value, self.include, self.exclude, self.min_age_days, self.rhythm.value)
        return repr((numbers, fixed, buffer, plain(self.buffer.cap_percent), rest))


def must_make_sense(rules: IndexRules) -> None:
    """Refuse rules that contradict themselves, naming which.

    Raises:
        IndexRulesRefused: a number out of range, a coin both in and out, fixed weights that do not sum to exactly 1.
        InfeasibleCap, InfeasibleFloor: no weights can respect the limits.
    """
    _check(1 <= rules.size <= MOST_CONSTITUENTS, "size", f"An index has 1 to {MOST_CONSTITUENTS} constituents.")
    _fraction("max_weight", rules.weight_cap, above=ZERO, most=ONE)
    _fraction("min_weight", rules.weight_floor, most=ONE)
    _fraction("cash_share", rules.cash_share, most=Decimal("0.95"))
    _check(0 <= rules.min_volume <= Decimal("1e15"), "min_volume_24h", "The volume is out of range.")
    _check(0 <= rules.min_age_days <= 36_500, "min_age_days", "The age is out of range.")
    _check(ZERO < rules.buffer.enter <= ONE, "buffer_enter", "A newcomer enters at a fraction of the size up to 1.")
    _check(ONE <= rules.buffer.leave <= 3, "buffer_leave", "A member leaves past 1 to 3 times the size.")
    _check(0 <= rules.buffer.cap_percent <= 100, "buffer_cap_percent", "Between 0 and 100 percent.")
    _lists(rules)
    if rules.weighting is Weighting.FIXED:
        _fixed(rules)
    must_be_feasible(rules.size, cap=rules.weight_cap, floor=rules.weight_floor)


def _lists(rules: IndexRules) -> None:
    both = sorted(set(rules.wanted) & set(rules.exclude))
    _check(not both, "exclude", f"{', '.join(both)} cannot be both in and out.")
    for name, listed in (("include", rules.include), ("exclude", rules.exclude)):
        _check(len(set(listed)) == len(listed), name, "An asset stands in the list twice.")
    _check(len(rules.include) <= rules.size, "include", "More assets are asked for by name than there are places.")


def _fixed(rules: IndexRules) -> None:
    total = exact_sum(list(rules.fixed.values()))
    _check(len(rules.fixed) == rules.size, "size", f"The size must be the number of fixed weights, {len(rules.fixed)}.")
    _check(
        total == ONE, "fixed_weights", f"Fixed weights must sum to exactly 1, not {plain(total)}.", total=plain(total)
    )
    for asset, weight in rules.fixed.items():
        _fraction("fixed_weights", weight, above=ZERO, most=ONE)
        inside = rules.weight_floor <= weight <= rules.weight_cap
        _check(inside, "fixed_weights", f"{asset} is outside the smallest and the largest weight.")


def _fraction(name: str, value: Decimal, *, most: Decimal, above: Decimal | None = None) -> None:
    low = value > above if above is not None else value >= 0
    _check(low and value <= most, name, f"{name} must be a fraction up to {plain(most)}, not {plain(value)}.")
    _check(value == round(value, WEIGHT_PLACES), name, f"{name} has more than {WEIGHT_PLACES} decimals.")


def _check(holds: bool, rule: str, why: str, **facts: str) -> None:  # noqa: FBT001 - reads like the sentence it is
    if not holds:
        raise IndexRulesRefused(why, context={"rule": rule, "pointer": f"#/rules/{rule}", **facts})


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_FLOOR))
