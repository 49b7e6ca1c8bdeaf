from __future__ import annotations

import json
from uuid import UUID

import pytest

from gateway.application.ports import FeedMessage
from gateway.inbound.shown import show

WHOLE = {
    "id": "e1",
    "type": "execution.leg_filled",
    "time": "2026-11-21T08:00:00Z",
    "aggregate_id": "leg",
    "aggregate_version": 3,
    "data": {"leg": {"version": 3}},
}


def a_message(body: object) -> FeedMessage:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    subject = f"execution.v1.leg_filled.{UUID(int=1)}.{UUID(int=2)}"
    return FeedMessage(sequence=7, subject=subject, body=text, event_id=None)


def test_an_event_is_shown_by_its_name_with_its_own_parts_alone() -> None:
    shown = show("a", a_message({**WHOLE, "source": "execution", "subject": "s", "correlation_id": "c"}))
    assert shown is not None
    assert (shown.name, shown.id, json.loads(shown.data)) == ("leg_filled", "a-7", WHOLE)


@pytest.mark.parametrize("kind", ["orders.place_basket_order", "account.user_registered", "no.such_event"])
def test_what_is_not_on_the_list_is_not_shown(kind: str) -> None:
    assert show("a", a_message({**WHOLE, "type": kind})) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"",
        b"\xff\xfe{",
        b"[" * 100_000,
        [],
        "text",
        7,
        None,
        {},
        {**WHOLE, "type": ["execution.leg_filled"]},
        {"type": "execution.leg_filled"},
    ],
)
def test_what_is_no_event_is_passed_over(body: object) -> None:
    assert show("a", a_message(body)) is None
