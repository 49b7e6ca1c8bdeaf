"""HTTP by hand on kept connections: a client that costs little, so that a benchmark measures the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST with a JSON body, ready for the wire."""
    told = {"Host": "server", "Content-Type": "application/json", **headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Line:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes, *, status: int = 200) -> bytes:
        """Send a request and read the body of its answer.

        Raises:
            RuntimeError: another status; the message holds the answer.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 %d" % status):
            raise RuntimeError((head + body).decode())
        return body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@contextlib.asynccontextmanager
async def lines(port: int, number: int) -> AsyncIterator[list[Line]]:
    """Connections to a port of this machine."""
    opened = [Line(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(number)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()
