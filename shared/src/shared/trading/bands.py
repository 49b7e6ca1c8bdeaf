"""How far a weight may be from its target before anything is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.trading.money import ZERO, exact_product


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightBand:
    """From which drift on a coin is outside its band: one of both suffices.

    Attributes:
        absolute: Fraction of the position's coins: 0.05 is five points.
        relative: Share of the coin's own target.
    """

    absolute: Decimal = Decimal("0.05")
    relative: Decimal = Decimal("0.25")

    def outside(self, *, weight: Decimal, target: Decimal, share: Decimal = Decimal(1)) -> bool:
        """Whether a weight is outside its band; a constituent that is missing altogether always is.

        Args:
            weight: Of the coin now, a fraction.
            target: What it should be, a fraction.
            share: Of the band that counts: below 1 for what is outside already, so that it does not flap.
        """
        drift = abs(weight - target)
        if drift <= ZERO:
            return False
        if weight <= ZERO:
            return True
        return drift >= exact_product(share, self.threshold(target))

    def threshold(self, target: Decimal) -> Decimal:
        """The |drift| at which a coin with that target is outside, a fraction."""
        return min(self.absolute, exact_product(self.relative, target))
