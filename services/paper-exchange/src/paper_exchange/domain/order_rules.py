"""What the venue checks before it acknowledges an order, and what it sets aside for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.account import Account
from paper_exchange.domain.exact import add, mul, on_grid, sub, whole_steps
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.order_request import OrderRequest
from paper_exchange.domain.price_band import PriceBand
from paper_exchange.domain.refusal import Refused
from shared.trading.money import ONE, ceil_to_tick, floor_to_tick

MAX_OPEN_ORDERS = 500
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The market as an order meets it.

    Attributes:
        listing: The pair's rules.
        mid: Mid price, quote per base.
        band: What prices may lie in.
        bid: Best bid, before takers.
        ask: Best ask, before takers.
    """

    listing: Listing
    mid: Decimal
    band: PriceBand
    bid: Decimal
    ask: Decimal

    def best(self, side: str) -> Decimal:
        """The best price on the side that an order takes from."""
        return self.ask if side == "Buy" else self.bid


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
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


def check_order(request: OrderRequest, *, account: Account, situation: Situation) -> Accepted:
    """Check an order against the rules and the account.

    Raises:
        Refused: with the venue's code.
    """
    if request.link_id and request.link_id in account.by_link_id:
        raise Refused(170141, "Duplicate clientOrderId")
    if len(account.open_orders) >= MAX_OPEN_ORDERS:
        raise Refused(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders.")
    listing = situation.listing
    if request.order_type == "Limit":
        check_limit(request.side, price=request.price, quantity=request.quantity, situation=situation)
        limit_price = request.price
    else:
        _check_market(request, listing, best=situation.best(request.side))
        limit_price = _protected_price(request, situation)
    accepted = _set_aside(request, listing, limit_price)
    if accepted.locked > account.free(accepted.lock_coin):
        raise Refused(170131, "Insufficient balance.")
    return accepted


def check_limit(side: str, *, price: Decimal, quantity: Decimal, situation: Situation) -> None:
    """Check price, quantity and value of a limit order.

    Raises:
        Refused: with the venue's code.
    """
    listing = situation.listing
    if not on_grid(price, step=listing.tick_size):
        raise Refused(170134, "Order price decimal too long.")
    _check_quantity(quantity, listing, largest=listing.max_limit_quantity)
    _check_value(mul(price, quantity), listing)
    situation.band.check(side, price)


def limit_lock(side: str, *, price: Decimal, open_quantity: Decimal) -> Decimal:
    """What a limit order sets aside: quote units for a buy, base units for a sell."""
    return mul(price, open_quantity) if side == "Buy" else open_quantity


def _check_market(request: OrderRequest, listing: Listing, *, best: Decimal) -> None:
    if request.by_value:
        if not on_grid(request.quantity, step=listing.quote_precision):
            raise Refused(170148, "Market order amount decimal too long.")
        if request.quantity > listing.max_amount:
            raise Refused(170124, "Order amount too large.")
        _check_value(request.quantity, listing)
        return
    _check_quantity(request.quantity, listing, largest=listing.max_market_quantity)
    _check_value(mul(best, request.quantity), listing)


def _protected_price(request: OrderRequest, situation: Situation) -> Decimal:
    """Where a market order stops: the band, or sooner what its slippage tolerance allows from the best price."""
    worst, tick = situation.band.worst(request.side), situation.listing.tick_size
    if not request.slippage_type:
        return worst
    by_ticks, best = request.slippage_type == "TickSize", situation.best(request.side)
    distance = mul(request.slippage, tick if by_ticks else best)
    if not by_ticks:
        distance = mul(distance, ONE / HUNDRED)
    if request.side == "Buy":
        return min(worst, floor_to_tick(add(best, distance), tick_size=tick))
    return max(worst, ceil_to_tick(sub(best, distance), tick_size=tick))


def _check_quantity(quantity: Decimal, listing: Listing, *, largest: Decimal) -> None:
    if not on_grid(quantity, step=listing.lot_size):
        raise Refused(170137, "Order volume decimal too long")
    if quantity < listing.lot_size:
        raise Refused(170136, "Order quantity lower than the minimum.")
    if quantity > largest:
        raise Refused(170381, "Order quantity too large.")


def _check_value(value: Decimal, listing: Listing) -> None:
    if value < listing.min_amount:
        raise Refused(170140, "Order value exceeded lower limit")


def _set_aside(request: OrderRequest, listing: Listing, limit_price: Decimal) -> Accepted:
    if request.by_value:
        return _set_aside_value(request, listing, limit_price)
    locked = limit_lock(request.side, price=limit_price, open_quantity=request.quantity)
    coin = listing.quote if request.side == "Buy" else listing.base
    return Accepted(limit_price=limit_price, lock_coin=coin, locked=locked)


def _set_aside_value(request: OrderRequest, listing: Listing, limit_price: Decimal) -> Accepted:
    if request.side == "Buy":
        return Accepted(limit_price=limit_price, lock_coin=listing.quote, locked=request.quantity)
    lots = whole_steps(request.quantity, step=mul(limit_price, listing.lot_size)) + 1
    return Accepted(limit_price=limit_price, lock_coin=listing.base, locked=listing.quantity_of(lots))
