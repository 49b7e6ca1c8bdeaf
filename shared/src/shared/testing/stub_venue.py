"""A venue of a few lines for tests: answers what the test scripts, and checks signatures over the raw bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.contracts.rpc.signing import Lane, Signature

API_KEY = "stub-key"
API_SECRET = "stub-secret"  # noqa: S105 - the stub's own


@dataclass(frozen=True, slots=True)
class Heard:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: a document, or raw bytes with their status and headers."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Heard], Said | None]
"""None drops the connection without a word."""


def ok(result: Any, **extra: Any) -> Said:
    """A successful envelope."""
    return Said({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 0, **extra})


def refused(code: int, message: str = "no", **headers: str) -> Said:
    """An envelope with an error code."""
    return Said({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 0}, headers=headers)


class StubVenue:
    """Scripted REST server on loopback."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: dict[str, Answer] = {}
        self.url = ""

    def on(self, path: str, answer: Answer | Said) -> None:
        """Answer a path; a private call with a wrong signature gets 10004 before that."""
        self.answers[path] = answer if callable(answer) else lambda _: answer

    def answer(self, heard: Heard) -> Said | None:
        """What to say."""
        if "x-bapi-sign" in heard.headers and heard.headers["x-bapi-sign"] != self._expected(heard):
            return refused(10004, "error sign!")
        scripted = self.answers.get(heard.path)
        return scripted(heard) if scripted else Said({}, status=404)

    @staticmethod
    def _expected(heard: Heard) -> str:
        payload = heard.query if heard.method == "GET" else heard.body
        stamp, window = heard.headers["x-bapi-timestamp"], heard.headers["x-bapi-recv-window"]
        return _sign(f"{stamp}{heard.headers['x-bapi-api-key']}{window}{payload}")


class StubSigner:
    """Signs with the stub's key at a fixed time; can be told to ask for patience first.

    Args:
        retry_after_ms: One entry per "later" before the first signature.
    """

    def __init__(self, *retry_after_ms: int, timestamp_ms: int = 1_700_000_000_000) -> None:
        self.later = list(retry_after_ms)
        self.timestamp_ms = timestamp_ms
        self.asked: list[tuple[str, str, str, int, Lane]] = []

    async def sign(self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane) -> Signature:
        """The port of `shared.runtime.bybit`."""
        self.asked.append((method, path, payload, recv_window_ms, lane))
        if self.later:
            return Signature(retry_after_ms=self.later.pop(0), retry_reason="venue_rate")
        signature = _sign(f"{self.timestamp_ms}{API_KEY}{recv_window_ms}{payload}")
        headers = {
            "X-BAPI-API-KEY": API_KEY,
            "X-BAPI-TIMESTAMP": str(self.timestamp_ms),
            "X-BAPI-RECV-WINDOW": str(recv_window_ms),
            "X-BAPI-SIGN": signature,
        }
        return Signature(headers=headers, timestamp_ms=self.timestamp_ms)


def _sign(text: str) -> str:
    return hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


@contextmanager
def stub_venue() -> Iterator[StubVenue]:
    """A running stub on a free port."""
    venue = StubVenue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def _serve(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard = Heard(self.command, path, query, body, headers)
            venue.heard.append(heard)
            said = venue.answer(heard)
            if said is None:
                self.close_connection = True
                return
            raw = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _serve  # noqa: N815 - the base class's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    venue.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
