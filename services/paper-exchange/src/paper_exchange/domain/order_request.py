"""A new order as a client writes it, read and checked field by field in the venue's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.exact import on_grid
from paper_exchange.domain.refusal import Refused, parameter, request_error
from shared.trading.money import ZERO, InvalidAmount, parse_decimal

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}\Z")
LINK_ID_MAX = 36
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "PostOnly"})
CONDITIONS = ("triggerPrice", "takeProfit", "stopLoss")
"""What makes an order conditional: this market has none of these."""
RARE = frozenset({"orderFilter", "isLeverage", *CONDITIONS})
"""Fields that few orders have: the others are not asked for them one by one."""
MAX_TICKS = Decimal(10_000)
MIN_PERCENT, MAX_PERCENT = Decimal("0.01"), Decimal(10)
"""Slippage tolerance of a market order."""


@dataclass(slots=True, kw_only=True)  # freezing would double the cost of making one, and every order makes some
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
    slippage_type: str = ""
    slippage: Decimal = ZERO

    @property
    def by_value(self) -> bool:
        """The quantity is an amount of quote currency to spend or to receive."""
        return self.market_unit == "quoteCoin" and self.order_type == "Market"


@dataclass(frozen=True, slots=True)
class OrderName:
    """How a client names an order it sent; the order id wins over the link id."""

    symbol: str
    order_id: str
    link_id: str


def read_order_name(fields: Mapping[str, object]) -> OrderName:
    """Read which order is meant.

    Raises:
        Refused: no pair, or neither id.
    """
    name = OrderName(read_text(fields, "symbol"), read_text(fields, "orderId"), read_text(fields, "orderLinkId"))
    if not name.symbol:
        raise request_error("params error: symbol invalid")
    if not name.order_id and not name.link_id:
        raise request_error("params error: orderId or orderLinkId required")
    return name


def read_order_request(fields: Mapping[str, object]) -> OrderRequest:
    """Read an order of category spot.

    Raises:
        Refused: a field is missing or malformed.
    """
    symbol, side, order_type = read_text(fields, "symbol"), read_text(fields, "side"), read_text(fields, "orderType")
    if not symbol:
        raise request_error("params error: symbol invalid")
    if side not in {"Buy", "Sell"}:
        raise Refused(170117, "Invalid side.")
    if order_type not in {"Market", "Limit"}:
        raise Refused(170116, "Invalid orderType.")
    if not RARE.isdisjoint(fields):
        _refuse_conditional(fields)
    market = order_type == "Market"
    slippage_type, slippage = _slippage(fields, market=market) if "slippageToleranceType" in fields else ("", ZERO)
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=order_type,
        time_in_force="IOC" if market else _time_in_force(fields),
        quantity=read_amount(fields, "qty"),
        price=ZERO if market else read_amount(fields, "price"),
        market_unit=_market_unit(fields, side) if market else "",
        link_id=_link_id(fields),
        slippage_type=slippage_type,
        slippage=slippage,
    )


def _refuse_conditional(fields: Mapping[str, object]) -> None:
    if read_text(fields, "orderFilter") not in {"", "Order"} or any(
        read_text(fields, name) not in {"", "0"} for name in CONDITIONS
    ):
        raise Refused(170227, "This feature is not supported.")
    if fields.get("isLeverage") not in (None, 0, "0", ""):
        raise Refused(170344, "Symbol is not supported on Margin Trading")


def read_text(fields: Mapping[str, object], name: str) -> str:
    """A text field, empty when absent.

    Raises:
        Refused: it is something else than text.
    """
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise request_error(f"params error: {name} must be a string")
    return value


def read_amount(fields: Mapping[str, object], name: str) -> Decimal:
    """A decimal above zero.

    Raises:
        Refused: 170130.
    """
    try:
        value = parse_decimal(read_text(fields, name))
    except InvalidAmount:
        raise parameter(name) from None
    if value <= 0:
        raise parameter(name)
    return value


def _time_in_force(fields: Mapping[str, object]) -> str:
    wanted = read_text(fields, "timeInForce") or "GTC"
    if wanted == "RPI":
        raise Refused(170355, "RPI orders are restricted to approved market makers only")
    if wanted not in TIMES_IN_FORCE:
        raise Refused(170115, "Invalid timeInForce.")
    return wanted


def _slippage(fields: Mapping[str, object], *, market: bool) -> tuple[str, Decimal]:
    kind = read_text(fields, "slippageToleranceType")
    if not kind or kind == "UNKNOWN":
        return "", ZERO
    if not market or kind not in {"TickSize", "Percent"}:
        raise request_error("params error: slippageToleranceType invalid")
    tolerance = read_amount(fields, "slippageTolerance")
    if kind == "TickSize" and not (tolerance == tolerance.to_integral_value() and tolerance <= MAX_TICKS):
        raise Refused(110108, "Allowable range: 1 to 10000 tick size")
    if kind == "Percent" and not (MIN_PERCENT <= tolerance <= MAX_PERCENT and on_grid(tolerance, step=MIN_PERCENT)):
        raise Refused(110109, "Allowable range: 0.01% to 10%")
    return kind, tolerance


def _market_unit(fields: Mapping[str, object], side: str) -> str:
    wanted = read_text(fields, "marketUnit")
    if wanted not in {"", "baseCoin", "quoteCoin"}:
        raise parameter("marketUnit")
    return wanted or ("quoteCoin" if side == "Buy" else "baseCoin")


def _link_id(fields: Mapping[str, object]) -> str:
    wanted = read_text(fields, "orderLinkId")
    if len(wanted) > LINK_ID_MAX:
        raise request_error(f"order link id is longer than {LINK_ID_MAX}")
    if wanted and not LINK_ID.match(wanted):
        raise request_error("order link id has characters other than letters, digits, - and _")
    return wanted
