"""The REST door: faults, signatures, rights, rate limits, then the endpoint, then the disk, then the answer."""

from __future__ import annotations

from typing import Any

from paper_exchange.application.authenticate import Doorkeeper, SignedCall, check_may_trade
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults, Treatment
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.ip_budget import IpBudget
from paper_exchange.domain.rate_window import Allowance, RateWindow
from paper_exchange.domain.refusal import TOO_MANY_VISITS, Refused
from paper_exchange.inbound.endpoints import Endpoint, Rooms, all_endpoints
from paper_exchange.inbound.exchange_http import (
    JSON_TYPE,
    Reply,
    Request,
    Send,
    envelope,
    limit_headers,
    refusal,
    send_reply,
)
from paper_exchange.inbound.misbehaviour import BANNED, Misbehaviour
from paper_exchange.inbound.trade_routes import batch_legs


class Rest:
    """All REST endpoints of the venue."""

    def __init__(
        self,
        exchange: Exchange,
        events: VenueEvents,
        faults: Faults,
        rooms: Rooms,
        *,
        door: Doorkeeper,
        budget: IpBudget,
    ) -> None:
        self._exchange = exchange
        self._door = door
        self._events = events
        self._faults = faults
        self._budget = budget
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._endpoints = all_endpoints(rooms)
        self._misbehaviour = Misbehaviour(exchange.now_ms)

    @property
    def paths(self) -> frozenset[str]:
        """Every path."""
        return frozenset(self._endpoints)

    async def answer(self, request: Request, send: Send) -> None:
        """Serve one call, or fail it as a fault demands."""
        if not self._budget.allows(request.address, now_ms=self._exchange.now_ms()):
            await send_reply(send, Reply(BANNED, 403))
            return
        endpoint = self._endpoints.get(request.path)
        if endpoint is None:
            body = envelope({}, now_ms=self._exchange.now_ms(), ret_code=10017, ret_msg="Route not found.")
            await send_reply(send, Reply(body, 404))
            return
        if endpoint.method != request.method:
            await send_reply(send, Reply(b"", 400))
            return
        if request.method == "GET" and request.body:
            await send_reply(send, Reply(b"", 403))
            return
        await (self._private if endpoint.limit else self._public)(endpoint, request, send)

    async def operate(self, request: Request, send: Send) -> None:
        """Carry out an operation of a socket whose key is in the request: all is as on its path, but for the signature."""
        await self._private(self._endpoints[request.path], request, send)

    async def _public(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        treatment = self._faults.treat(request.path, "", public=True)

        async def work() -> Reply:
            return self._public_answer(endpoint, request, treatment)

        await self._misbehaviour.serve(treatment, request, send, work)

    def _public_answer(self, endpoint: Endpoint, request: Request, treatment: Treatment) -> Reply:
        now = self._exchange.now_ms() + treatment.skew_ms
        try:
            handler = endpoint.handler
            result = handler(request) if handler else {}
        except Refused as error:
            return Reply(refusal(error, now_ms=now))
        if treatment.skew_ms and request.path.endswith("/time"):
            result = {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}
        return Reply(envelope(result, now_ms=now))

    async def _private(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        known = self._exchange.ledger.keys.get(request.header(b"x-bapi-api-key"))
        treatment = self._faults.treat(request.path, known.uid if known else "")

        async def work() -> Reply:
            reply = self._carry_out(endpoint, request, treatment)
            await self._exchange.journal.durable(self._exchange.journal.position)
            return reply

        await self._misbehaviour.serve(treatment, request, send, work)

    def _carry_out(self, endpoint: Endpoint, request: Request, treatment: Treatment) -> Reply:
        at_ms = self._exchange.now_ms()
        now = at_ms + treatment.skew_ms  # what the client is told; what is counted goes by the venue's own clock
        headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
        try:
            self._verify(endpoint, request, now)
            self._exchange.milestones.reached(request.uid, "request_received")
            calls = len(batch_legs(request.json())) if endpoint.batch else 1
            allowance = self._window(request.uid, request.path, endpoint.limit).take(calls, now_ms=at_ms)
            headers = limit_headers(allowance, skew_ms=treatment.skew_ms)
            if allowance.granted:
                if treatment.forgets_links:
                    self._forget_links(request, batch_legs(request.json()) if endpoint.batch else [request.json()])
                return Reply(self._call(endpoint, request, allowance, now), 200, headers)
            return Reply(refusal(Refused(*TOO_MANY_VISITS), now_ms=now), 200, headers)
        except Refused as error:
            return Reply(refusal(error, now_ms=now), 200, headers)

    def _verify(self, endpoint: Endpoint, request: Request, now: int) -> None:
        call = SignedCall(
            api_key=request.header(b"x-bapi-api-key"),
            timestamp=request.header(b"x-bapi-timestamp"),
            signature=request.header(b"x-bapi-sign"),
            recv_window=request.header(b"x-bapi-recv-window"),
            payload=request.query if request.method == "GET" else request.body,
            address=request.address,
        )
        known, door = request.key, self._door
        request.key = door.readmit(known, call, now_ms=now) if known else door.admit(call, now_ms=now)
        if endpoint.trades:
            check_may_trade(request.key)

    @staticmethod
    def _call(endpoint: Endpoint, request: Request, allowance: Allowance, now: int) -> bytes:
        if endpoint.batch is not None:
            result, ext = endpoint.batch(request, allowance.granted)
            return envelope(result, now_ms=now, ext=ext)
        handler = endpoint.handler
        return envelope(handler(request) if handler else {}, now_ms=now)

    def _forget_links(self, request: Request, orders: list[dict[str, Any]]) -> None:
        self._events.forget_links(request.uid, [str(order.get("orderLinkId", "")) for order in orders])

    def _window(self, uid: str, path: str, limit: int) -> RateWindow:
        window = self._windows.get((uid, path))
        if window is None:
            window = self._windows[uid, path] = RateWindow(limit)
        return window
