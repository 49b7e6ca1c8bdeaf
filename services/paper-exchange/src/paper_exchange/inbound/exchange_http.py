"""Requests and replies on the wire: raw bytes in, one JSON object out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.rate_window import Allowance
from paper_exchange.domain.refusal import Refused, Unsigned, request_error

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 1_000_000
LEAVE_S = 0.02
"""So long a part of an answer has to leave before the connection is cut behind it."""
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


@dataclass(slots=True)
class Request:
    """One HTTP request; `query` and `body` are the bytes as they came, since these were signed.

    Attributes:
        key: Set once it is verified; or before, on a socket that signed in with it.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    address: str
    key: ApiKey | None = None
    params: dict[str, str] = field(default_factory=dict)
    _object: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.query:
            self.params = dict(parse_qsl(self.query.decode("latin-1"), keep_blank_values=True))

    def header(self, name: bytes) -> str:
        """A header by its lower-case name, or nothing."""
        return self.headers.get(name, b"").decode("latin-1")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, read once.

        Raises:
            Refused: it is not one.
        """
        if self._object is not None:
            return self._object
        try:
            value = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError:
            raise request_error("params error: body is not JSON") from None
        if not isinstance(value, dict):
            raise request_error("params error: body is not an object")
        self._object = value
        return value

    @property
    def uid(self) -> str:
        """The account of the verified key."""
        return self.key.uid if self.key else ""


@dataclass(slots=True)
class Reply:
    """One HTTP reply."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)


def envelope(
    result: object, *, now_ms: int, ret_code: int = 0, ret_msg: str = "OK", ext: object | None = None
) -> bytes:
    """The five fields around every answer."""
    return orjson.dumps(
        {"retCode": ret_code, "retMsg": ret_msg, "result": result, "retExtInfo": ext or {}, "time": now_ms}
    )


def refusal(error: Refused, *, now_ms: int) -> bytes:
    """A refusal in the envelope; business errors come with status 200."""
    if isinstance(error, Unsigned):
        bare = {"retCode": error.ret_code, "retMsg": error.ret_msg, "result": None, "retExtInfo": None, "time": now_ms}
        return orjson.dumps(bare)
    return envelope({}, now_ms=now_ms, ret_code=error.ret_code, ret_msg=error.ret_msg)


def json_reply(value: object, status: int = 200) -> Reply:
    """Plain JSON, for the control paths and the CoinGecko replay."""
    return Reply(orjson.dumps(value), status)


async def read_request(scope: Scope, receive: Receive) -> Request | None:
    """Read a request whole; None when the client left or sent more than 1 MB."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            break
    client = scope.get("client") or ("", 0)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=dict(scope["headers"]),
        body=b"".join(chunks),
        address=str(client[0]),
    )


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a reply whole."""
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def cut_connection(send: Send) -> None:
    """Reset the client's connection without an answer.

    ASGI has no word for it; uvicorn's `send` is a method of the object that holds the transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


def half_open(send: Send) -> None:
    """Read no more from the client's connection, as if the network in between were gone."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.pause_reading()


async def send_half(send: Send, reply: Reply) -> None:
    """Send the head and half of the body, and let it leave."""
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
    await asyncio.sleep(LEAVE_S)


def limit_headers(allowance: Allowance, *, skew_ms: int = 0) -> tuple[tuple[bytes, bytes], ...]:
    """What is left of a rate limit, and when it is whole again, by a clock that may be told wrong."""
    return (
        JSON_TYPE,
        (b"x-bapi-limit", str(allowance.limit).encode()),
        (b"x-bapi-limit-status", str(allowance.remaining).encode()),
        (b"x-bapi-limit-reset-timestamp", str(allowance.reset_ms + skew_ms).encode()),
    )
