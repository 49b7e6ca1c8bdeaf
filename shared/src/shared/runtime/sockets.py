"""WebSockets as our servers speak them: bounded in size, pinged, and quiet about what they carry.

The server library says everything else; what stands here is what it leaves open.
"""

from __future__ import annotations

import logging
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

MESSAGE_BYTES = 16 * 1024
PING_S = 15.0
PONG_S = 15.0
CLOSE_S = 5.0
_QUIET = logging.getLogger(__name__)
_QUIET.setLevel(logging.WARNING)


class BoundedSocket(WebSocketsSansIOProtocol):
    """One connection.

    Its scope holds `hang_up`, which drops the connection at once: a client that does not read would otherwise keep it
    for ever, since closing waits until everything is written.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The library's own logger would write addresses with their queries, and at DEBUG every message.
        self.logger = _QUIET
        self.conn.logger = _QUIET
        self.conn.debug = False

    def handle_connect(self, event: Request) -> None:
        """Start the application on an accepted handshake."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["hang_up"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def handle_ping(self) -> None:
        """Answer, unless earlier answers are still unread: pings must not pile up memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        """Nobody is there any more."""
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; after a close the client has a bounded time to answer it."""
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)


SOCKETS: dict[str, Any] = {
    "ws": BoundedSocket,
    "ws_max_size": MESSAGE_BYTES,
    "ws_ping_interval": PING_S,
    "ws_ping_timeout": PONG_S,
    "ws_per_message_deflate": False,  # 50 KB of memory a connection for a few bytes on the wire
}
"""Options of the server."""
