"""When a position has left its target weights, and when it is back: with hysteresis, so that it does not flap.

A coin without a fresh price does not keep the others from being judged: what is said holds whatever it is worth, between
nothing and twice its last price. Such a coin itself is never said to be outside while it may be inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.valuation import CoinValue, Valuation
from shared.trading.bands import WeightBand
from shared.trading.doubt import WeightSpan, weight_spans
from shared.trading.money import ZERO, exact_product


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
        if target <= ZERO:
            return self.absolute
        return WeightBand(absolute=self.absolute, relative=self.relative).threshold(target)

    def outside(self, valuation: Valuation) -> tuple[CoinValue, ...]:
        """The constituents at or beyond their thresholds, whatever coins without a fresh price are worth."""
        return tuple(one for one, target, span in _spans(valuation) if span.outside(target, self.threshold(target)))

    def back(self, valuation: Valuation) -> bool:
        """Whether every constituent is well inside again, whatever coins without a fresh price are worth."""
        if not valuation.value:
            return True
        spans = _spans(valuation)
        return bool(spans) and all(
            span.inside(target, exact_product(self.clear_at, self.threshold(target))) for _, target, span in spans
        )


def _spans(valuation: Valuation) -> list[tuple[CoinValue, Decimal, WeightSpan]]:
    """Each coin with its target; none while no coin that is worth anything has a fresh price."""
    spans = weight_spans([(one.value, not one.mark.stale) for one in valuation.coins], valuation.value)
    return [(one, one.coin.target_weight, span) for one, span in zip(valuation.coins, spans, strict=False)]
