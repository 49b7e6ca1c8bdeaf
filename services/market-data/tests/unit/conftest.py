from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class ScriptedHost:
    """Answers every GET by its path and, where given, a query; unknown ones with 404."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.slow = ""
        """A path that is answered only once the host closes."""
        self._closing = threading.Event()
        self._answers: dict[tuple[str, str], tuple[int, bytes]] = {}
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = host.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def says(self, path: str, body: Any, *, status: int = 200, category: str = "") -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._answers[path, category] = (status, text)

    def answer(self, target: str) -> tuple[int, bytes]:
        self.asked.append(target)
        parts = urlsplit(target)
        if parts.path == self.slow:
            self._closing.wait(30)
        [category] = parse_qs(parts.query).get("category", [""])
        category = "" if category == "spot" else category
        return self._answers.get((parts.path, category), (404, b'{"error": "not found"}'))

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[ScriptedHost]:
    made = ScriptedHost()
    yield made
    made.close()
