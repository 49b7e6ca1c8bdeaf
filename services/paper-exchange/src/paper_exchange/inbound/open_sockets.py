"""All connections of all sockets: what a closed venue does to them."""

from __future__ import annotations

from paper_exchange.application.faults import Faults
from paper_exchange.inbound.exchange_http import Send
from paper_exchange.inbound.socket import Socket
from paper_exchange.inbound.spoilt_replies import shut_status


class OpenSockets:
    """Who is connected where.

    Args:
        faults: Tell when the venue is down or an address is banned.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._paths: dict[Socket, str] = {}

    async def refuses(self, path: str, send: Send) -> bool:
        """Whether nobody is let in; then the client has its answer."""
        fault = self._faults.shut(path)
        if fault is None:
            return False
        await send({"type": "websocket.http.response.start", "status": shut_status(fault), "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
        return True

    def add(self, socket: Socket, path: str) -> None:
        """A connection stands; from now on it is struck with the others, also when its client says who it is."""
        self._paths[socket] = path
        socket.when_known = self._check

    def remove(self, socket: Socket) -> None:
        """A connection has ended."""
        self._paths.pop(socket, None)

    def strike(self) -> None:
        """Cut every connection that a fault in force shuts."""
        for socket in list(self._paths):
            self._check(socket)

    def cut(self) -> int:
        """Cut every connection; how many."""
        for socket in self._paths:
            socket.abort()
        return len(self._paths)

    def _check(self, socket: Socket) -> None:
        if self._faults.shut(self._paths[socket], socket.uid) is not None:
            socket.abort()
