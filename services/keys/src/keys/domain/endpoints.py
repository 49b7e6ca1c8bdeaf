"""The endpoints that may be signed, each with its schema and the venue's limit (Bybit v5 rate-limit page, 2026-07)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from keys.domain import orders, queries
from keys.domain.errors import EndpointNotAllowed, LinkIdRefused
from keys.domain.lane import Lane
from keys.domain.orders import CancelTerms, LinkKeys, OrderTerms
from keys.domain.queries import QuerySchema
from keys.domain.strict_json import refuse
from shared.trading.status import Side, VenueEnvironment

RECV_WINDOW_MIN_MS = 100
RECV_WINDOW_POST_MS = 5_000
"""A signed order stays valid that long: longer would let a lost one land late."""
RECV_WINDOW_GET_MS = 20_000


class Caller(StrEnum):
    """Who asks; each may publish on its own subject only."""

    EXECUTION = "execution"
    RECONCILER = "reconciler"
    KEYS = "keys"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One of the venue's limits: `limit` units in a rolling second, per venue account."""

    name: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateCall:
    """A call whose bytes were read and understood.

    Attributes:
        orders: What a create would place.
        cancels: What a cancel names.
        units: What it costs in its bucket: a batch counts one by one.
    """

    endpoint: str
    bucket: Bucket
    lane: Lane
    units: int
    orders: tuple[OrderTerms, ...] = ()
    cancels: tuple[CancelTerms, ...] = ()

    @property
    def link_ids(self) -> tuple[str, ...]:
        """Link ids that the call names, for the audit."""
        return tuple(terms.link_text for terms in self._named)

    @property
    def _named(self) -> tuple[OrderTerms | CancelTerms, ...]:
        return (*self.orders, *self.cancels)

    def belongs_to(self, environment: VenueEnvironment) -> None:
        """Refuse a call whose link ids were made for another environment.

        Raises:
            LinkIdRefused: They were.
        """
        if any(terms.link.environment is not environment for terms in self._named):
            raise LinkIdRefused("The client order id belongs to another environment.", code="link_id_wrong_environment")


Creates = Callable[[str, LinkKeys], tuple[OrderTerms, ...]]
Cancels = Callable[[str, LinkKeys], tuple[CancelTerms, ...]]

_CREATES: dict[str, tuple[Creates, int]] = {
    "/v5/order/create": (orders.parse_create, 20),
    "/v5/order/create-batch": (orders.parse_create_batch, 20),
}
_CANCELS: dict[str, tuple[Cancels, int]] = {
    "/v5/order/cancel": (orders.parse_cancel, 20),
    "/v5/order/cancel-batch": (orders.parse_cancel_batch, 20),
}
_READS: dict[str, tuple[QuerySchema, int]] = {
    "/v5/order/realtime": (queries.ORDERS, 50),
    "/v5/order/history": (queries.HISTORY, 50),
    "/v5/execution/list": (queries.EXECUTIONS, 50),
    "/v5/account/wallet-balance": (queries.WALLET, 50),
    "/v5/account/transaction-log": (queries.TRANSACTIONS, 25),
    "/v5/account/fee-rate": (queries.FEES, 5),
    "/v5/order/spot-borrow-check": (queries.BORROW_CHECK, 50),
}


def parse_call(
    *, caller: Caller, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane, links: LinkKeys
) -> PrivateCall:
    """Read the exact bytes of a call against the schema of the endpoint it names.

    Bybit's signature covers neither method nor path, so the schemas must not overlap: a body is JSON with fields that no
    query allows, each body schema has a field set of its own, and nothing is empty: `account/info` and
    `user/query-api`, which take no parameters, are therefore not on the list.

    Raises:
        EndpointNotAllowed: Not on the list, or not for this caller.
        PayloadRefused: The bytes are not what the schema describes.
        LinkIdRefused: A link id is not ours.
    """
    if method == "GET" and path in _READS:
        return _read(caller, path, payload, recv_window_ms, lane)
    if method == "POST" and caller is Caller.EXECUTION:
        _check_window(recv_window_ms, RECV_WINDOW_POST_MS)
        if path in _CREATES:
            return _create(path, payload, lane, links)
        if path in _CANCELS:
            return _cancel(path, payload, lane, links)
    raise EndpointNotAllowed(f"{method} {path[:60]} is not signed for {caller}.", context={"method": method})


def _read(caller: Caller, path: str, payload: str, recv_window_ms: int, lane: Lane) -> PrivateCall:
    _check_window(recv_window_ms, RECV_WINDOW_GET_MS)
    schema, limit = _READS[path]
    schema.check(payload)
    fits = lane if caller is Caller.EXECUTION else Lane.POLL
    return PrivateCall(endpoint=f"GET {path}", bucket=Bucket(name=path, limit=limit), lane=fits, units=1)


def _create(path: str, payload: str, lane: Lane, links: LinkKeys) -> PrivateCall:
    parse, limit = _CREATES[path]
    placed = parse(payload, links)
    highest = Lane.BUY if any(order.side is Side.BUY for order in placed) else Lane.UNWIND
    return PrivateCall(
        endpoint=f"POST {path}",
        bucket=Bucket(name=path, limit=limit),
        lane=lane.at_most(highest),
        units=len(placed),
        orders=placed,
    )


def _cancel(path: str, payload: str, lane: Lane, links: LinkKeys) -> PrivateCall:
    parse, limit = _CANCELS[path]
    cancelled = parse(payload, links)
    return PrivateCall(
        endpoint=f"POST {path}",
        bucket=Bucket(name=path, limit=limit),
        lane=lane,
        units=len(cancelled),
        cancels=cancelled,
    )


def _check_window(recv_window_ms: int, most: int) -> None:
    if not RECV_WINDOW_MIN_MS <= recv_window_ms <= most:
        refuse("recv_window_out_of_range")
