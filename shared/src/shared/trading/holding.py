"""Average cost: what a position paid for a coin, and what a sale realised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from shared.trading.errors import Invalid
from shared.trading.money import EXACT, ZERO, truncate

COST_PLACES = 18
"""Decimals to which a partial sale's share of the cost is cut."""


class Oversold(Invalid):
    """A sale above the quantity that the position holds."""

    code = "oversold"
    title = "The position does not hold that much"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One coin of one position.

    The cost is kept as the total paid, not as a rounded average, so that P&L does not depend on how fills are split.

    Attributes:
        quantity: Base-asset units held, net of base-coin fees.
        cost: Quote units paid for that quantity, fees in the base coin included through the smaller quantity.
        realised: Quote units gained so far by sales, after quote-coin fees.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO

    def average_cost(self) -> Decimal:
        """Quote units paid per base unit held; zero when nothing is held."""
        with localcontext(EXACT):
            return self.cost / self.quantity if self.quantity else ZERO

    def bought(self, *, quantity: Decimal, paid: Decimal, base_fee: Decimal = ZERO) -> Holding:
        """After a buy of `quantity` base units for `paid` quote units, of which `base_fee` went to the venue."""
        with localcontext(EXACT):
            return replace(self, quantity=self.quantity + quantity - base_fee, cost=self.cost + paid)

    def sold(self, *, quantity: Decimal, proceeds: Decimal, quote_fee: Decimal = ZERO) -> Holding:
        """After a sale of `quantity` base units for `proceeds` quote units before a fee of `quote_fee`.

        Raises:
            Oversold: `quantity` is above what is held.
        """
        if quantity > self.quantity:
            raise Oversold(f"A sale of {quantity} exceeds the {self.quantity} held.")
        with localcontext(EXACT):
            rest = self.quantity - quantity
            # A share without end, such as a third, would not fit a contract's amount; what is cut stays in the cost.
            share = truncate(self.cost * quantity / self.quantity, places=COST_PLACES)
            given_up = self.cost if rest == 0 else share
            return replace(
                self,
                quantity=rest,
                cost=self.cost - given_up,
                realised=self.realised + proceeds - quote_fee - given_up,
            )

    def given_up(self, quantity: Decimal) -> Holding:
        """After `quantity` base units left without a sale, at average cost: nothing is gained or lost by it.

        Raises:
            Oversold: `quantity` is above what is held.
        """
        if quantity > self.quantity:
            raise Oversold(f"{quantity} cannot leave where {self.quantity} are held.")
        with localcontext(EXACT):
            rest = self.quantity - quantity
            share = truncate(self.cost * quantity / self.quantity, places=COST_PLACES) if self.quantity else ZERO
            return replace(self, quantity=rest, cost=self.cost - share if rest else ZERO)

    def unrealised(self, mark: Decimal) -> Decimal:
        """Quote units gained on paper at `mark`, quote per base."""
        with localcontext(EXACT):
            return self.quantity * mark - self.cost
