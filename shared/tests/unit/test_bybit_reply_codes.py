"""What each documented code means to us; the documents' own list is read where the recorded data is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.classification import TABLE, ReplyClass, classify
from shared.runtime.bybit.judgement import envelope
from shared.runtime.bybit.outcomes import Accepted, Duplicate, NotOpen, RateLimited, Refused, Unknown

OURS = {"UTA", "Spot Trade", "WS OE General code", "User"}
"""Sections of the documents with codes that orders, queries, streams and keys can meet."""
NOW_MS = 1_700_000_000_000
OUTCOMES = {
    ReplyClass.ACCEPTED: Accepted,
    ReplyClass.REFUSED: Refused,
    ReplyClass.BLIND: Refused,
    ReplyClass.RATE_LIMITED: RateLimited,
    ReplyClass.DUPLICATE: Duplicate,
    ReplyClass.NOT_OPEN: NotOpen,
    ReplyClass.UNKNOWN: Unknown,
}


def documented(folder: Path) -> list[dict[str, str]]:
    with (folder / "bybit_error_codes_docs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judged(status: int, body: object, *, lane: Lane = Lane.BUY) -> object:
    call = Call(lane=lane, recv_window_ms=1500)
    return envelope(call, RawReply(status=status, headers={}, body=json.dumps(body).encode()), NOW_MS)


def test_every_row_names_its_source_and_its_meaning() -> None:
    assert all(verdict.source and verdict.meaning for verdict in TABLE.values())


def test_a_refusal_stands_on_a_source_never_on_a_default() -> None:
    certain = [verdict for verdict in TABLE.values() if verdict.reply_class is not ReplyClass.UNKNOWN]
    assert all(verdict.source != "default" for verdict in certain)


def test_every_documented_code_of_our_endpoints_is_decided(recorded_data: Path) -> None:
    codes = {int(row["code"]) for row in documented(recorded_data) if row["section"] in OURS}
    assert len(codes) == 300
    assert codes - TABLE.keys() == set()


def test_the_table_invents_no_code(recorded_data: Path) -> None:
    codes = {int(row["code"]) for row in documented(recorded_data) if row["section"] in OURS}
    assert TABLE.keys() - codes == set()


def test_codes_of_other_products_prove_nothing(recorded_data: Path) -> None:
    others = {
        int(row["code"])
        for row in documented(recorded_data)
        if row["section"] not in OURS | {"HTTP Code"} and row["code"].lstrip("-").isdigit()
    }
    assert len(others - TABLE.keys()) > 300
    assert {classify(code) for code in others - TABLE.keys()} == {ReplyClass.UNKNOWN}


def test_every_documented_http_status_leaves_the_outcome_open(recorded_data: Path) -> None:
    statuses = [int(row["code"]) for row in documented(recorded_data) if row["section"] == "HTTP Code"]
    assert 429 in statuses
    for status in statuses:
        outcome = judged(status, {"retCode": 10001, "retMsg": "a body is not believed"})
        assert isinstance(outcome, Unknown)
        assert outcome.http_status == status


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("code", sorted(code for code, row in TABLE.items() if row.reply_class is ReplyClass.BLIND))
def test_a_key_that_is_no_longer_taken_may_be_told_as_401(code: int, lane: Lane) -> None:
    outcome = judged(401, {"retCode": code, "retMsg": "text"}, lane=lane)
    assert isinstance(outcome, Refused)
    assert (outcome.blind, outcome.code) == (True, code)


@pytest.mark.parametrize("body", ["", [], {}, {"retCode": 0}, {"retCode": 10001}, {"retCode": 10016}, {"retCode": "x"}])
@pytest.mark.parametrize("lane", [Lane.BUY, Lane.UNWIND])
def test_a_401_without_such_a_code_leaves_an_order_unknown(body: object, lane: Lane) -> None:
    outcome = judged(401, body, lane=lane)
    assert isinstance(outcome, Unknown)
    assert (outcome.reason, outcome.http_status) == ("http_401", 401)


@pytest.mark.parametrize("body", ["", [], {}, {"retCode": 0}, {"retCode": 10016}, {"retCode": "x"}])
@pytest.mark.parametrize("lane", [Lane.CANCEL_QUERY, Lane.POLL])
def test_a_401_tells_a_question_that_the_key_is_no_longer_taken(body: object, lane: Lane) -> None:
    outcome = judged(401, body, lane=lane)
    assert isinstance(outcome, Refused)
    assert outcome.blind
    slow = judged(401, {"retCode": 10002, "retMsg": "time"}, lane=lane)
    assert isinstance(slow, Refused)
    assert not slow.blind


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_reply_becomes_the_outcome_of_its_row(code: int) -> None:
    outcome = judged(200, {"retCode": code, "retMsg": "text", "result": {}})
    assert type(outcome) is OUTCOMES[TABLE[code].reply_class]
    if isinstance(outcome, Refused):
        assert outcome.blind is (TABLE[code].reply_class is ReplyClass.BLIND)


@pytest.mark.parametrize("code", [1, -1022, 170_999, 2_147_483_648])
def test_a_code_that_nobody_documented_is_unknown(code: int) -> None:
    assert code not in TABLE
    assert type(judged(200, {"retCode": code, "retMsg": ""})) is Unknown


@pytest.mark.parametrize(
    "code", [-1, 429, 10000, 10014, 10016, 10019, 10429, 40004, 170001, 170007, 170035, 170146, 170149, 170210]
)
def test_what_may_have_been_done_is_never_called_refused(code: int) -> None:
    assert classify(code) is ReplyClass.UNKNOWN
