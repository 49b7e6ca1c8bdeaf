"""What a fault does to one call: around the work, instead of it, or to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from paper_exchange.application.faults import Fault, Treatment
from paper_exchange.domain.digits import is_whole
from paper_exchange.domain.rate_window import Allowance
from paper_exchange.domain.refusal import TOO_MANY_VISITS
from paper_exchange.inbound.exchange_http import (
    JSON_TYPE,
    Reply,
    Request,
    Send,
    cut_connection,
    envelope,
    half_open,
    limit_headers,
    send_half,
    send_reply,
)
from paper_exchange.inbound.spoilt_replies import error_page, spoil

BANNED = b'{"retCode":10018,"retMsg":"access too frequent","result":{},"retExtInfo":{},"time":0}'
LOST = frozenset({"lost_request", "lost_reply", "half_open"})
TWO_OUTCOMES = frozenset({"reset", "error_500", "ret_code", "half_open"})
LONGEST_LANDING_MS = 120_000

Work = Callable[[], Awaitable[Reply]]


class Misbehaviour:
    """Serves calls as faults demand.

    Args:
        now_ms: The venue's clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._landing: set[asyncio.Future[None]] = set()

    async def serve(self, treatment: Treatment, request: Request, send: Send, work: Work) -> None:
        """Carry out a call, or not, and answer it, or not.

        Args:
            treatment: What the faults in force make of it.
            request: The call.
            send: Where the answer goes.
            work: Carries the call out and waits until it is on disk.
        """
        half = treatment.delay_s / 2
        if half:
            await asyncio.sleep(half)
        fault = treatment.fault
        if fault is None:
            reply = await work()
            if half:
                await asyncio.sleep(half)
            await send_reply(send, reply)
        elif fault.kind == "late_landing":
            await self._land_late(fault, request, send, work)
        elif _stops(fault):
            await self._fail(fault, send, half)
        else:
            await self._answer(fault, await work(), send, half)

    async def _answer(self, fault: Fault, reply: Reply, send: Send, half: float) -> None:
        if fault.kind == "lost_reply" or fault.kind in TWO_OUTCOMES:
            await self._fail(fault, send, half)
            return
        if half:
            await asyncio.sleep(half)
        if fault.kind == "reset_mid_reply":
            await send_half(send, reply)
            cut_connection(send)
            return
        await send_reply(send, spoil(reply, fault))

    async def _fail(self, fault: Fault, send: Send, half: float) -> None:
        if fault.kind in LOST:
            if fault.kind == "half_open":
                half_open(send)
            await asyncio.sleep(fault.hold_ms / 1000)
            cut_connection(send)
            return
        if half:
            await asyncio.sleep(half)
        if fault.kind == "reset":
            cut_connection(send)
        else:
            await send_reply(send, self._refusing(fault))

    def _refusing(self, fault: Fault) -> Reply:
        now = self._now_ms()
        if fault.kind == "error_500":
            return error_page(fault)
        if fault.kind == "ip_ban":
            return Reply(BANNED, 403)
        if fault.kind == "rate_limit":
            code, text = TOO_MANY_VISITS
            headers = limit_headers(Allowance(0, 0, 0, now + 1000))
            return Reply(envelope({}, now_ms=now, ret_code=code, ret_msg=text), 200, headers)
        status = 401 if fault.variant == "http_401" else 200
        return Reply(envelope({}, now_ms=now, ret_code=fault.ret_code, ret_msg=fault.ret_msg), status, (JSON_TYPE,))

    async def _land_late(self, fault: Fault, request: Request, send: Send, work: Work) -> None:
        """The client's patience ends first; the call lands all the same, a millisecond before it would be too old."""
        landing = asyncio.ensure_future(self._land(self._landing_in_ms(fault, request), work))
        self._landing.add(landing)
        landing.add_done_callback(self._landing.discard)
        await asyncio.sleep(fault.hold_ms / 1000)
        cut_connection(send)

    def _landing_in_ms(self, fault: Fault, request: Request) -> int:
        if fault.latency_ms:
            return min(fault.latency_ms, LONGEST_LANDING_MS)
        sent, window = request.header(b"x-bapi-timestamp"), request.header(b"x-bapi-recv-window") or "5000"
        if not (is_whole(sent, longest=16) and is_whole(window, longest=9)):
            return 0
        return max(0, min(int(sent) + int(window) - 2 - self._now_ms(), LONGEST_LANDING_MS))

    @staticmethod
    async def _land(wait_ms: int, work: Work) -> None:
        await asyncio.sleep(wait_ms / 1000)
        await work()


def _stops(fault: Fault) -> bool:
    """The call is not carried out."""
    if fault.kind in {"lost_request", "rate_limit", "ip_ban"}:
        return True
    return fault.kind in TWO_OUTCOMES and fault.outcome == "not"
