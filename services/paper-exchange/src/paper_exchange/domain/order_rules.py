"""What the venue checks before it acknowledges an order, and what it sets aside for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.account import Account
from paper_exchange.domain.exact import add, mul, on_grid, sub, whole_steps
from paper_exchange.domain.listing import MIN_AMOUNT, Listing
from paper_exchange.domain.order_request import OrderRequest
from paper_exchange.domain.refusal import Refused
from shared.trading.money import ONE, ceil_to_tick, floor_to_tick, plain

MAX_OPEN_ORDERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What matching may pay or take, and what is set aside.

    Attributes:
        limit_price: The limit, or a market order's protected price.
        lock_coin: The coin that pays.
        locked: How much of it.
    """

    limit_price: Decimal
    lock_coin: str
    locked: Decimal


def price_band(listing: Listing, mid: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest price a sell and the highest price a buy may carry.

    The venue's formula also knows an inner ratio and a two-minute premium; a simulated market has no premium, so
    the outer ratio decides.
    """
    low = ceil_to_tick(mul(mid, sub(ONE, listing.ratio_y)), tick_size=listing.tick_size)
    high = floor_to_tick(mul(mid, add(ONE, listing.ratio_y)), tick_size=listing.tick_size)
    return low, high


def check_order(
    request: OrderRequest, *, account: Account, listing: Listing, mid: Decimal, best: Decimal, trading: bool
) -> Accepted:
    """Check an order against the rules and the account.

    Args:
        request: The order.
        account: Who sends it.
        listing: The pair's rules.
        mid: The pair's mid price, quote per base.
        best: Best price on the side to take, for the value of a market order counted in base units.
        trading: Whether the pair trades now.

    Raises:
        Refused: with the venue's code.
    """
    if not trading:
        raise Refused(170151, "This trading pair is not open yet.")
    if request.link_id and request.link_id in account.by_link_id:
        raise Refused(170141, "Duplicate clientOrderId")
    if len(account.open_orders) >= MAX_OPEN_ORDERS:
        raise Refused(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders.")
    low, high = price_band(listing, mid)
    if request.order_type == "Limit":
        _check_limit(request, listing, low=low, high=high)
        limit_price = request.price
    else:
        limit_price = high if request.side == "Buy" else low
        _check_market(request, listing, best=best)
    accepted = _set_aside(request, listing, limit_price)
    if accepted.locked > account.free(accepted.lock_coin):
        raise Refused(170131, "Insufficient balance.")
    return accepted


def _check_limit(request: OrderRequest, listing: Listing, *, low: Decimal, high: Decimal) -> None:
    if not on_grid(request.price, step=listing.tick_size):
        raise Refused(170134, "Order price decimal too long.")
    _check_quantity(request.quantity, listing, largest=listing.max_limit_quantity)
    _check_value(mul(request.price, request.quantity))
    if request.side == "Buy" and request.price > high:
        raise Refused(170372, f"Order price cannot be higher than {plain(high)}, the price limitation")
    if request.side == "Sell" and request.price < low:
        raise Refused(170371, f"Order price cannot be lower than {plain(low)}, the price limitation.")


def _check_market(request: OrderRequest, listing: Listing, *, best: Decimal) -> None:
    if request.market_unit == "quoteCoin":
        if not on_grid(request.quantity, step=listing.quote_precision):
            raise Refused(170148, "Market order amount decimal too long.")
        if request.quantity > listing.max_amount:
            raise Refused(170124, "Order amount too large.")
        _check_value(request.quantity)
        return
    _check_quantity(request.quantity, listing, largest=listing.max_market_quantity)
    _check_value(mul(best, request.quantity))


def _check_quantity(quantity: Decimal, listing: Listing, *, largest: Decimal) -> None:
    if not on_grid(quantity, step=listing.lot_size):
        raise Refused(170137, "Order volume decimal too long")
    if quantity < listing.lot_size:
        raise Refused(170136, "Order quantity lower than the minimum.")
    if quantity > largest:
        raise Refused(170381, "Order quantity too large.")


def _check_value(value: Decimal) -> None:
    if value < MIN_AMOUNT:
        raise Refused(170140, "Order value exceeded lower limit")


def _set_aside(request: OrderRequest, listing: Listing, limit_price: Decimal) -> Accepted:
    by_value = request.market_unit == "quoteCoin"
    if request.side == "Buy":
        amount = request.quantity if by_value else mul(limit_price, request.quantity)
        return Accepted(limit_price=limit_price, lock_coin=listing.quote, locked=amount)
    quantity = request.quantity
    if by_value:
        lots = whole_steps(request.quantity, step=mul(limit_price, listing.lot_size)) + 1
        quantity = listing.quantity_of(lots)
    return Accepted(limit_price=limit_price, lock_coin=listing.base, locked=quantity)
