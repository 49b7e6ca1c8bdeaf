"""Every error is application/problem+json (RFC 9457): a code that programs read, a sentence that people read."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway.inbound.http.texts import UnstorableText
from shared.contracts.problem import Problem as TypedProblem
from shared.trading.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Throttled,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger(__name__)
_BAD_REQUEST = {"malformed_json", "idempotency_key_missing", "idempotency_key_invalid", "malformed_request"}
_PRECONDITION = {
    "if_match_missing": 428,
    "if_match_fails": 412,
    "guards_changed": 412,
    "index_changed": 412,
    "plan_changed": 412,
}
_STATUS: tuple[tuple[type[PlatformError], int], ...] = (
    (Invalid, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Throttled, 429),
    (Unavailable, 503),
    (OutcomeUnknown, 504),
)
_NOTHING_HERE = "There is nothing at this path; /docs lists what there is."
_NO_JSON = "The body could not be read as JSON."
_UNREADABLE = "There was an error parsing the body"
"""FastAPI's words for a body that is no JSON in ways of its own: not UTF-8, or nested without end."""
_SIGN_IN = ("token", "credentials")


class FieldProblem(BaseModel):
    """What is wrong with one part of the request."""

    pointer: str = Field(description="JSON pointer into the body (`#/amount`), or `?name`, `header:name`, `path:name`.")
    code: str
    detail: str


class Problem(BaseModel):
    """An error, RFC 9457. `code` is stable: translate and branch on it; `detail` is for people."""

    type: str = Field(description="`urn:problem:<code>`", examples=["urn:problem:plan_expired"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked.")
    code: str = Field(examples=["plan_expired"])
    trace_id: str = Field(description="Quote it when you ask for help.")
    errors: list[FieldProblem] = Field(default_factory=list)
    context: dict[str, Any] = Field(
        default_factory=dict, description="More facts, by code: `minimum_amount`, `available`, … decimals as text."
    )
    retry_after_s: float | None = None


class MalformedJson(Invalid):
    """The body is no JSON."""

    code = "malformed_json"
    title = "The body is not JSON"


class ValidationFailed(Invalid):
    """Parts of the request are not what they must be; `errors` names each."""

    code = "validation_failed"
    title = "The request is not valid"


def status_of(error: PlatformError) -> int:
    """The HTTP status of a typed error."""
    if error.code in _BAD_REQUEST:
        return 400
    if error.code == "body_too_large":
        return 413
    if error.code in _PRECONDITION:
        return _PRECONDITION[error.code]
    if isinstance(error, Denied):
        return 401 if error.code.startswith(_SIGN_IN) else 403
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def problem_response(error: PlatformError, request: Request, errors: Sequence[FieldProblem] = ()) -> JSONResponse:
    """An error as an answer; what is not meant for people stays inside."""
    status = status_of(error)
    context = {name: value for name, value in error.context.items() if name != "pointer"} if status < 500 else {}
    body = Problem(
        type=f"urn:problem:{error.code}",
        title=_title(error),
        status=status,
        detail=error.detail if status != 500 else "Something went wrong on our side; nothing is lost.",
        instance=request.url.path,
        code=error.code,
        trace_id=getattr(request.state, "trace_id", ""),
        errors=[*errors, *_pointed(error)],
        context=context,
        retry_after_s=TypedProblem.of(error).retry_after_s,
    )
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True), status, headers=_headers(error, status), media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Answer every error of the app this way."""
    app.add_exception_handler(PlatformError, _platform)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors in OpenAPI, beside those that every route can answer."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses, 413, 422, 429, 500, 503})
    }


def _title(error: PlatformError) -> str:
    """An error that came over the bus has its family's title; the code says more than that."""
    return type(error).title


def _pointed(error: PlatformError) -> list[FieldProblem]:
    pointer = error.context.get("pointer")
    return [FieldProblem(pointer=str(pointer), code=error.code, detail=error.detail)] if pointer else []


def _headers(error: PlatformError, status: int) -> dict[str, str]:
    headers = {"cache-control": "no-store"}
    if isinstance(error, Throttled | Unavailable):
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="basketry"'
    return headers


async def _platform(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)
    status = status_of(error)
    if status >= 500:
        log.warning("request_failed", code=error.code, path=request.url.path, detail=error.detail)
    elif isinstance(error, Denied | NotFound):
        # Authorisation decisions are logged: a search for other people's objects shows here.
        log.info("request_refused", code=error.code, path=request.url.path, status=status)
    return problem_response(error, request)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(MalformedJson(_NO_JSON), request)
    errors = [
        FieldProblem(pointer=_pointer(_place(fault)), code=_code(fault), detail=_sentence(fault)) for fault in faults
    ]
    first = f"{errors[0].pointer}: {errors[0].detail}" if errors else "The request is not valid."
    return problem_response(ValidationFailed(first), request, errors)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    if error.detail == _UNREADABLE:
        return problem_response(MalformedJson(_NO_JSON), request)
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    body = Problem(
        type=f"urn:problem:{code}",
        title=phrase,
        status=status,
        detail=_told(request, status) if error.detail == phrase else str(error.detail or phrase),
        instance=request.url.path,
        code=code,
        trace_id=getattr(request.state, "trace_id", ""),
    )
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True), status, headers=error.headers, media_type=MEDIA_TYPE
    )


def _told(request: Request, status: int) -> str:
    """What HTTP itself refuses, in a sentence with a way on."""
    if status == HTTPStatus.NOT_FOUND:
        return _NOTHING_HERE
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"This path does not take {request.method}; /docs lists what it takes. Nothing was done."
    return HTTPStatus(status).phrase


def _place(fault: dict[str, Any]) -> Sequence[int | str]:
    """Where it is: a text that cannot be kept is found by looking through the whole body, and says where itself."""
    error = fault.get("ctx", {}).get("error")
    return (*fault["loc"], *error.inside) if isinstance(error, UnstorableText) else tuple(fault["loc"])


def _pointer(location: Sequence[int | str]) -> str:
    where, *rest = location or ("body",)
    path = [str(part) for part in rest]
    if where == "body":
        return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path) if path else "#"
    if where == "query":
        return "?" + ".".join(path)
    return f"{where}:{'.'.join(path)}"


def _code(fault: dict[str, Any]) -> str:
    return "invalid_value" if fault["type"] == "value_error" else str(fault["type"])


def _sentence(fault: dict[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")
