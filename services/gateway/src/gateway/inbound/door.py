"""What stands before every route: a trace id, the size of bodies, headers of caution, and a 500 that tells nothing."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.inbound.limits import Standing
from gateway.inbound.problems import problem_response
from shared.runtime.correlation import correlated
from shared.trading.clock import Ids
from shared.trading.errors import Invalid, PlatformError

BODY_LIMIT = 64 * 1024
DRAIN_BYTES = 32 << 20
DRAIN_S = 10.0
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_CAUTION = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-site",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cache-control": "no-store",
}
_RAW_CAUTION = [(name.encode(), value.encode()) for name, value in _CAUTION.items()]

log = structlog.get_logger(__name__)


class BodyTooLarge(Invalid):
    """The body is larger than any request of ours."""

    code = "body_too_large"
    title = "The body is too large"


class Door:
    """The outermost part of the app."""

    def __init__(self, app: ASGIApp, *, ids: Ids, body_limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._ids = ids
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; a socket gets its trace id and passes, since what it carries is bounded by the server."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        trace = _trace(Headers(scope=scope)) or self._ids.uuid()
        scope.setdefault("state", {})["trace_id"] = trace.hex
        with correlated(trace):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await _Passage(self._app, scope, receive, send, self._body_limit).go()


class _Passage:
    """One request on its way through the door."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, body_limit: int) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_limit = body_limit
        self._read = 0
        self._started = False
        self._oversize: BodyTooLarge | None = None

    async def go(self) -> None:
        try:
            self._must_fit(Headers(scope=self._scope).get("content-length", "0"))
            await self._app(self._scope, self._counted, self._cautious)
        except BodyTooLarge as error:
            self._oversize = error
        except Exception as error:
            log.exception("request_crashed", path=self._scope["path"], error=type(error).__name__)
            if self._started:
                raise
            await problem_response(PlatformError(), Request(self._scope))(self._scope, self._receive, self._cautious)
        if self._oversize is not None:
            await self._refuse(self._oversize)

    def _must_fit(self, announced: str) -> None:
        if announced.isdigit() and int(announced) > self._body_limit:
            raise self._too_large()

    async def _counted(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self._body_limit:
                # The framework makes a 400 of whatever reading raises: what it says then is not sent.
                self._oversize = self._too_large()
                raise self._oversize
        return message

    async def _cautious(self, message: Message) -> None:
        if self._oversize is not None and not self._started:
            return
        await self._dressed(message)

    async def _dressed(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self._dress(MutableHeaders(scope=message))
        await self._send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        told = {name for name, _ in headers.raw}
        headers.raw.extend(row for row in _RAW_CAUTION if row[0] not in told)
        headers["x-trace-id"] = self._scope["state"]["trace_id"]
        standing = self._scope["state"].get("standing")
        if isinstance(standing, Standing):
            for name, value in standing.headers().items():
                headers[name] = value

    def _too_large(self) -> BodyTooLarge:
        words = f"A body may have {self._body_limit} bytes at most. This one was refused, and nothing was done."
        return BodyTooLarge(words, context={"limit_bytes": self._body_limit})

    async def _refuse(self, error: BodyTooLarge) -> None:
        """Answer at once, then throw the rest of the body away: a reset connection would hide the answer."""
        if self._started:
            raise error
        response = problem_response(error, Request(self._scope))
        response.headers["connection"] = "close"
        start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        await self._dressed(start)
        await self._send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
        await self._throw_away()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _throw_away(self) -> None:
        if "expect" in Headers(scope=self._scope):
            return
        thrown = self._read
        try:
            async with asyncio.timeout(DRAIN_S):
                while thrown < DRAIN_BYTES:
                    message = await self._receive()
                    thrown += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return
        except TimeoutError:
            return


def _trace(headers: Headers) -> UUID | None:
    found = _TRACEPARENT.match(headers.get("traceparent", ""))
    return UUID(hex=found.group(1)) if found else None
