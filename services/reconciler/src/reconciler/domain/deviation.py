"""When a position has left its target weights, and when it is back: with hysteresis, so that it does not flap.

A coin without a fresh price does not keep the others from being judged: what is said holds whatever it is worth, between
nothing and twice its last price. Such a coin itself is never said to be outside while it may be inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.valuation import CoinValue, Valuation
from shared.trading.money import ZERO, exact_product, exact_sum

DOUBT = Decimal(2)
"""A coin without a fresh price is taken for anything between nothing and so many times its last price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How far a weight may be from its target.

    Attributes:
        absolute: |drift| in fractions of the position: 0.05 is five points.
        relative: |drift| as a fraction of the target.
        clear_at: A position is back when every drift is below this fraction of its threshold.
    """

    absolute: Decimal = Decimal("0.05")
    relative: Decimal = Decimal("0.25")
    clear_at: Decimal = Decimal("0.8")

    def threshold(self, target: Decimal) -> Decimal:
        """The |drift| at which a constituent is outside; one without a target has the absolute threshold only."""
        return min(self.absolute, exact_product(self.relative, target)) if target > 0 else self.absolute

    def outside(self, valuation: Valuation) -> tuple[CoinValue, ...]:
        """The constituents at or beyond their thresholds, whatever coins without a fresh price are worth."""
        spans = _spans(valuation)
        return tuple(one.coin for one in spans if one.outside(self.threshold(one.target)))

    def back(self, valuation: Valuation) -> bool:
        """Whether every constituent is well inside again, whatever coins without a fresh price are worth."""
        if not valuation.value:
            return True
        spans = _spans(valuation)
        return bool(spans) and all(
            one.inside(exact_product(self.clear_at, self.threshold(one.target))) for one in spans
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Between which bounds a coin's weight is: `least` ÷ `of_most` and `most` ÷ `of_least`, quote units."""

    coin: CoinValue
    least: Decimal
    most: Decimal
    of_least: Decimal
    of_most: Decimal

    @property
    def target(self) -> Decimal:
        return self.coin.coin.target_weight

    def outside(self, threshold: Decimal) -> bool:
        """Whether the whole span is at or beyond the threshold, on one side."""
        above = self.least >= exact_product(self.target + threshold, self.of_most)
        return above or self.most <= exact_product(self.target - threshold, self.of_least)

    def inside(self, threshold: Decimal) -> bool:
        """Whether the whole span is within the threshold."""
        above = self.least > exact_product(self.target - threshold, self.of_most)
        return above and self.most < exact_product(self.target + threshold, self.of_least)


def _spans(valuation: Valuation) -> list[_Span]:
    """One for each coin; none while no coin that is worth anything has a fresh price."""
    known = exact_sum([one.value for one in valuation.coins if not one.mark.stale])
    most = {one.coin.asset: exact_product(DOUBT, one.value) for one in valuation.coins if one.mark.stale}
    total = known + exact_sum(list(most.values()))
    if known <= ZERO:
        return []
    return [
        _Span(coin=one, least=one.value, most=one.value, of_least=known, of_most=total)
        if one.coin.asset not in most
        else _Span(
            coin=one, least=ZERO, most=most[one.coin.asset], of_least=known + most[one.coin.asset], of_most=total
        )
        for one in valuation.coins
    ]
