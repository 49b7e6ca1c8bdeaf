"""The REST door: faults, signatures, rights, rate limits, then the endpoint, then the disk, then the answer."""

from __future__ import annotations

import asyncio

import orjson
import structlog

from paper_exchange.application.authenticate import SignedCall, authenticate, check_may_trade
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Fault, Faults, Treatment
from paper_exchange.domain.ip_budget import IpBudget
from paper_exchange.domain.rate_window import Allowance, RateWindow
from paper_exchange.domain.refusal import TOO_MANY_VISITS, Refused
from paper_exchange.inbound.endpoints import Endpoint, Rooms, all_endpoints
from paper_exchange.inbound.exchange_http import (
    JSON_TYPE,
    Reply,
    Request,
    Send,
    cut_connection,
    envelope,
    refusal,
    send_reply,
)
from paper_exchange.inbound.trade_routes import batch_legs

log = structlog.get_logger()

HTML_500 = b"<html><head><title>500 Internal Server Error</title></head></html>"
BANNED = b'{"retCode":10018,"retMsg":"access too frequent","result":{},"retExtInfo":{},"time":0}'


class Rest:
    """All REST endpoints of the venue."""

    def __init__(self, exchange: Exchange, faults: Faults, rooms: Rooms, *, budget: IpBudget) -> None:
        self._exchange = exchange
        self._faults = faults
        self._budget = budget
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._endpoints = all_endpoints(rooms)

    def knows(self, path: str) -> bool:
        """Whether the venue has this path."""
        return path in self._endpoints

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
        if not endpoint.limit:
            await send_reply(send, self._public_answer(endpoint, request))
            return
        await self._private(endpoint, request, send)

    def _public_answer(self, endpoint: Endpoint, request: Request) -> Reply:
        now = self._exchange.now_ms()
        try:
            handler = endpoint.handler
            return Reply(envelope(handler(request) if handler else {}, now_ms=now))
        except Refused as error:
            return Reply(refusal(error, now_ms=now))

    async def _private(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        known = self._exchange.ledger.keys.get(request.header(b"x-bapi-api-key"))
        treatment = self._faults.treat(request.path, known.uid if known else "")
        half = treatment.delay_s / 2
        if half:
            await asyncio.sleep(half)
        fault = treatment.fault
        if fault is not None and _stops(fault):
            await self._fail(fault, send, half)
            return
        reply = self._carry_out(endpoint, request, treatment)
        await self._exchange.journal.durable(self._exchange.journal.position)
        if fault is not None and _hides(fault):
            await self._fail(fault, send, half)
            return
        if half:
            await asyncio.sleep(half)
        await send_reply(send, reply)

    async def _fail(self, fault: Fault, send: Send, half: float) -> None:
        if fault.kind in {"lost_request", "lost_reply"}:
            await asyncio.sleep(fault.hold_ms / 1000)
            cut_connection(send)
            return
        if half:
            await asyncio.sleep(half)
        if fault.kind == "reset":
            cut_connection(send)
        elif fault.kind == "error_500":
            await send_reply(send, Reply(HTML_500, 500, ((b"content-type", b"text/html"),)))
        elif fault.kind == "ip_ban":
            await send_reply(send, Reply(BANNED, 403))
        else:
            now = self._exchange.now_ms()
            code, text = TOO_MANY_VISITS if fault.kind == "rate_limit" else (fault.ret_code, fault.ret_msg)
            headers = _limit_headers(Allowance(0, 0, 0, now + 1000)) if fault.kind == "rate_limit" else (JSON_TYPE,)
            await send_reply(send, Reply(envelope({}, now_ms=now, ret_code=code, ret_msg=text), 200, headers))

    def _carry_out(self, endpoint: Endpoint, request: Request, treatment: Treatment) -> Reply:
        now = self._exchange.now_ms()
        headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
        try:
            self._verify(endpoint, request, now)
            self._exchange.milestones.reached(request.uid, "request_received")
            calls = len(batch_legs(request.json())) if endpoint.batch else 1
            allowance = self._window(request.uid, request.path, endpoint.limit).take(calls, now_ms=now)
            headers = _limit_headers(allowance)
            if allowance.granted:
                return Reply(self._call(endpoint, request, allowance, treatment.fault), 200, headers)
            return Reply(refusal(Refused(*TOO_MANY_VISITS), now_ms=now), 200, headers)
        except Refused as error:
            return Reply(refusal(error, now_ms=now), 200, headers)

    def _verify(self, endpoint: Endpoint, request: Request, now: int) -> None:
        request.key = authenticate(
            SignedCall(
                api_key=request.header(b"x-bapi-api-key"),
                timestamp=request.header(b"x-bapi-timestamp"),
                signature=request.header(b"x-bapi-sign"),
                recv_window=request.header(b"x-bapi-recv-window"),
                payload=request.query if request.method == "GET" else request.body,
                address=request.address,
            ),
            self._exchange.ledger.keys,
            now_ms=now,
        )
        if endpoint.trades:
            check_may_trade(request.key)

    def _call(self, endpoint: Endpoint, request: Request, allowance: Allowance, fault: Fault | None) -> bytes:
        if endpoint.batch is not None:
            result, ext = endpoint.batch(request, allowance.granted)
            body = envelope(result, now_ms=self._exchange.now_ms(), ext=ext)
            return _spoil_legs(body, fault) if fault is not None and fault.kind == "leg_ret_code" else body
        handler = endpoint.handler
        return envelope(handler(request) if handler else {}, now_ms=self._exchange.now_ms())

    def _window(self, uid: str, path: str, limit: int) -> RateWindow:
        window = self._windows.get((uid, path))
        if window is None:
            window = self._windows[uid, path] = RateWindow(limit)
        return window


def _stops(fault: Fault) -> bool:
    """The call is not carried out."""
    if fault.kind in {"lost_request", "rate_limit", "ip_ban"}:
        return True
    return fault.kind in {"reset", "error_500", "ret_code"} and fault.outcome == "not"


def _hides(fault: Fault) -> bool:
    """The call was carried out, but its answer is not told."""
    return fault.kind in {"lost_reply", "reset", "error_500", "ret_code"}


def _spoil_legs(body: bytes, fault: Fault) -> bytes:
    """Answer a code for every leg of a batch although the legs were carried out."""
    reply = orjson.loads(body)
    for row, code in zip(reply["result"]["list"], reply["retExtInfo"]["list"], strict=True):
        row["orderId"] = ""
        if "createAt" in row:
            row["createAt"] = ""
        code.update(code=fault.ret_code, msg=fault.ret_msg)
    return orjson.dumps(reply)


def _limit_headers(allowance: Allowance) -> tuple[tuple[bytes, bytes], ...]:
    return (
        JSON_TYPE,
        (b"x-bapi-limit", str(allowance.limit).encode()),
        (b"x-bapi-limit-status", str(allowance.remaining).encode()),
        (b"x-bapi-limit-reset-timestamp", str(allowance.reset_ms).encode()),
    )
