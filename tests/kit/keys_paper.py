"""The paper exchange as the tests of keys use it: a process of its own and its control path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from keys.application.sign import Signed
from kit.paper_process import running_paper_process


@dataclass(frozen=True)
class Paper:
    """The running paper exchange."""

    url: str
    http: httpx.Client

    def open(self, **terms: Any) -> dict[str, str]:
        """An account made by the control path, with whatever rights the test wants."""
        reply = self.http.post(f"{self.url}/paper/v1/accounts", json={"balances": {"USDT": "10000"}, **terms})
        reply.raise_for_status()
        return dict(reply.json())

    def change(self, api_key: str, **terms: Any) -> None:
        """Change the rights of a key."""
        self.http.post(f"{self.url}/paper/v1/keys", json={"api_key": api_key, **terms}).raise_for_status()

    def revoke(self, api_key: str) -> None:
        self.http.delete(f"{self.url}/paper/v1/keys", params={"api_key": api_key}).raise_for_status()

    def fault(self, **terms: Any) -> None:
        self.http.post(f"{self.url}/paper/v1/faults", json=terms).raise_for_status()

    def heal(self) -> None:
        self.http.delete(f"{self.url}/paper/v1/faults").raise_for_status()

    def call(self, signed: Signed, method: str, path: str, payload: str) -> dict[str, Any]:
        """Send exactly the signed bytes."""
        url = f"{self.url}{path}" + (f"?{payload}" if method == "GET" and payload else "")
        body = payload if method == "POST" else None
        headers = {**signed.headers, **({"Content-Type": "application/json"} if body else {})}
        return dict(self.http.request(method, url, content=body, headers=headers).json())


@contextmanager
def running_paper(folder: Path) -> Iterator[Paper]:
    """The real paper exchange as a process of its own, its prices frozen."""
    with running_paper_process(folder) as process, httpx.Client(timeout=10, trust_env=False) as http:
        yield Paper(process.url, http)
