"""What is said when the platform says no: about the money, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from basketry_cli.advice import Advice, advice_on
from basketry_cli.commands.new_index import fixed_weights
from basketry_cli.fractions_typed import percentage
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.terminal import Terminal

POSITION = "46a35814-2209-4640-8259-abe19e56b410"


def told(code: str, http: int = 409, **context: Any) -> Advice:
    advice = advice_on(ApiProblem(http, {"code": code, "detail": "No.", "context": context}))
    assert advice is not None
    return advice


@pytest.mark.parametrize("code", ["plan_already_executed", "plan_already_used"])
def test_a_plan_that_was_traded_is_never_advised_to_be_made_anew(code: str) -> None:
    for stands, words, command in (
        ("taken", "was taken before", "watch"),
        ("under_way", "is trading now", "watch"),
        ("ended", "in the position already", "positions"),
    ):
        advice = told(code, position_id=POSITION, run_id="r", stands=stands)
        assert words in advice.means
        assert "this command added nothing" in advice.means
        assert f"./basketry {command} 46a35814 shows it" in advice.do
        assert "plan:" not in advice.do
        assert "new plan" not in advice.do
    assert "had its order before" in told(code).means, "also where the answer says no more"


def test_an_order_under_way_is_not_passed_over() -> None:
    for code in ("close_already_requested", "run_already_requested"):
        assert "goes on" in told(code).means
        assert "nothing was ordered" not in told(code).means


def test_a_plan_that_no_longer_fits_is_shown_as_it_would_be_now(capsys: pytest.CaptureFixture[str]) -> None:
    plan = {"plan_id": "p-2", "environment": "paper", "kind": "invest", "index_id": "top-3", "amount": "250"}
    advice = told("plan_changed", 412, plan=plan)
    assert "./basketry execute p-2" in advice.do
    Terminal().advise(advice)
    people = capsys.readouterr().err
    assert "Put 250.00 USDT more into top-3" in people
    assert "plan p-2" in people
    Terminal(as_json=True).advise(advice)
    assert json.loads(capsys.readouterr().err)["plan"] == plan
    Terminal(as_json=True).advise(told("plan_not_found", 404))
    assert "plan" not in json.loads(capsys.readouterr().err)


def test_an_amount_that_is_too_small_is_answered_with_what_works() -> None:
    facts = {"minimum_amount": "1774.65", "least_amount": "412.5"}
    assert told("amount_too_small", 422, **facts).do.startswith("plan with 412.50 USDT or more, or a smaller index (")
    assert "such as top-3" in told("amount_too_small", 422, **facts, largest_index="top-3").do
    none = told("amount_too_small", 422, **facts, largest_index=None)
    assert "an index of your own with few coins" in none.do
    assert "1774.65" in told("amount_too_small", 422, minimum_amount="1774.65").do


def test_a_position_that_is_over_is_not_waited_for() -> None:
    over: tuple[dict[str, Any], ...] = (
        {"status": "CLOSED"},
        {"reason": "position_closed"},
        {"reason": "position_failed"},
    )
    for code in ("position_not_closable", "position_busy"):
        for context in over:
            assert "holds nothing any more" in told(code, **context).do, context
        assert "try again when it is ACTIVE" in told(code, status="CLOSING").do
        assert "try again when it is ACTIVE" in told(code, reason="order_unknown").do


def test_a_wish_that_cannot_be_met_says_what_can_be_done() -> None:
    for wish, words in (
        (lambda: fixed_weights(["BTC=60%", "ETH=30%"]), "90.00 %"),
        (lambda: percentage("500", least="0.5", most="50"), "from 0.5 to 50 percent"),
        (lambda: percentage("0.1", least="0.5", most="50"), "from 0.5 to 50 percent"),
    ):
        with pytest.raises(Wish, match=words) as refused:
            wish()
        advice = advice_on(refused.value)
        assert advice is not None
        assert "--help" not in advice.do
    assert percentage("50%", least="0.5", most="50") == "0.5"
