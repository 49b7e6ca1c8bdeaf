from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.gateway_builders import a_known_position

from gateway.domain.account_flow import shortage_sentence
from gateway.domain.activity import ActivityEntry, named, position_sentence
from gateway.inbound import openapi
from gateway.inbound.api import SHORT, create_app
from gateway.inbound.http.models import BadCursor, cursor_of, position_in
from gateway.inbound.limits import Limits, TooMany
from gateway.inbound.shown import SHOWN
from shared.trading.status import PositionStatus

ROOT = Path(__file__).parents[4]
MINE = UUID("0badcafe-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "top-10 (0badcafe) is bought for 249.10 USDT."),
        (
            {"complete": False, "reasons": ["SOLUSDT: price_band"]},
            "top-10 (0badcafe) is bought for 249.10 USDT, but not every part of it (SOLUSDT: price_band).",
        ),
        (
            {
                "blocked_reason": "SOLUSDT:halted",
                "run_kind": "close",
                "reasons": ["SOLUSDT:halted", "XRPUSDT:price_band"],
            },
            "top-10 (0badcafe) could not be sold and stays open: SOLUSDT:halted, XRPUSDT:price_band.",
        ),
        (
            {"blocked_reason": "SOLUSDT:halted", "run_kind": "close", "withdrawn": Decimal(200)},
            (
                "top-10 (0badcafe) was sold only in part: 200.00 USDT were paid out of it so far, and the rest stays "
                "open (SOLUSDT:halted)."
            ),
        ),
        ({"blocked_reason": "plan_expired"}, "top-10 (0badcafe) could not be traded as ordered: plan_expired."),
        ({"status": PositionStatus.EXECUTING}, "Buying top-10 (0badcafe) for up to 250.00 USDT has started."),
        (
            {"status": PositionStatus.FAILED, "reasons": ["no_price"]},
            "Nothing of top-10 (0badcafe) was bought: no_price.",
        ),
        (
            {"status": PositionStatus.CLOSED, "proceeds": Decimal("251.5")},
            "top-10 (0badcafe) is sold; its sales brought 251.50 USDT.",
        ),
        (
            {"status": PositionStatus.CLOSED, "proceeds": Decimal("790.6593793698"), "withdrawn": Decimal("791.06")},
            "top-10 (0badcafe) is sold; its sales brought 790.66 USDT in all, 791.06 USDT were paid out of it.",
        ),
        (
            {"status": PositionStatus.REBALANCING, "run_kind": "invest"},
            "Putting more money into top-10 (0badcafe) has started.",
        ),
        (
            {"run_kind": "rebalance", "complete": False, "reasons": ["SOLUSDT:price_band"]},
            "top-10 (0badcafe) is back at its targets, but not every order went through (SOLUSDT:price_band).",
        ),
        (
            {"run_kind": "withdraw", "complete": True, "withdrawn": Decimal("99.5")},
            "Money was taken out of top-10 (0badcafe): 99.50 USDT so far.",
        ),
    ],
)
def test_the_feed_says_what_happened(facts: dict[str, Any], sentence: str) -> None:
    assert position_sentence(a_known_position(position_id=MINE, **facts)) == sentence


@pytest.mark.parametrize(
    ("index_id", "sentence", "shown"),
    [
        ("top-10", "All weights are in their band.", "top-10 (0badcafe): All weights are in their band."),
        ("top-10", "top-10 (0badcafe) is sold.", "top-10 (0badcafe) is sold."),
        (None, "Order x needs a person.", "position 0badcafe: Order x needs a person."),
    ],
)
def test_every_line_about_a_position_names_it_once(index_id: str | None, sentence: str, shown: str) -> None:
    about: dict[str, Any] = {
        "event_id": uuid4(),
        "user_id": uuid4(),
        "at": datetime(2026, 11, 21, tzinfo=UTC),
        "type": "x",
    }
    line = ActivityEntry(**about, sentence=sentence, position_id=MINE)
    assert named(line, index_id).sentence == shown
    assert named(replace(line, position_id=None), None).sentence == sentence


def test_a_cursor_comes_back_as_it_was_and_nonsense_is_refused() -> None:
    at, name = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC), uuid4()
    assert position_in(cursor_of(at, name)) == (at, name)
    assert position_in(None) is None
    for nonsense in ("", "x", "é", "bm9wZQ", "WzEsMl0", "W10", "bnVsbA"):
        with pytest.raises(BadCursor):
            position_in(nonsense)


async def test_a_full_window_is_refused_for_its_caller_alone() -> None:
    limits = Limits({"trade": "2/minute"})
    assert (await limits.hit("trade", "ada")).remaining == 1
    assert (await limits.hit("trade", "ada")).remaining == 0
    with pytest.raises(TooMany) as refused:
        await limits.hit("trade", "ada")
    assert 1 <= refused.value.retry_after_s <= 60
    assert (await limits.hit("trade", "bob")).remaining == 1


def test_browsers_see_states_and_never_commands() -> None:
    assert {"execution.leg_filled", "portfolio.pnl_updated", "account.key_suspended"} <= set(SHOWN)
    assert not [name for name in SHOWN if name.startswith(("orders.", "tasks.", "market."))]
    assert "account.user_registered" not in SHOWN


def test_the_committed_description_is_the_apis_own() -> None:
    assert (ROOT / openapi.DOCUMENT).read_text(encoding="utf-8") == openapi.text()


def test_every_operation_has_one_stable_name_and_declares_its_problems() -> None:
    document = json.loads(openapi.text())
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    for operation in operations:
        answers = operation["responses"]
        assert {"422", "429", "500", "503"} <= set(answers), operation["operationId"]
        for status, answer in answers.items():
            if status >= "400" and operation["operationId"] != "system_health":
                assert "application/problem+json" in answer["content"], (operation["operationId"], status)
        if operation.get("security"):
            assert "401" in answers, operation["operationId"]
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]


def test_amounts_are_text_in_the_description() -> None:
    schemas = json.loads(openapi.text())["components"]["schemas"]
    amount = schemas["OpenAsk"]["properties"]["amount"]["anyOf"][0]
    assert (amount["type"], amount["format"]) == ("string", "decimal")
    assert schemas["LegAnswer"]["properties"]["filled_quantity"]["type"] == "string"


def test_the_short_spellings_are_served_but_not_described() -> None:
    assert not set(SHORT) & set(create_app().openapi()["paths"])


def test_only_coins_that_came_back_are_told_as_back() -> None:
    assert shortage_sentence("USDT", Decimal(20), "resolved", "returned") == "20 USDT are back."
    covered = shortage_sentence("USDT", Decimal(20), "resolved", "covered")
    assert covered.startswith("20 USDT are not missing any more: your positions have traded or ended since")
    assert shortage_sentence("BTC", Decimal(1), "resolved", "sold") == "1 BTC left the positions' books: sold."
