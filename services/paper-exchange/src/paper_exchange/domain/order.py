"""An order and its executions, as the venue knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from paper_exchange.domain.exact import sub
from shared.trading.money import EXACT, ZERO

NEW = "New"
PARTIALLY_FILLED = "PartiallyFilled"
FILLED = "Filled"
CANCELLED = "Cancelled"
PARTIALLY_FILLED_CANCELED = "PartiallyFilledCanceled"
REJECTED = "Rejected"
OPEN = frozenset({NEW, PARTIALLY_FILLED})

NO_ERROR = "EC_NoError"
NO_LIQUIDITY = "EC_NoImmediateQtyToFill"
NOT_FULL = "EC_CancelForNoFullFill"
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"
BY_USER = "EC_PerCancelRequest"
PAIR_GONE = "EC_InvalidSymbolStatus"

CANCEL_UNKNOWN = "UNKNOWN"
CANCEL_BY_USER = "CancelByUser"
BY_ADMIN = "CancelByAdmin"


def ended_short(order: Order) -> str:
    """The status of an order that ends before it is filled: spot has a word of its own for one that traded."""
    return PARTIALLY_FILLED_CANCELED if order.filled_quantity else CANCELLED


@dataclass(slots=True, kw_only=True)
class Order:
    """A spot order; amounts in base units unless named value (quote units).

    Attributes:
        quantity: Quote units when `market_unit` is quoteCoin.
        locked: What is still set aside of `lock_coin`.
        resting: It stands in the book and trades as maker.
    """

    uid: str
    order_id: str
    link_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    price: Decimal
    limit_price: Decimal
    quantity: Decimal
    market_unit: str
    lock_coin: str
    locked: Decimal
    price_on_created: Decimal
    created_ms: int
    updated_ms: int
    slippage_type: str = ""
    slippage: str = ""
    status: str = NEW
    reject_reason: str = NO_ERROR
    cancel_type: str = "UNKNOWN"
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    fee: Decimal = ZERO
    fee_coin: str = ""
    resting: bool = False
    executions: list[Execution] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Still able to trade."""
        return self.status in OPEN

    @property
    def by_value(self) -> bool:
        """The quantity is an amount of quote currency to spend or to receive."""
        return self.market_unit == "quoteCoin" and self.order_type == "Market"

    @property
    def average_price(self) -> Decimal:
        """Quote per base over all fills, cut at 18 decimals as it is only shown; zero without a fill."""
        if not self.filled_quantity:
            return ZERO
        return EXACT.divide(self.filled_value, self.filled_quantity).quantize(Decimal("1e-18"), context=EXACT)

    @property
    def leaves_quantity(self) -> Decimal:
        """What can still trade, base units; zero when the order has ended or is counted in value."""
        if self.by_value or not self.is_open:
            return ZERO
        return sub(self.quantity, self.filled_quantity)

    @property
    def leaves_value(self) -> Decimal:
        """The part of the amount that was not traded, quote units (recorded: the crumb of a market buy)."""
        if self.by_value:
            return sub(self.quantity, self.filled_value)
        return EXACT.multiply(self.leaves_quantity, self.price)


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
class Execution:
    """One match; `fee` in `fee_coin`: base on a buy, quote on a sell."""

    uid: str
    exec_id: str
    order_id: str
    link_id: str
    symbol: str
    side: str
    order_type: str
    order_price: Decimal
    order_quantity: Decimal
    leaves_quantity: Decimal
    price: Decimal
    quantity: Decimal
    value: Decimal
    fee: Decimal
    fee_coin: str
    fee_rate: Decimal
    is_maker: bool
    at_ms: int
    seq: int
