"""Control paths of what happens at a venue beside trading: rules, delistings, conversions, late fills, a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from paper_exchange.application.faults import Fault, Faults
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.notices import RULES
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.open_sockets import OpenSockets
from paper_exchange.inbound.shapes import order_shape
from shared.trading.money import parse_decimal

LONGEST_DOWN_MS = 3_600_000


class ControlVenue:
    """What the operator and the tests may let happen."""

    def __init__(self, events: VenueEvents, faults: Faults, sockets: OpenSockets) -> None:
        self._events = events
        self._faults = faults
        self._sockets = sockets
        self.handlers: Mapping[tuple[str, str], Callable[[Request], Awaitable[object]]] = {
            ("POST", "instruments"): self._instruments,
            ("POST", "conversions"): self._convert,
            ("POST", "executions/late"): self._fill_late,
            ("POST", "restart"): self._restart,
        }

    async def _instruments(self, request: Request) -> object:
        body = request.json()
        symbol = str(body.get("symbol", ""))
        changes = {name: parse_decimal(str(body[name])) for name in RULES if name in body}
        if changes:
            self._events.change_rules(symbol, changes)
        ended = self._events.delist(symbol) if body.get("delist") else 0
        return {"symbol": symbol, "changed": sorted(changes), "orders_ended": ended}

    async def _convert(self, request: Request) -> object:
        body = request.json()
        coin, into = str(body.get("from", "")), str(body.get("to", ""))
        if not coin or not into:
            raise request_error("from and to must name coins")
        return {"accounts": self._events.convert(coin, into, parse_decimal(str(body.get("ratio", "1"))))}

    async def _fill_late(self, request: Request) -> object:
        body = request.json()
        order = self._events.fill_late(
            str(body.get("uid", "")),
            str(body.get("order_id", "")),
            quantity=parse_decimal(str(body.get("quantity", ""))),
            price=parse_decimal(str(body.get("price", ""))),
        )
        return order_shape(order)

    async def _restart(self, request: Request) -> object:
        """As the venue's own restarts look from outside: connections cut, a while of 503, the live view forgotten."""
        down_ms = request.json().get("down_ms", 0)
        if isinstance(down_ms, bool) or not isinstance(down_ms, int) or not 0 <= down_ms <= LONGEST_DOWN_MS:
            raise request_error("down_ms must be 0 to an hour")
        for path in ("*", "/v5/market/*", "/v5/public/*"):
            if down_ms:
                self._faults.add(Fault(kind="error_500", status=503, path=path, for_ms=down_ms))
        self._events.forget_live_view()
        return {"cut": self._sockets.cut()}
