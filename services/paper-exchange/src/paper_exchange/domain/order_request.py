"""A new order as a client writes it, read and checked field by field in the venue's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.refusal import Refused, parameter, request_error
from shared.trading.money import ZERO, InvalidAmount, parse_decimal

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}\Z")
LINK_ID_MAX = 36
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "PostOnly"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """Fields that are well formed; whether the venue takes them is decided by `order_rules`."""

    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    market_unit: str
    link_id: str


def read_order_request(fields: Mapping[str, object]) -> OrderRequest:
    """Read an order of category spot.

    Raises:
        Refused: a field is missing or malformed.
    """
    symbol, side, order_type = _text(fields, "symbol"), _text(fields, "side"), _text(fields, "orderType")
    if not symbol:
        raise request_error("params error: symbol invalid")
    if side not in {"Buy", "Sell"}:
        raise Refused(170117, "Invalid side.")
    if order_type not in {"Market", "Limit"}:
        raise Refused(170116, "Invalid orderType.")
    if _text(fields, "orderFilter") not in {"", "Order"} or _text(fields, "triggerPrice"):
        raise request_error("Conditional orders are not supported by this venue.")
    if fields.get("isLeverage") not in {None, 0, "0", ""}:
        raise Refused(170344, "Symbol is not supported on Margin Trading")
    market = order_type == "Market"
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=order_type,
        time_in_force="IOC" if market else _time_in_force(fields),
        quantity=_amount(fields, "qty"),
        price=ZERO if market else _amount(fields, "price"),
        market_unit=_market_unit(fields, side) if market else "",
        link_id=_link_id(fields),
    )


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise request_error(f"params error: {name} must be a string")
    return value


def _amount(fields: Mapping[str, object], name: str) -> Decimal:
    try:
        value = parse_decimal(_text(fields, name))
    except InvalidAmount:
        raise parameter(name) from None
    if value <= 0:
        raise parameter(name)
    return value


def _time_in_force(fields: Mapping[str, object]) -> str:
    wanted = _text(fields, "timeInForce") or "GTC"
    if wanted not in TIMES_IN_FORCE:
        raise Refused(170115, "Invalid timeInForce.")
    return wanted


def _market_unit(fields: Mapping[str, object], side: str) -> str:
    wanted = _text(fields, "marketUnit")
    if wanted not in {"", "baseCoin", "quoteCoin"}:
        raise parameter("marketUnit")
    return wanted or ("quoteCoin" if side == "Buy" else "baseCoin")


def _link_id(fields: Mapping[str, object]) -> str:
    wanted = _text(fields, "orderLinkId")
    if len(wanted) > LINK_ID_MAX:
        raise request_error(f"order link id is longer than {LINK_ID_MAX}")
    if wanted and not LINK_ID.match(wanted):
        raise request_error("order link id has characters other than letters, digits, - and _")
    return wanted
