"""Raw calls to the venue, each judged by the product's own table of reply codes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from basketry_local.conformance.credentials import TestKey
from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.classification import ReplyClass, classify
from shared.runtime.bybit.judgement import envelope
from shared.runtime.bybit.outcomes import Accepted, NotSent, Unknown

PATIENCE_S = 10.0
WINDOW_MS = 5000
PATIENT_TIMES = 3
NEXT_SECOND_S = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        code: The venue's; None when there was no readable answer.
        reply_class: What the product makes of it.
        took_ms: From sending to the whole answer.
        result: Of an accepted call; empty otherwise.
        legs: `retExtInfo.list`, of batches.
    """

    code: int | None
    text: str
    reply_class: ReplyClass
    http_status: int | None
    took_ms: float
    result: dict[str, Any]
    headers: dict[str, str]
    legs: tuple[dict[str, Any], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the venue took the call."""
        return self.reply_class is ReplyClass.ACCEPTED

    @property
    def rows(self) -> list[dict[str, Any]]:
        """`result.list`."""
        rows = self.result.get("list")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def told(self) -> dict[str, Any]:
        """For the report."""
        return {
            "code": self.code,
            "text": self.text,
            "class": self.reply_class.value,
            "http_status": self.http_status,
            "took_ms": round(self.took_ms, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """What is wrong with a call on purpose."""

    clock_ms: int = 0
    signature: bool = False
    api_key: str | None = None


class Probe:
    """Signed calls with the user's key; only what the venue refused for coming too often is asked again.

    Args:
        rest: Scheme, host and port.
    """

    def __init__(self, rest: str, key: TestKey) -> None:
        self.key = key
        self._http = httpx.AsyncClient(
            base_url=rest.rstrip("/"), trust_env=False, follow_redirects=False, timeout=PATIENCE_S
        )

    async def close(self) -> None:
        """Drop the connections."""
        await self._http.aclose()

    async def public(self, path: str, **params: str) -> Answer:
        """A call without signature."""
        return await self._send("GET", path, urlencode(params), {})

    async def get(self, path: str, **params: str) -> Answer:
        """A signed query."""
        query = urlencode(params)
        return await self._paced(lambda: self._send("GET", path, query, self._signed(query, Spoiled())))

    async def post(self, path: str, body: dict[str, Any], *, spoiled: Spoiled | None = None) -> Answer:
        """A signed order or cancel."""
        text = json.dumps(body)
        return await self._paced(lambda: self._send("POST", path, text, self._signed(text, spoiled or Spoiled())))

    @staticmethod
    async def _paced(ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to the question itself; a call over the rate was not looked at, and the next second takes it."""
        for _ in range(PATIENT_TIMES):
            answer = await ask()
            if answer.reply_class is not ReplyClass.RATE_LIMITED:
                return answer
            await asyncio.sleep(NEXT_SECOND_S)
        return await ask()

    def _signed(self, payload: str, spoiled: Spoiled) -> dict[str, str]:
        stamp = int(time.time() * 1000) + spoiled.clock_ms
        api_key = spoiled.api_key or self.key.api_key.get_secret_value()
        signature = self.key.signature(f"{stamp}{api_key}{WINDOW_MS}{payload}{'x' if spoiled.signature else ''}")
        return {
            "X-BAPI-API-KEY": api_key,
            "X-BAPI-TIMESTAMP": str(stamp),
            "X-BAPI-RECV-WINDOW": str(WINDOW_MS),
            "X-BAPI-SIGN": signature,
        }

    async def _send(self, method: str, path: str, payload: str, headers: dict[str, str]) -> Answer:
        url, body = (f"{path}?{payload}" if payload else path, None) if method == "GET" else (path, payload)
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        since = time.monotonic()
        try:
            reply = await self._http.request(method, url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return _silence(type(error).__name__, (time.monotonic() - since) * 1000)
        return _judged(reply, (time.monotonic() - since) * 1000)


def _silence(why: str, took_ms: float) -> Answer:
    return Answer(
        code=None,
        text=why,
        reply_class=ReplyClass.UNKNOWN,
        http_status=None,
        took_ms=took_ms,
        result={},
        headers={},
    )


def _judged(reply: httpx.Response, took_ms: float) -> Answer:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    raw = RawReply(status=reply.status_code, headers=headers, body=reply.content)
    outcome = envelope(Call(lane=Lane.POLL, recv_window_ms=WINDOW_MS), raw, int(time.time() * 1000))
    document = outcome.reply if isinstance(outcome, Accepted) else {}
    code, text = (0, str(document.get("retMsg", ""))) if document else _code(outcome)
    result, extra = document.get("result"), document.get("retExtInfo")
    notes = extra.get("list") if isinstance(extra, dict) else None
    return Answer(
        code=code,
        text=text[:200],
        reply_class=ReplyClass.UNKNOWN if code is None else classify(code),
        http_status=reply.status_code,
        took_ms=took_ms,
        result=result if isinstance(result, dict) else {},
        headers=headers,
        legs=tuple(note for note in notes if isinstance(note, dict)) if isinstance(notes, list) else (),
    )


def _code(outcome: object) -> tuple[int | None, str]:
    if isinstance(outcome, Unknown):
        return outcome.code, outcome.message or outcome.reason
    if isinstance(outcome, NotSent):
        return None, outcome.error.detail
    return getattr(outcome, "code", None), str(getattr(outcome, "message", ""))
