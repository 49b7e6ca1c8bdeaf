"""Between which bounds a coin's weight lies while some coins have no fresh price: what is said then holds at any price.

A coin without a fresh price does not keep the others from being judged: it may be worth anything between nothing and
twice its last price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from shared.trading.money import EXACT, ZERO, exact_product

DOUBT = Decimal(2)
"""A coin without a fresh price is taken for anything between nothing and so many times its last price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSpan:
    """A coin's weight is between `least` ÷ `of_most` and `most` ÷ `of_least`; all four in the unit of the values."""

    least: Decimal
    most: Decimal
    of_least: Decimal
    of_most: Decimal

    def outside(self, target: Decimal, threshold: Decimal) -> bool:
        """Whether the whole span is at or beyond the threshold (fractions), on one side of the target."""
        return self.at_least(target + threshold) or self.most <= exact_product(target - threshold, self.of_least)

    def inside(self, target: Decimal, threshold: Decimal) -> bool:
        """Whether the whole span is within the threshold (fractions) around the target."""
        above = self.least > exact_product(target - threshold, self.of_most)
        return above and self.most < exact_product(target + threshold, self.of_least)

    def at_least(self, weight: Decimal) -> bool:
        """Whether the coin has that weight (a fraction) whatever the others are worth."""
        return self.least >= exact_product(weight, self.of_most)


def weight_spans(values: Sequence[tuple[Decimal, bool]], whole: Decimal) -> list[WeightSpan]:
    """The spans of all coins, in order; none while no coin that is worth anything has a fresh price.

    Args:
        values: Of each coin what it was worth last, and whether its price is fresh.
        whole: Their sum, in the same unit: quote units, or 1 for weights.
    """
    with localcontext(EXACT):
        known = whole - sum((value for value, fresh in values if not fresh), ZERO)
        of_most = known + DOUBT * (whole - known)
        if known <= ZERO:
            return []
        return [
            WeightSpan(least=value, most=value, of_least=known, of_most=of_most)
            if fresh
            else WeightSpan(least=ZERO, most=DOUBT * value, of_least=known + DOUBT * value, of_most=of_most)
            for value, fresh in values
        ]
