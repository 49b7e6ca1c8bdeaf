"""Changing an open order: what a client may ask, what the venue checks, and what is set aside from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.account import Account
from paper_exchange.domain.exact import sub
from paper_exchange.domain.order import Order
from paper_exchange.domain.order_request import read_amount, read_text
from paper_exchange.domain.order_rules import Situation, check_limit, limit_lock
from paper_exchange.domain.refusal import Refused, request_error

UNCHANGED = "The order remains unchanged as the parameters entered match the existing ones."
CONDITIONAL = ("triggerPrice", "takeProfit", "stopLoss", "tpLimitPrice", "slLimitPrice", "orderIv")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendRequest:
    """What shall change; None leaves it."""

    price: Decimal | None
    quantity: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """Price, quantity and set-aside amount from now on."""

    price: Decimal
    quantity: Decimal
    locked: Decimal


def read_amend_request(fields: Mapping[str, object]) -> AmendRequest:
    """Read the fields of an amendment.

    Raises:
        Refused: malformed, or it asks for what plain orders do not have.
    """
    if any(read_text(fields, name) not in {"", "0"} for name in CONDITIONAL):
        raise Refused(170312, "The current order does not support modification")
    return AmendRequest(
        price=read_amount(fields, "price") if read_text(fields, "price") else None,
        quantity=read_amount(fields, "qty") if read_text(fields, "qty") else None,
    )


def amend(request: AmendRequest, order: Order, *, account: Account, situation: Situation) -> Amended:
    """Check an amendment of an open order.

    Raises:
        Refused: with the venue's code; the order stays as it was.
    """
    if order.order_type != "Limit":
        raise Refused(170312, "The current order does not support modification")
    price = order.price if request.price is None else request.price
    quantity = order.quantity if request.quantity is None else request.quantity
    if price == order.price and quantity == order.quantity:
        raise request_error(UNCHANGED)
    if quantity <= order.filled_quantity:
        raise Refused(170313, "The modified contract quantity cannot be less than to the filled quantity")
    check_limit(order.side, price=price, quantity=quantity, situation=situation)
    locked = limit_lock(order.side, price=price, open_quantity=sub(quantity, order.filled_quantity))
    if sub(locked, order.locked) > account.free(order.lock_coin):
        raise Refused(170131, "Insufficient balance.")
    return Amended(price=price, quantity=quantity, locked=locked)
