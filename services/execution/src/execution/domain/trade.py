"""How much of a coin one leg buys or sells: on the lot grid, never what the venue refuses or cannot be sold again."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from execution.domain.close_plan import sellable
from execution.domain.part import Part
from execution.domain.price_band import limit_price
from execution.domain.sizing import SizingRules
from shared.trading.instrument import Instrument
from shared.trading.money import EXACT, ZERO, ceil_to_lot, exact_product, floor_to_lot
from shared.trading.quote import Quote
from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One leg, sized: quantity in base units, prices in quote per base.

    Attributes:
        check: `ok`, `too_small`, `residual` (less than the venue takes), or why the coin cannot be traded.
        required_amount: Whole-plan amount (quote units) at which it would not be too small.
    """

    part: Part
    side: Side
    check: str = "ok"
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    limit: Decimal = ZERO
    required_amount: Decimal | None = None

    @property
    def ok(self) -> bool:
        """Whether it sends an order."""
        return self.check == "ok"

    @property
    def notional(self) -> Decimal:
        """Quantity × best price, quote units."""
        return exact_product(self.quantity, self.price)

    @property
    def max_notional(self) -> Decimal:
        """Quantity × limit price, quote units."""
        return exact_product(self.quantity, self.limit)


def smallest_buy(instrument: Instrument, quote: Quote, *, factor: Decimal) -> Decimal:
    """The smallest quantity (base units) that can be bought and sold again: `factor` × the venue's minimum."""
    with localcontext(EXACT):
        worth = ceil_to_lot(factor * instrument.min_notional / quote.ask, lot_size=instrument.lot_size)
    return max(worth, ceil_to_lot(instrument.min_quantity, lot_size=instrument.lot_size), instrument.lot_size)


def buy_cost_min(part: Part, rules: SizingRules) -> Decimal:
    """What the smallest buy of a tradable coin may cost at most, quote units."""
    instrument, quote = _tradable(part)
    limit = limit_price(quote, side=Side.BUY, band=rules.band, tick_size=instrument.tick_size)
    return exact_product(smallest_buy(instrument, quote, factor=rules.minimum_factor), limit)


def buy_of(part: Part, *, budget: Decimal, rules: SizingRules) -> Trade:
    """Buy a tradable coin for at most `budget` quote units, at the limit price."""
    instrument, quote = _tradable(part)
    limit = limit_price(quote, side=Side.BUY, band=rules.band, tick_size=instrument.tick_size)
    with localcontext(EXACT):
        lots = floor_to_lot(budget / limit, lot_size=instrument.lot_size)
    if instrument.max_limit_quantity > ZERO:
        lots = min(lots, floor_to_lot(instrument.max_limit_quantity, lot_size=instrument.lot_size))
    enough = lots >= smallest_buy(instrument, quote, factor=rules.minimum_factor)
    return Trade(
        part=part,
        side=Side.BUY,
        check="ok" if enough else "too_small",
        quantity=lots if enough else ZERO,
        price=quote.ask,
        limit=limit,
    )


def sell_of(part: Part, *, value: Decimal | None, rules: SizingRules) -> Trade:
    """Sell a tradable coin for about `value` quote units, or all of it when None.

    What stays behind can be sold later, or nothing that could be sold stays behind.
    """
    instrument, quote = _tradable(part)
    limit = limit_price(quote, side=Side.SELL, band=rules.band, tick_size=instrument.tick_size)
    wanted = part.held if value is None else _kept_sellable(part, value, instrument, quote, rules)
    if instrument.max_limit_quantity > ZERO:
        wanted = min(wanted, instrument.max_limit_quantity)
    quantity = sellable(
        wanted,
        price=limit,
        lot_size=instrument.lot_size,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
    )
    dust = "residual" if value is None else "too_small"
    return Trade(
        part=part, side=Side.SELL, check="ok" if quantity else dust, quantity=quantity, price=quote.bid, limit=limit
    )


def _kept_sellable(part: Part, value: Decimal, instrument: Instrument, quote: Quote, rules: SizingRules) -> Decimal:
    with localcontext(EXACT):
        wanted = floor_to_lot(min(value / quote.bid, part.held), lot_size=instrument.lot_size)
        worth = ceil_to_lot(rules.minimum_factor * instrument.min_notional / quote.bid, lot_size=instrument.lot_size)
        rest = max(worth, instrument.min_quantity)
        if part.held - wanted >= rest:
            return wanted
        return max(floor_to_lot(part.held - rest, lot_size=instrument.lot_size), ZERO)


def _tradable(part: Part) -> tuple[Instrument, Quote]:
    if part.instrument is None or part.quote is None:
        raise ValueError(f"{part.symbol} cannot be traded")
    return part.instrument, part.quote
