"""From a raw reply to an outcome. Whatever cannot be read in full is unknown, never a crash and never a guess."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import requests
from pydantic import BaseModel, ValidationError

from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.classification import ReplyClass, classify
from shared.runtime.bybit.outcomes import Accepted, Duplicate, Failure, NotOpen, Outcome, RateLimited, Refused, Unknown

Reply = TypeVar("Reply", bound=BaseModel)

UNAUTHORISED = 401
"""HTTP status of a request that lacks a valid key (Bybit, error codes: HTTP)."""
CREATES = frozenset({Lane.BUY, Lane.UNWIND})
"""Lanes of calls that make orders."""
DEFAULT_RESET_MS = 1000
"""Wait after a refusal for speed that names no reset time: the venue's limits roll over one second."""
LONGEST_RESET_MS = 60_000


class UnparsableError(ValueError):
    """The venue's text is not what its documents promise."""


def decode(body: bytes | str) -> dict[str, Any]:
    """Read a JSON object; numbers stay exact, NaN and infinities are refused.

    Raises:
        UnparsableError: Not JSON, not an object, or not finite.
    """
    try:
        document = _DECODER.decode(body if isinstance(body, str) else _text(body))
    except (ValueError, RecursionError) as error:
        raise UnparsableError(str(error)) from None
    if not isinstance(document, dict):
        raise UnparsableError("not a JSON object")
    return document


def _text(body: bytes) -> str:
    return body.decode(json.detect_encoding(body), "surrogatepass")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
"""Made once: `json.loads` makes one for each call that says how to read numbers."""


def parse_row(model: type[Reply], row: Any) -> Reply:
    """One typed row.

    Raises:
        UnparsableError: A field is missing, malformed or has a value that the documents do not know.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnparsableError(f"{model.__name__}.{where}: {first['msg']}") from None


def envelope(call: Call, raw: RawReply, now_ms: int) -> Accepted[dict[str, Any]] | Failure:
    """Judge the outer part of a reply: HTTP status, `retCode`; the whole document when it is zero."""
    stamp, window = call.timestamp_ms, call.recv_window_ms
    if raw.status == UNAUTHORISED:
        return _unauthorised(call, raw, now_ms)
    if raw.status != 200:
        return Unknown(timestamp_ms=stamp, recv_window_ms=window, reason=f"http_{raw.status}", http_status=raw.status)
    try:
        document = decode(raw.body)
        code, message = _code(document, "retCode"), str(document.get("retMsg", ""))[:200]
    except UnparsableError as error:
        return unparsable(call, error)
    if code == 0:
        return Accepted(timestamp_ms=stamp, recv_window_ms=window, reply=document)
    return failure(call, code=code, message=message, headers=raw.headers, now_ms=now_ms)


def _unauthorised(call: Call, raw: RawReply, now_ms: int) -> Failure:
    """The key is not taken: a code that says so is believed; without one a question is refused, an order unknown."""
    stamp, window = call.timestamp_ms, call.recv_window_ms
    code, message = UNAUTHORISED, "HTTP 401"
    with contextlib.suppress(UnparsableError):
        document = decode(raw.body)
        code, message = _code(document, "retCode"), str(document.get("retMsg", ""))[:200]
    told, creates = classify(code), call.lane in CREATES
    if told is ReplyClass.BLIND or (told is ReplyClass.REFUSED and not creates):
        return failure(call, code=code, message=message, headers=raw.headers, now_ms=now_ms)
    if creates:
        return Unknown(timestamp_ms=stamp, recv_window_ms=window, reason="http_401", http_status=raw.status)
    return Refused(timestamp_ms=stamp, recv_window_ms=window, code=UNAUTHORISED, message=message, blind=True)


def failure(call: Call, *, code: int, message: str, headers: Mapping[str, str], now_ms: int) -> Failure:
    """What a code other than zero means."""
    stamp, window = call.timestamp_ms, call.recv_window_ms
    match classify(code):
        case ReplyClass.REFUSED:
            return Refused(timestamp_ms=stamp, recv_window_ms=window, code=code, message=message)
        case ReplyClass.BLIND:
            return Refused(timestamp_ms=stamp, recv_window_ms=window, code=code, message=message, blind=True)
        case ReplyClass.RATE_LIMITED:
            reset_ms = _reset(headers, now_ms)
            return RateLimited(timestamp_ms=stamp, recv_window_ms=window, code=code, message=message, reset_ms=reset_ms)
        case ReplyClass.DUPLICATE:
            return Duplicate(timestamp_ms=stamp, recv_window_ms=window, code=code, message=message)
        case ReplyClass.NOT_OPEN:
            return NotOpen(timestamp_ms=stamp, recv_window_ms=window, code=code, message=message)
        case _:
            reason = f"code_{code}"
            return Unknown(timestamp_ms=stamp, recv_window_ms=window, reason=reason, code=code, message=message)


def result(call: Call, raw: RawReply, model: type[Reply], now_ms: int) -> Outcome[Reply]:
    """Judge a reply whose `result` is one typed object."""
    outer = envelope(call, raw, now_ms)
    if not isinstance(outer, Accepted):
        return outer
    try:
        reply = parse_row(model, outer.reply.get("result"))
    except UnparsableError as error:
        return unparsable(call, error)
    return Accepted(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reply=reply)


def unparsable(call: Call, error: UnparsableError) -> Unknown:
    """The outcome of a reply that cannot be read."""
    return Unknown(
        timestamp_ms=call.timestamp_ms,
        recv_window_ms=call.recv_window_ms,
        reason="unparsable",
        message=str(error)[:200],
    )


def transport(call: Call, error: requests.RequestException) -> Unknown:
    """The outcome of a call whose answer did not arrive."""
    reason = "connection"
    if isinstance(error, requests.Timeout):
        reason = "connect_timeout" if isinstance(error, requests.ConnectTimeout) else "read_timeout"
    elif isinstance(error, requests.TooManyRedirects):
        reason = "redirect"
    return Unknown(
        timestamp_ms=call.timestamp_ms,
        recv_window_ms=call.recv_window_ms,
        reason=reason,
        message=type(error).__name__,
    )


def _code(document: Mapping[str, Any], name: str) -> int:
    code = document.get(name)
    if isinstance(code, bool) or not isinstance(code, int):
        raise UnparsableError(f"{name} is not a number")
    return code


def leg_code(row: Any) -> tuple[int, str]:
    """Code and message of one order of a batch, from `retExtInfo.list`.

    Raises:
        UnparsableError: The entry has no code.
    """
    if not isinstance(row, dict):
        raise UnparsableError("retExtInfo.list holds no object")
    return _code(row, "code"), str(row.get("msg", ""))[:200]


def _reset(headers: Mapping[str, str], now_ms: int) -> int:
    text = headers.get("x-bapi-limit-reset-timestamp", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        return now_ms + DEFAULT_RESET_MS
    return min(max(int(text), now_ms), now_ms + LONGEST_RESET_MS)
