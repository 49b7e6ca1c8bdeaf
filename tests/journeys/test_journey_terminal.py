"""A customer's day at a terminal: the real program behind a pseudo terminal, against the real platform."""

from __future__ import annotations

import json
import re
import secrets
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from kit.stage import PASSWORD, Stage
from kit.terminal import answer, at_a_terminal, said

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def at_home(stage: Stage, tmp_path: Path) -> dict[str, str]:
    """A user's own settings."""
    session = str(tmp_path / "config" / "session.json")
    return {"BASKETRY_SESSION": session, "BASKETRY_GATEWAY": stage.platform.gateway_url}


async def test_sign_up_plan_buy_watch_and_sell(at_home: dict[str, str]) -> None:
    email = f"{secrets.token_hex(6)}@example.org"
    async with at_a_terminal("login", "--register", environment=at_home) as screen:
        await screen.sees("Email")
        screen.types(email)
        await screen.sees("Password: ")  # the blank comes when nothing typed is shown any more
        screen.types(PASSWORD)
        await screen.sees("Once more: ")
        screen.types(PASSWORD)
        await screen.sees("accept it?")
        screen.types("y")
        assert await screen.ends() == 0, screen.text
        assert PASSWORD not in screen.text
    session = Path(at_home["BASKETRY_SESSION"])
    assert stat.S_IMODE(session.stat().st_mode) == 0o600

    async with at_a_terminal("plan", "top-10", "1000", environment=at_home) as screen:
        assert await screen.ends() == 0, screen.text
        for words in ("PAPER", "check", "price", "fee", "BTCUSDT", "ok", "minimum", "stands until", "nothing was sent"):
            assert words in screen.text

    async with at_a_terminal("buy", "top-10", "1000", environment=at_home) as screen:
        await screen.sees("Place 10 PAPER orders")
        screen.types("n")
        assert await screen.ends() == 1
    assert answer(at_home, "positions", "--json") == {"items": []}, "no is no"

    async with at_a_terminal("buy", "top-10", "1000", environment=at_home) as screen:
        await screen.sees("Place 10 PAPER orders")
        screen.types("y")
        await screen.sees("bought for", timeout_s=90)  # legs may fill and the position settle between two redraws
        assert await screen.ends() == 0, screen.text
        assert screen.redraws >= 2, "the table is drawn again in the same place"
    [position] = answer(at_home, "positions", "--json")["items"]
    assert (position["status"], position["complete"]) == ("ACTIVE", True)
    name = str(position["position_id"])

    async with at_a_terminal("watch", environment=at_home) as screen:
        await eventually(lambda: len(values(screen.text)) >= 3, timeout_s=60, because="the table follows the market")
        assert screen.redraws >= 3
        screen.presses_ctrl_c()
        assert await screen.ends() == 0
    assert {"▁", "█"} & set(screen.text), "a sparkline of what was seen"
    assert "│" in screen.text, "and drift bars"

    async with at_a_terminal("positions", name[:8], environment=at_home) as screen:
        assert await screen.ends() == 0
        assert name in screen.text
        assert "points" in screen.text

    async with at_a_terminal("plan", "--rebalance", name[:8], environment=at_home) as screen:
        assert await screen.ends() == 0, screen.text
        assert "Nothing to do" in screen.text

    more = answer(at_home, "plan", "--invest", name[:8], "800", "--json")
    async with at_a_terminal("execute", more["plan_id"], environment=at_home) as screen:
        await screen.sees(" PAPER orders")
        screen.types("y")
        assert await screen.ends() == 0, screen.text
        assert screen.redraws >= 2
    grown = answer(at_home, "positions", name, "--json")
    assert Decimal(grown["invested"]) > Decimal(position["invested"]) + 700

    less = answer(at_home, "plan", "--withdraw", name[:8], "300", "--json")
    paid = answer(at_home, "execute", less["plan_id"], "--yes", "--json")["position"]
    assert Decimal(280) < Decimal(paid["withdrawn"]) <= Decimal(300)

    plan = answer(at_home, "plan", "--close", name[:8], "--json")
    async with at_a_terminal("execute", plan["plan_id"], "--yes", environment=at_home) as screen:
        assert await screen.ends() == 0, screen.text
        assert "CLOSED" in screen.text
        assert re.search(r"sold for [\d,]+\.\d\d USDT", screen.text), screen.text[-2000:]
    assert answer(at_home, "positions", name, "--json")["status"] == "CLOSED"


async def test_refusals_say_what_they_mean_and_how_they_ended(stage: Stage, at_home: dict[str, str]) -> None:
    nobody = said(at_home, "positions")
    assert (nobody.returncode, nobody.stdout) == (3, "")
    assert "./basketry login" in nobody.stderr

    email = f"{secrets.token_hex(6)}@example.org"
    known = {**at_home, "BASKETRY_PASSWORD": PASSWORD}
    answer(known, "login", "--email", email, "--register", "--accept-risk", "--json")
    wrong = said({**known, "BASKETRY_PASSWORD": "wrong wrong wrong"}, "login", "--email", email)
    assert (wrong.returncode, PASSWORD in wrong.stderr) == (3, False)

    small = said(at_home, "buy", "top-10", "5", "--yes")
    assert small.returncode == 1
    assert "nothing was ordered" in small.stderr
    assert re.search(r"plan with \d+\.\d\d USDT or more", small.stderr), small.stderr
    told = json.loads(said(at_home, "plan", "top-11", "100", "--json").stderr)
    assert (told["code"], bool(told["trace_id"])) == ("unknown_index", True)
    assert said(at_home, "buy", "top-10", "100", "--json").returncode == 2, "nobody could be asked"
    assert said(at_home, "watch", "0000").returncode == 2
    away = said({**at_home, "BASKETRY_GATEWAY": "http://127.0.0.1:9"}, "positions")
    assert away.returncode == 3, "the session of one gateway is never shown to another"
    assert answer(at_home, "positions", "--json") == {"items": []}


async def test_programs_get_one_object_and_nothing_else(at_home: dict[str, str]) -> None:
    known = {**at_home, "BASKETRY_PASSWORD": PASSWORD}
    email = f"{secrets.token_hex(6)}@example.org"
    assert answer(known, "login", "--email", email, "--register", "--accept-risk", "--json")["email"] == email
    assert len(answer(at_home, "index", "--json")["items"]) >= 3
    assert answer(at_home, "index", "top-5", "--json")["index_id"] == "top-5"
    bought = answer(at_home, "buy", "top-5", "300", "--yes", "--json")
    assert (bought["plan"]["kind"], bought["position"]["status"]) == ("buy", "ACTIVE")
    again = said(at_home, "execute", bought["plan"]["plan_id"], "--yes", "--json")
    assert (again.returncode, json.loads(again.stderr)["code"]) == (1, "plan_already_used"), "a plan trades once"
    assert len(answer(at_home, "positions", "--json")["items"]) == 1


def values(text: str) -> set[str]:
    """The different totals that were drawn."""
    return set(re.findall(r"held ([\d,.]+) USDT", text))
