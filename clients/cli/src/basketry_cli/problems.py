"""What the API says when it says no, and what it means when it says nothing."""

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
        words = str(body.get("detail") or body.get("title") or f"HTTP {status}")
        super().__init__(words.removeprefix("#: ").removeprefix("#/"))  # a pointer into a body that nobody here wrote

    @property
    def context(self) -> dict[str, Any]:
        """More facts, by code, such as `minimum_amount` and `available`."""
        found = self.body.get("context")
        return found if isinstance(found, dict) else {}

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


class OrderUnanswered(Exception):
    """An order was sent, again and again under one key, and no answer came: it was taken once, or not at all.

    Args:
        key: The Idempotency-Key; under it the order can be sent again without buying twice.
        plan_id: What was ordered.
    """

    def __init__(self, key: str, plan_id: str, why: str) -> None:
        self.key = key
        self.plan_id = plan_id
        super().__init__(why)


class Wish(Exception):
    """What the user asked for cannot be understood, or does not exist: said before anything is asked of the platform.

    Args:
        do: What to do instead; empty where the command's own help says it.
    """

    def __init__(self, words: str, *, do: str = "") -> None:
        self.do = do
        super().__init__(words)
