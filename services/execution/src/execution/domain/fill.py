"""A match in our books, and what it does to a holding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from uuid import UUID

from shared.trading.holding import COST_PLACES, Holding
from shared.trading.money import EXACT, ZERO, exact_product, truncate
from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One match; `exec_id` is unique per account.

    Attributes:
        third_coin_fee_value: Of a fee in neither coin of the pair: quote units at the price when it was booked.
        fee_value_stale: That price was old, or the match was, or there was none and the value is zero.
        entry: Number of the change that it made to its coin in its position; 0 of one booked before these were counted.
    """

    account_id: UUID
    exec_id: str
    user_id: UUID
    position_id: UUID
    leg_id: UUID
    run_id: UUID
    symbol: str
    base_asset: str
    quote_asset: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime
    client_order_id: str
    venue_order_id: str
    booked_at: datetime
    third_coin_fee_value: Decimal = ZERO
    fee_value_stale: bool = False
    entry: int = 0

    @property
    def notional(self) -> Decimal:
        """Price × quantity, quote units."""
        return exact_product(self.price, self.quantity)

    @property
    def base_fee(self) -> Decimal:
        """The fee if it was taken in the base coin, else zero."""
        return self.fee if self.fee_asset == self.base_asset else ZERO

    @property
    def quote_fee(self) -> Decimal:
        """The fee if it was taken in the quote coin, else zero."""
        return self.fee if self.fee_asset == self.quote_asset else ZERO

    @property
    def fee_value(self) -> Decimal:
        """The fee in quote units, at this fill's price, or at the third coin's price when the fill was booked."""
        return exact_product(self.base_fee, self.price) + self.quote_fee + self.third_coin_fee_value


def after_fill(holding: Holding, fill: Fill) -> Holding:
    """The holding after a fill, net of the fee coin.

    Raises:
        Oversold: a sale above what the position holds.
    """
    if fill.side is Side.BUY:
        return holding.bought(quantity=fill.quantity, paid=fill.notional + fill.quote_fee, base_fee=fill.base_fee)
    return holding.sold(quantity=fill.quantity + fill.base_fee, proceeds=fill.notional, quote_fee=fill.quote_fee)


def split_sale(fill: Fill, held: Decimal) -> tuple[Fill | None, Fill | None]:
    """A fill's part that the position covers, and its part beyond.

    A match at the venue is a fact even when it sold more than the position holds: what is beyond were the user's own
    coins, and their price and fee belong to the user, not to the position's gain.

    Args:
        fill: The match.
        held: Base units that the position holds.

    Returns:
        Both parts, price and times alike, the fee pro rata; together exactly the fill.
    """
    leaving = fill.quantity + fill.base_fee
    if fill.side is Side.BUY or leaving <= held:
        return fill, None
    if held <= ZERO:
        return None, fill
    with localcontext(EXACT):
        fee = truncate(fill.fee * held / leaving, places=COST_PLACES)
        value = truncate(fill.third_coin_fee_value * held / leaving, places=COST_PLACES)
        quantity = held - (fee if fill.base_fee else ZERO)
        beyond = replace(
            fill,
            quantity=fill.quantity - quantity,
            fee=fill.fee - fee,
            third_coin_fee_value=fill.third_coin_fee_value - value,
        )
    return replace(fill, quantity=quantity, fee=fee, third_coin_fee_value=value), beyond
