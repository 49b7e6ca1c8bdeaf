"""A coin that a position holds, should hold, or both, with what is known about it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from execution.domain.thin_book import Thin
from shared.trading.instrument import Instrument
from shared.trading.money import ZERO, exact_product
from shared.trading.quote import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One coin of a position and of its index.

    Attributes:
        held: Base units that are free to be sold.
        cost: Quote units paid for them.
        before: The target that the position has for it now, a fraction; None when it has none.
        weight: The target that it shall have, a fraction; zero when it is no constituent (any more).
        instrument: None when the venue does not list it.
        excluded: The person does not want it traded now.
        thin: What its order book takes, where that is too little to trade it now.
    """

    asset: str
    symbol: str
    held: Decimal = ZERO
    cost: Decimal = ZERO
    before: Decimal | None = None
    weight: Decimal = ZERO
    instrument: Instrument | None = None
    quote: Quote | None = None
    excluded: bool = False
    thin: Thin | None = None

    def obstacle(self, now: datetime) -> str | None:
        """Why it cannot be traded now; None when it can."""
        if self.instrument is None:
            return "delisted"
        if not self.instrument.trading:
            return "not_trading"
        if self.quote is None or not self.quote.fresh(now):
            return "no_price"
        if self.excluded:
            return "excluded"
        return "illiquid" if self.thin is not None else None

    def price(self, now: datetime) -> Decimal:
        """What one unit is worth, quote per base: the mark, or the last trade; zero when no price is known at all."""
        return self.quote.mark(now)[0] if self.quote is not None else ZERO

    def value(self, now: datetime) -> Decimal:
        """What it is worth, quote units: a coin without any price counts at its cost, never at nothing."""
        if self.held <= ZERO:
            return ZERO
        price = self.price(now)
        return exact_product(self.held, price) if price > ZERO else self.cost
