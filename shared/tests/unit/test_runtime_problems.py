"""Errors over HTTP."""

from __future__ import annotations

import json

import pytest
from starlette.requests import Request

from shared.runtime.problems import MEDIA_TYPE, on_platform_error, on_unexpected_error, problem_response, status_of
from shared.runtime.settings import EnvironmentNotOpen, VenueHost, open_host
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
from shared.trading.status import VenueEnvironment

REQUEST = Request({"type": "http", "method": "GET", "path": "/api/plans", "headers": [], "query_string": b""})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid(), 422),
        (Invalid(code="malformed_request"), 400),
        (Invalid(code="idempotency_key_missing"), 428),
        (NotFound(), 404),
        (Denied(), 403),
        (Denied(code="token_expired"), 401),
        (Denied(code="credentials_wrong"), 401),
        (Conflict(), 409),
        (Throttled(), 429),
        (Unavailable(), 503),
        (OutcomeUnknown(), 202),
        (PlatformError(), 500),
    ],
)
def test_status_by_family(error: PlatformError, status: int) -> None:
    assert status_of(error) == status


async def test_a_problem_tells_what_where_and_when_to_come_back() -> None:
    answer = await on_platform_error(REQUEST, Throttled("Slow down.", retry_after_s=1.2, context={"limit": "5"}))
    assert answer.media_type == MEDIA_TYPE
    assert answer.headers["retry-after"] == "2"
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:problem:throttled",
        "title": "Too many requests",
        "status": 429,
        "detail": "Slow down.",
        "instance": "/api/plans",
        "code": "throttled",
        "context": {"limit": "5"},
    }


async def test_the_unexpected_keeps_its_details_to_itself() -> None:
    answer = await on_unexpected_error(REQUEST, ValueError("CANARY"))
    assert answer.status_code == 500
    assert b"CANARY" not in answer.body
    assert b"CANARY" not in problem_response(PlatformError("CANARY", context={"a": "CANARY"}), REQUEST).body


def test_live_trading_has_a_name_of_its_own_when_it_is_off() -> None:
    paper = VenueHost(rest="http://127.0.0.1:8090", private_stream="ws://x", public_stream="ws://y")
    hosts = {VenueEnvironment.PAPER: paper}
    assert open_host(hosts, VenueEnvironment.PAPER) is paper
    with pytest.raises(EnvironmentNotOpen) as caught:
        open_host(hosts, VenueEnvironment.MAINNET)
    assert caught.value.code == "mainnet_not_enabled"
    with pytest.raises(EnvironmentNotOpen) as caught:
        open_host(hosts, VenueEnvironment.DEMO)
    assert caught.value.code == "environment_not_enabled"
