"""What the API says when it says no."""

from __future__ import annotations

from typing import Any

import httpx


class ApiProblem(Exception):
    """An `application/problem+json` answer.

    Args:
        status: HTTP status.
        body: The problem: `type`, `title`, `detail`, `code` and whatever belongs to it.
        retry_after_s: When to try again, where the API says so.
    """

    def __init__(self, status: int, body: dict[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.body = body
        self.code = str(body.get("code", ""))
        self.retry_after_s = retry_after_s
        super().__init__(str(body.get("detail") or body.get("title") or f"HTTP {status}"))

    @classmethod
    def of(cls, answer: httpx.Response) -> ApiProblem:
        """Read an answer that is not a success, whatever stands in it."""
        try:
            body = answer.json()
        except ValueError:
            body = {}
        after = answer.headers.get("Retry-After", "")
        known = body if isinstance(body, dict) else {}
        return cls(answer.status_code, known, float(after) if after.isdigit() else None)
