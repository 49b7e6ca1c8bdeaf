"""A customer's books at a terminal: limits and the switch, an own index, results and exports, on the real platform."""

from __future__ import annotations

import csv
import json
import secrets
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kit.stage import PASSWORD, Stage
from kit.terminal import answer, at_a_terminal, said

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(300)]
D = Decimal


async def test_limits_switch_own_index_results_and_exports(stage: Stage, tmp_path: Path) -> None:
    home = {
        "BASKETRY_SESSION": str(tmp_path / "session.json"),
        "BASKETRY_GATEWAY": stage.platform.gateway_url,
        "BASKETRY_PASSWORD": PASSWORD,
    }
    email = f"{secrets.token_hex(6)}@example.org"
    answer(home, "login", "--email", email, "--register", "--accept-risk", "--json")
    makes_an_index(home)
    obeys_limits(home)
    await stops_and_goes_on(home)
    position = answer(home, "buy", "two of mine", "400", "--yes", "--json")["position"]
    assert (position["status"], len(position["legs"])) == ("ACTIVE", 2)
    await sees_results(home, position)
    exports(home, await with_every_fill(home, position), tmp_path)


def makes_an_index(home: dict[str, str]) -> None:
    fixed = ("--coin", "BTC=60%", "--coin", "ETH=40%")
    tried = answer(home, "new-index", "two of mine", *fixed, "--preview", "--json")
    made = answer(home, "new-index", "two of mine", *fixed, "--json")
    weights = {one["symbol"]: D(one["weight"]) for one in made["constituents"]}
    assert weights == {"BTCUSDT": D("0.6"), "ETHUSDT": D("0.4")}
    assert [one["symbol"] for one in tried["constituents"]] == [one["symbol"] for one in made["constituents"]]
    assert answer(home, "index", "two of mine", "--json")["index_id"] == made["index_id"], "a name is enough"
    ruled = answer(home, "new-index", "six", "--size", "6", "--exclude", "doge", "--max-weight", "25%", "--json")
    assert len(ruled["constituents"]) == 6
    assert max(D(one["weight"]) for one in ruled["constituents"]) == D("0.25")
    assert "DOGEUSDT" not in {one["symbol"] for one in ruled["constituents"]}


def obeys_limits(home: dict[str, str]) -> None:
    assert answer(home, "limits", "--json")["own"]["hour_max"] is None
    answer(home, "limits", "--hour", "900", "--json")
    both = answer(home, "limits", "--order", "300", "--json")
    assert (D(both["own"]["hour_max"]), D(both["own"]["order_max"])) == (D(900), D(300)), "one is set, the other stays"
    shown = said(home, "limits")
    assert (" PAPER " in shown.stdout, "300.00" in shown.stdout, "Nothing is halted" in shown.stdout) == (True,) * 3
    beyond = said(home, "buy", "two of mine", "800", "--yes")
    assert beyond.returncode == 1
    assert "over a limit" in beyond.stdout
    assert "Nothing was ordered" in beyond.stderr
    looser = said(home, "limits", "--order", "900000000", "--json")
    assert (looser.returncode, json.loads(looser.stderr)["code"]) == (1, "limits_refused")
    assert answer(home, "limits", "--order", "none", "--json")["own"]["order_max"] is None


async def stops_and_goes_on(home: dict[str, str]) -> None:
    thrown = said(home, "halt", "--reason", "I want to look first")
    assert thrown.returncode == 0, thrown.stderr
    assert "Nothing is bought, selling goes on (everywhere)" in " ".join(thrown.stdout.split())
    refused = said(home, "buy", "two of mine", "300", "--yes")
    assert refused.returncode == 1
    assert "halted" in refused.stdout
    assert answer(home, "positions", "--json") == {"items": []}
    [halt] = answer(home, "limits", "--json")["halts"]
    assert (halt["reason"], halt["by_operator"]) == ("I want to look first", False)
    async with at_a_terminal("release", environment=home) as screen:
        await screen.sees("Let trading go on")
        screen.types("y")
        assert await screen.ends() == 0, screen.text
        assert "1 halt is released" in screen.text
        assert "Nothing is halted." in screen.text
    again = said(home, "release", "--yes", "--json")
    assert (again.returncode, json.loads(again.stderr)["code"]) == (1, "halt_not_found")


async def sees_results(home: dict[str, str], position: dict[str, Any]) -> None:
    name = str(position["position_id"])

    def valued() -> dict[str, Any]:
        found: dict[str, Any] = answer(home, "results", name[:8], "--json")
        assert found["totals"] is not None
        assert D(found["totals"]["paid_in"]) == D(position["contributed"])
        return found

    found = await eventually(valued, timeout_s=40, because="the purchase is in the results")
    assert {one["asset"] for one in found["contributions"]} == {"BTC", "ETH"}
    shown = said(home, "results", name[:8], "--range", "7d").stdout
    for words in (" PAPER ", "paid in", "fees", "slippage", "your money", "deepest fall", "yours", "BTC"):
        assert words in shown, shown
    every = answer(home, "results", "--json")["environments"]
    assert [(one["environment"], one["positions"]) for one in every] == [("paper", 1)]
    assert "1 positions" not in (text := said(home, "results").stdout)
    assert " PAPER  1 position, 1 of them open" in text


async def with_every_fill(home: dict[str, str], position: dict[str, Any]) -> dict[str, Any]:
    """The position once all its matches are shown: they are told beside what says that it is bought."""

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = answer(home, "positions", str(position["position_id"]), "--json")
        matched = sum(D(fill["quantity"]) for fill in found["fills"])
        assert matched == sum(D(leg["filled_quantity"]) for leg in found["legs"])
        return found

    return await eventually(shown, timeout_s=40, because="every match is shown")


def exports(home: dict[str, str], position: dict[str, Any], folder: Path) -> None:
    out = folder / "fills.csv"
    told = answer(home, "export", "fills", "--out", str(out), "--json")
    assert (told["format"], told["bytes"]) == ("csv", out.stat().st_size)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with out.open(newline="", encoding="utf-8") as file:
        fills = list(csv.DictReader(file))
    assert {row["exec_id"] for row in fills} == {fill["exec_id"] for fill in position["fills"]}
    orders = answer(home, "export", "orders", "--position", str(position["position_id"])[:8], "--json")
    assert {row["leg_id"] for row in orders} == {leg["leg_id"] for leg in position["legs"]}
    lots = said(home, "export", "lots").stdout.splitlines()
    assert (lots[0].startswith("at,position_id"), len(lots)) == (True, len(fills) + 1)
    assert said(home, "export", "lots", "--out", str(out)).returncode == 2, "nothing is written over unasked"
