"""The order calls that may be signed: spot limit IOC orders with our own link id, and cancels of those, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from keys.domain.errors import LinkIdRefused
from keys.domain.strict_json import parse_object, refuse
from shared.trading.link_id import InvalidLinkId, LinkId
from shared.trading.money import exact_product, plain
from shared.trading.status import Side

BATCH_MAX = 10
_SYMBOL = re.compile(r"[A-Z0-9]{2,30}\Z")
_DECIMAL = re.compile(r"(?:0|[1-9]\d{0,19})(?:\.\d{1,18})?\Z", re.ASCII)

_ORDER = frozenset({"symbol", "side", "orderType", "qty", "price", "timeInForce", "orderLinkId"})
_ORDER_OPTIONAL = frozenset({"isLeverage", "orderFilter"})
_CANCEL = frozenset({"symbol", "orderLinkId"})
_CANCEL_OPTIONAL = frozenset({"orderFilter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkKeys:
    """What makes a link id ours: the key of its check."""

    key: bytes = field(repr=False)

    def decode(self, text: str) -> LinkId:
        """Read a link id of ours.

        Raises:
            LinkIdRefused: Not ours.
        """
        try:
            return LinkId.decode(text, self.key)
        except InvalidLinkId as error:
            raise LinkIdRefused("The client order id is not one of ours.", code="link_id_not_ours") from error

    def before(self, link: LinkId) -> str | None:
        """The link id of the attempt before; None of a first attempt."""
        return replace(link, attempt=link.attempt - 1).encode(self.key) if link.attempt else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTerms:
    """One cancel of an order of ours."""

    link: LinkId
    link_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """One order, as its bytes say it.

    Attributes:
        quantity: Base-asset units.
        price: Limit, quote per base.
        before_text: Link id of the attempt before this one; None of a first attempt.
    """

    link: LinkId
    link_text: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal

    before_text: str | None = None

    @property
    def notional(self) -> Decimal:
        """Quote units that the order can move at most."""
        return exact_product(self.quantity, self.price)

    @property
    def run(self) -> tuple[int, int]:
        """Tails of position and plan: which approval covers this order."""
        return self.link.position, self.link.run

    def fingerprint(self, key_id: UUID) -> bytes:
        """The same for the same order however its bytes are laid out; different for anything else."""
        terms = (str(key_id), self.link_text, self.symbol, self.side.value, plain(self.quantity), plain(self.price))
        return sha256("|".join(terms).encode()).digest()


def parse_create(payload: str, links: LinkKeys) -> tuple[OrderTerms, ...]:
    """Read the body of `POST /v5/order/create`.

    Raises:
        PayloadRefused: Anything beside one spot limit IOC order.
        LinkIdRefused: Its link id is not ours.
    """
    body = parse_object(payload)
    _spot(body.pop("category", None))
    return (_order(body, links),)


def parse_create_batch(payload: str, links: LinkKeys) -> tuple[OrderTerms, ...]:
    """Read the body of `POST /v5/order/create-batch`: at most ten orders, each with a link id of its own."""
    orders = tuple(_order(leg, links) for leg in _legs(payload))
    _all_different([order.link_text for order in orders])
    return orders


def parse_cancel(payload: str, links: LinkKeys) -> tuple[CancelTerms, ...]:
    """Read the body of `POST /v5/order/cancel`.

    Only by link id: at the venue an order id wins over it, and could name an order of the user's own.
    """
    body = parse_object(payload)
    _spot(body.pop("category", None))
    return (_cancel(body, links),)


def parse_cancel_batch(payload: str, links: LinkKeys) -> tuple[CancelTerms, ...]:
    """Read the body of `POST /v5/order/cancel-batch`."""
    cancelled = tuple(_cancel(leg, links) for leg in _legs(payload))
    _all_different([cancel.link_text for cancel in cancelled])
    return cancelled


def _legs(payload: str) -> list[dict[str, Any]]:
    body = parse_object(payload)
    _fields(body, required=frozenset({"category", "request"}), optional=frozenset())
    _spot(body["category"])
    legs = body["request"]
    if not isinstance(legs, list) or not all(isinstance(leg, dict) for leg in legs):
        refuse("malformed_batch")
    if not 1 <= len(legs) <= BATCH_MAX:
        refuse("batch_size")
    return legs


def _order(body: dict[str, Any], links: LinkKeys) -> OrderTerms:
    _fields(body, required=_ORDER, optional=_ORDER_OPTIONAL)
    _one_of(body, "orderType", "Limit")
    _one_of(body, "timeInForce", "IOC")
    _one_of(body, "side", "Buy", "Sell")
    _plain_order(body)
    leverage = body.get("isLeverage", 0)
    if isinstance(leverage, bool) or leverage != 0 or not isinstance(leverage, int):
        refuse("value_not_allowed", field="isLeverage")
    link = links.decode(_text(body, "orderLinkId"))
    return OrderTerms(
        link=link,
        link_text=_text(body, "orderLinkId"),
        symbol=_symbol(body),
        side=Side(_text(body, "side")),
        quantity=_amount(body, "qty"),
        price=_amount(body, "price"),
        before_text=links.before(link),
    )


def _cancel(body: dict[str, Any], links: LinkKeys) -> CancelTerms:
    _fields(body, required=_CANCEL, optional=_CANCEL_OPTIONAL)
    _symbol(body)
    _plain_order(body)
    text = _text(body, "orderLinkId")
    return CancelTerms(link=links.decode(text), link_text=text)


def _fields(body: Mapping[str, Any], *, required: frozenset[str], optional: frozenset[str]) -> None:
    for name in sorted(body.keys() - required - optional):
        refuse("field_not_allowed", field=name[:40])
    for name in sorted(required - body.keys()):
        refuse("field_missing", field=name)


def _spot(category: object) -> None:
    if category != "spot":
        refuse("value_not_allowed", field="category")


def _plain_order(body: Mapping[str, Any]) -> None:
    if body.get("orderFilter", "Order") != "Order":
        refuse("value_not_allowed", field="orderFilter")


def _one_of(body: Mapping[str, Any], field: str, *allowed: str) -> None:
    if body[field] not in allowed:
        refuse("value_not_allowed", field=field)


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body[field]
    if not isinstance(value, str):
        refuse("value_not_allowed", field=field)
    return value


def _symbol(body: Mapping[str, Any]) -> str:
    symbol = _text(body, "symbol")
    if not _SYMBOL.match(symbol):
        refuse("value_not_allowed", field="symbol")
    return symbol


def _amount(body: Mapping[str, Any], field: str) -> Decimal:
    text = _text(body, field)
    if not _DECIMAL.match(text) or Decimal(text) <= 0:
        refuse("value_not_allowed", field=field)
    return Decimal(text)


def _all_different(links: list[str]) -> None:
    if len(set(links)) != len(links):
        refuse("duplicate_link_id")
