"""Text that no database can keep, moments that no calendar has, words that nobody knows: refused at the door, by name."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from kit.gateway_builders import ACCOUNT

pytestmark = pytest.mark.integration

NUL, HALF = "\x00", "\ud800"
RULES = {"size": 3, "weighting": "equal"}
BUY = {"amount": "300", "account_id": str(ACCOUNT)}
KEY = {"label": "k", "environment": "paper", "api_key": "abcdefgh", "api_secret": "abcdefghij"}


def refused(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    return body


def cursor(at: str, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, name]).encode()).decode()


@pytest.mark.parametrize("letter", [NUL, HALF])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/plans", {**BUY, "index": "top-5?"}),
        ("/api/positions", {**BUY, "index": "top-5?"}),
        ("/api/plans", {"position_id": str(uuid4()), "kind": "rebalance", "options": {"exclude": ["BTCUSDT?"]}}),
        ("/api/indices", {"name": "mine?", "rules": RULES}),
        ("/api/indices", {"name": "mine", "description": "?", "rules": RULES}),
        ("/api/account/register", {"email": "a@example.org", "password": "violet lantern?", "risk_accepted": True}),
        ("/api/account/login", {"email": "a@example.org", "password": "violet lantern?"}),
        ("/api/keys", {**KEY, "api_secret": "abcdefghij?"}),
        ("/api/kill-switch", {"reason": "?"}),
    ],
)
async def test_text_that_cannot_be_kept_is_refused_where_it_stands(
    house: Any, ada: UUID, path: str, body: dict[str, Any], letter: str
) -> None:
    raw = json.dumps(body).replace("?", json.dumps(letter).strip('"'))
    headers = {**house.headers(ada, str(uuid4())), "content-type": "application/json"}
    told = refused(await house.http.post(path, content=raw, headers=headers))
    assert "violet" not in str(told)
    assert "abcdefghij" not in str(told)


async def test_the_place_of_such_a_text_is_named(house: Any, ada: UUID) -> None:
    body = {"position_id": str(uuid4()), "kind": "rebalance", "options": {"exclude": ["BTCUSDT", NUL]}}
    told = refused(await house.http.post("/api/plans", json=body, headers=house.headers(ada)))
    assert [one["pointer"] for one in told["errors"]] == ["#/options/exclude/1"]


async def test_a_body_as_deep_as_can_be_is_no_trouble(house: Any, ada: UUID) -> None:
    deep = '{"index": ' + "[" * 900 + "]" * 900 + "}"
    headers = {**house.headers(ada), "content-type": "application/json"}
    refused(await house.http.post("/api/plans", content=deep, headers=headers))


@pytest.mark.parametrize("rest", ["", "/versions", "/level", "/diff"])
async def test_an_index_that_cannot_be_looked_up_is_refused(house: Any, ada: UUID, rest: str) -> None:
    refused(await house.http.get(f"/api/indices/{quote(NUL)}{rest}", headers=house.headers(ada)))


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
async def test_a_moment_beyond_every_calendar_is_refused(house: Any, ada: UUID, moment: str) -> None:
    headers = house.headers(ada)
    refused(await house.http.get(f"/api/indices/top-5/level?since={quote(moment)}", headers=headers))
    for path in ("/api/positions", "/api/activity", f"/api/accounts/{uuid4()}/flows"):
        told = refused(await house.http.get(path, params={"cursor": cursor(moment, str(uuid4()))}, headers=headers))
        assert told["code"] == "cursor_invalid"


async def test_a_cursor_with_half_a_letter_is_refused(house: Any, ada: UUID) -> None:
    params = {"cursor": cursor("2026-11-20T12:00:00Z", HALF)}
    path = f"/api/accounts/{uuid4()}/flows"
    told = refused(await house.http.get(path, params=params, headers=house.headers(ada)))
    assert told["code"] == "cursor_invalid"


@pytest.mark.parametrize("name", [" ", "\n", "\u202egnp"])
async def test_a_name_that_nobody_can_read_is_refused(house: Any, ada: UUID, name: str) -> None:
    told = refused(
        await house.http.post("/api/indices", json={"name": name, "rules": RULES}, headers=house.headers(ada))
    )
    assert [one["pointer"] for one in told["errors"]] == ["#/name"]


async def test_a_misspelled_choice_about_a_rebalance_is_refused(house: Any, ada: UUID) -> None:
    body = {"position_id": str(uuid4()), "kind": "rebalance", "options": {"mod": "buy_only"}}
    told = refused(await house.http.post("/api/plans", json=body, headers=house.headers(ada)))
    assert [one["pointer"] for one in told["errors"]] == ["#/options/mod"]
