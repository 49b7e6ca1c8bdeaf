"""Errors as HTTP answers: `application/problem+json` (RFC 9457), status by family (style, section 7)."""

from __future__ import annotations

import math
from typing import Any

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from shared.runtime.correlation import current_correlation
from shared.runtime.logging import get_logger
from shared.trading.errors import Denied, PlatformError, Throttled, Unavailable

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_BY_FAMILY = {
    "invalid": 422,
    "not_found": 404,
    "denied": 403,
    "conflict": 409,
    "throttled": 429,
    "unavailable": 503,
    "outcome_unknown": 202,
    "internal": 500,
}
_BY_CODE = {
    "malformed_request": 400,
    "idempotency_key_missing": 428,
    "precondition_failed": 412,
    "plan_changed": 412,
    "request_too_large": 413,
}


def status_of(error: PlatformError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Denied) and error.code.startswith(("token", "credentials")):
        return 401
    return _BY_CODE.get(error.code) or _BY_FAMILY.get(error.family, 500)


def problem_response(error: PlatformError, request: Request, *, status: int | None = None) -> JSONResponse:
    """The answer that tells of an error; an internal one keeps its details for the log.

    Args:
        error: What happened.
        request: Named as the problem's `instance`.
        status: Instead of the family's.
    """
    code = status or status_of(error)
    correlation = current_correlation()
    body: dict[str, Any] = {
        "type": f"urn:problem:{error.code}",
        "title": error.title,
        "status": code,
        "detail": error.detail if code != 500 else error.title,
        "instance": request.url.path,
        "code": error.code,
        **({"context": jsonable_encoder(error.context)} if error.context and code != 500 else {}),
        **({"correlation_id": str(correlation)} if correlation else {}),
    }
    headers: dict[str, str] = {}
    if isinstance(error, Throttled | Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status_code=code, headers=headers, media_type=MEDIA_TYPE)


async def on_platform_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for `PlatformError`."""
    if not isinstance(error, PlatformError):
        return await on_unexpected_error(request, error)
    return problem_response(error, request)


async def on_validation_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for requests that do not fit their model: 422, or 400 when it is not even JSON."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    shown = [{"where": [str(part) for part in one["loc"]], "message": str(one["msg"])} for one in faults]
    malformed = any(one.get("type") == "json_invalid" for one in faults)
    problem = PlatformError(
        "The request is not JSON." if malformed else "The request does not have the expected form.",
        code="malformed_request" if malformed else "invalid_request",
        context={"faults": shown},
    )
    return problem_response(problem, request, status=400 if malformed else 422)


async def on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for everything else: 500 without detail."""
    log.error("request_failed", path=request.url.path, exc_info=error)
    return problem_response(PlatformError(), request)
