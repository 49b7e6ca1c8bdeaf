"""The venue's one port: REST, the sockets, control paths, health."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import structlog

from paper_exchange.domain.digits import is_whole
from paper_exchange.inbound.control import PREFIX, Control
from paper_exchange.inbound.exchange_http import (
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    json_reply,
    read_request,
    send_reply,
)
from paper_exchange.inbound.open_sockets import OpenSockets
from paper_exchange.inbound.public_door import PublicDoor
from paper_exchange.inbound.public_streams import PublicStreams
from paper_exchange.inbound.rest import Rest
from paper_exchange.inbound.socket import IDLE_S, Socket
from paper_exchange.inbound.streams import Streams
from paper_exchange.inbound.trade_stream import TradeStream

log = structlog.get_logger()
SHORTEST_IDLE_S = 30.0


class ExchangeApp:
    """An ASGI application.

    It is written without a framework: an order must cost little, and signatures need the raw bytes.
    """

    def __init__(
        self,
        *,
        rest: Rest,
        control: Control,
        private: Streams,
        public: PublicDoor,
        trade: TradeStream,
        sockets: OpenSockets,
        ready: Callable[[], bool],
        metrics: Callable[[], bytes],
    ) -> None:
        self._rest = rest
        self._control = control
        self._private = private
        self._public = public
        self._trade = trade
        self._sockets = sockets
        self._ready = ready
        self._metrics = metrics
        self._connections = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        if request is None:
            await send_reply(send, Reply(b"", 413))
            return
        try:
            await self._route(request, send)
        except Exception:
            log.exception("request_failed", path=request.path, method=request.method)
            await send_reply(send, json_reply({"retCode": 10016, "retMsg": "Server error.", "result": {}}, 500))

    async def _route(self, request: Request, send: Send) -> None:
        if request.path.startswith("/v5/"):
            await self._rest.answer(request, send)
        elif request.path.startswith(PREFIX):
            await send_reply(send, await self._control.answer(request))
        elif request.path == "/livez":
            await send_reply(send, json_reply({"status": "ok"}))
        elif request.path == "/readyz":
            ready = self._ready()
            await send_reply(send, json_reply({"status": "ready" if ready else "not_ready"}, 200 if ready else 503))
        elif request.path == "/metrics":
            await send_reply(send, Reply(self._metrics(), 200, ((b"content-type", b"text/plain; version=0.0.4"),)))
        else:
            await send_reply(send, json_reply({"error": "not found"}, 404))

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        served: Mapping[str, Streams | TradeStream | PublicStreams] = {
            "/v5/private": self._private, "/v5/trade": self._trade, **self._public.by_path
        }  # fmt: skip
        stream = served.get(scope["path"])
        if stream is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"]
        if await self._sockets.refuses(path, send):
            return
        await send({"type": "websocket.accept"})
        self._connections += 1
        address = str((scope.get("client") or ("", 0))[0])
        socket = Socket(receive, send, f"paper-{self._connections}", address, idle_s=_idle_s(scope))
        self._sockets.add(socket, path)
        try:
            await _until_first(stream.serve(socket), socket.send_frames())
        finally:
            self._sockets.remove(socket)


async def _until_first(reading: object, sending: object) -> None:
    """Run both halves of a connection; when one ends, so does the other."""
    tasks = [asyncio.ensure_future(half) for half in (reading, sending)]  # type: ignore[call-overload]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _idle_s(scope: Scope) -> float:
    """How long a connection may be silent: `max_active_time` of 30s to 600s, ten minutes when it says nothing."""
    wanted = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("max_active_time", "").removesuffix("s")
    if not is_whole(wanted, longest=6):
        return IDLE_S
    return min(IDLE_S, max(SHORTEST_IDLE_S, float(wanted)))
