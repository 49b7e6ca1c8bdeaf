"""When a position has left its target weights, and when it is back: with hysteresis, so that it does not flap."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.valuation import CoinValue, Valuation
from shared.trading.money import exact_product


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
        """The constituents at or beyond their thresholds."""
        return tuple(coin for coin in valuation.coins if abs(coin.drift) >= self.threshold(coin.coin.target_weight))

    def back(self, valuation: Valuation) -> bool:
        """Whether every constituent is well inside again."""
        return all(
            abs(coin.drift) < exact_product(self.clear_at, self.threshold(coin.coin.target_weight))
            for coin in valuation.coins
        )
