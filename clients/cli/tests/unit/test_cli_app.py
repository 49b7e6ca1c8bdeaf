"""Commands as a person types them, before anything is asked of a gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from basketry_cli.app import app
from basketry_cli.fractions_typed import fraction
from basketry_cli.gateway import Tokens
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.session_file import SessionFile

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASKETRY_SESSION", str(tmp_path / "session.json"))
    monkeypatch.delenv("BASKETRY_PASSWORD", raising=False)
    monkeypatch.delenv("BASKETRY_GATEWAY", raising=False)
    SessionFile().keep(NOBODY, Tokens(access="a", refresh="r"), current=True)


def typed(*words: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, words, input=answers)


def test_an_amount_below_zero_is_no_option() -> None:
    for words in (("plan", "top-5", "-40"), ("buy", "top-5", "-0.5"), ("plan", "--invest", "46a3", "-1,000")):
        told = typed(*words)
        assert told.exit_code == 2
        assert f"{words[-1]} is not above zero" in told.stderr


def test_whom_nobody_can_ask_hears_what_to_say_instead() -> None:
    for words, instead in (
        (("login",), "--email"),
        (("login", "--email", "ada@example.org"), "BASKETRY_PASSWORD"),
        (("login", "--json", "--email", "ada@example.org"), "BASKETRY_PASSWORD"),
        (("login", "--register", "--email", "ada@example.org", "--password", "p" * 12), "--accept-risk"),
        (("release",), "--yes"),
        (("release", "--json"), "--yes"),
    ):
        told = typed(*words)
        assert (told.exit_code, instead in told.stderr) == (2, True), (words, told.stderr)
        assert "Aborted" not in told.stderr
    assert typed("release", answers="n\n").exit_code == 1, "no is an answer"


def test_an_address_that_is_none_is_not_taken_for_a_missing_session() -> None:
    for address in ("127.0.0.1:8080", "ftp://127.0.0.1", "http://", "nonsense"):
        told = typed("positions", "--gateway", address, "--json")
        assert told.exit_code == 2
        assert "no address of a gateway" in json.loads(told.stderr)["error"]
    assert typed("positions").exit_code == 4, "an address at which nobody answers"
    elsewhere = typed("positions", "--gateway", "http://127.0.0.1:7", "--json")
    assert (elsewhere.exit_code, "nothing answers there" in json.loads(elsewhere.stderr)["error"]) == (3, True)


def test_a_plan_is_named_by_its_id() -> None:
    told = typed("execute", "nonsense")
    assert (told.exit_code, "'nonsense' is no id of a plan" in told.stderr) == (2, True)
    assert "./basketry plan" in told.stderr


def test_an_index_from_options_is_understood_before_anything_is_sent() -> None:
    for words, why in (
        ((), "--size 8"),
        (("--size", "5", "--coin", "BTC=100%"), "--size 8"),
        (("--coin", "BTC"), "BTC=60%"),
        (("--coin", "BTC=60%", "--coin", "ETH=30%"), "exactly 100 %"),
        (("--size", "5", "--max-weight", "30"), "30% or 0.3"),
        (("--size", "5", "--cash", "NaN%"), "30% or 0.3"),
    ):
        told = typed("new-index", "mine", *words)
        assert (told.exit_code, why in told.stderr) == (2, True), (words, told.stderr)
    assert (fraction("30%"), fraction("0.3"), fraction("33.3333%"), fraction("100%")) == ("0.3", "0.3", "0.333333", "1")
    with pytest.raises(Wish):
        fraction("-1%")


def test_an_export_writes_over_nothing_unasked(tmp_path: Path) -> None:
    kept = tmp_path / "fills.csv"
    kept.write_text("mine")
    told = typed("export", "fills", "--out", str(kept))
    assert (told.exit_code, "--force" in told.stderr, kept.read_text()) == (2, True, "mine")
    away = typed("export", "fills", "--out", str(kept), "--force")
    assert (away.exit_code, kept.read_text()) == (4, "mine"), "the old file stays until the new one is whole"
    assert list(tmp_path.glob(".fills*")) == []


def test_environments_have_their_names() -> None:
    told = typed("limits", "--environment", "mars")
    assert (told.exit_code, "mainnet" in told.stderr) == (2, True)


def test_every_command_says_what_it_does_in_one_line() -> None:
    lines = typed("--help").stdout.splitlines()
    assert [line for line in lines if line.endswith("...")] == ["Usage: root [OPTIONS] COMMAND [ARGS]..."]


def test_a_pointer_into_a_body_stays_inside() -> None:
    assert str(ApiProblem(422, {"detail": '#/amount: "abc" is not a number.'})) == 'amount: "abc" is not a number.'
