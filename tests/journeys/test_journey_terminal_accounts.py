"""A customer's accounts at a terminal: keys, play money, what moved beside us, and coins that are missing."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kit.by_hand import with_a_key_of_their_own
from kit.stage import PASSWORD, Stage, operator_header
from kit.terminal import answer, at_a_terminal, said

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(600)]
D = Decimal
Home = dict[str, str]
STAGE_SETTINGS = {"RECONCILER_SLOT_S": "6", "RECONCILER_QUIET_S": "2"}
"""Accounts are compared every six seconds, not every five minutes."""


async def test_keys_play_money_missing_coins_and_what_happened(stage: Stage, tmp_path: Path) -> None:
    home = {
        "BASKETRY_SESSION": str(tmp_path / "session.json"),
        "BASKETRY_GATEWAY": stage.platform.gateway_url,
        "BASKETRY_PASSWORD": PASSWORD,
    }
    answer(home, "login", "--email", f"{secrets.token_hex(6)}@example.org", "--register", "--accept-risk", "--json")
    has_play_money(home)
    venue = await connects_an_account(stage, home)
    await types_a_secret_that_nobody_sees(stage, home)
    await misses_coins_and_says_why(stage, home, venue["uid"])
    sentences = [line["sentence"] for line in answer(home, "activity", "--limit", "200", "--json")["items"]]
    assert len(sentences) >= 5
    assert any("BTC" in sentence for sentence in sentences), sentences
    assert sentences[0] in " ".join(said(home, "activity").stdout.split())
    assert len(answer(home, "activity", "--limit", "2", "--json")["items"]) == 2


def has_play_money(home: Home) -> None:
    assert answer(home, "keys", "--json") == {"items": []}
    assert "keys --paper" in said(home, "keys").stdout
    opened = answer(home, "keys", "--paper", "Play money", "--balance", "3000", "--json")
    assert (opened["environment"], opened["status"]) == ("paper", "active")
    beyond = said(home, "plan", "top-5", "3001")
    assert beyond.returncode == 1
    assert "keys --paper" in beyond.stderr, "nobody moves play money at Bybit"
    assert "Unified" not in beyond.stderr


async def at_the_venue(stage: Stage) -> dict[str, Any]:
    """An account that the customer has made there themselves."""
    made = await stage.venue.post("/paper/v1/accounts", json={"balances": {"USDT": "5000"}})
    found: dict[str, Any] = made.raise_for_status().json()
    return found


async def connects_an_account(stage: Stage, home: Home) -> dict[str, Any]:
    venue = await at_the_venue(stage)
    adds = ("keys", "--add", "mine there", "--environment", "paper", "--api-key", venue["api_key"])
    wrong = said(home, *adds, "--json", piped="x" * 36 + "\n")
    told = json.loads(wrong.stderr)
    assert (wrong.returncode, told["code"]) == (1, "key_rejected_by_venue")
    assert "secret" in told["do"]
    assert "nothing was ordered" in told["means"]
    none = said(home, *adds)
    assert (none.returncode, "stdin" in none.stderr) == (2, True)
    stored = said(home, *adds, piped=venue["api_secret"] + "\n")
    assert stored.returncode == 0, stored.stderr
    assert venue["api_secret"] not in stored.stdout + stored.stderr
    assert "mine there" in stored.stdout
    known = answer(home, "keys", "--json")["items"]
    assert [one["label"] for one in known] == ["mine there", "Play money"]
    checked = answer(home, "keys", "mine there", "--check", "--json")
    assert (checked["status"], checked["venue_uid"]) == ("active", venue["uid"])
    shown = said(home, "keys").stdout
    assert ("mine there" in shown, "✓ active" in shown, "PAPER" in shown) == (True, True, True)
    return venue


async def types_a_secret_that_nobody_sees(stage: Stage, home: Home) -> None:
    venue = await at_the_venue(stage)
    async with at_a_terminal("keys", "--add", "typed", "--environment", "paper", environment=home) as screen:
        await screen.sees("API key: ")
        screen.types(venue["api_key"])
        await screen.sees("API secret: ")  # the blank comes when nothing typed is shown any more
        screen.types(venue["api_secret"])
        assert await screen.ends() == 0, screen.text
        assert venue["api_secret"] not in screen.text
    async with at_a_terminal("keys", "typed", "--delete", environment=home) as screen:
        await screen.sees("Destroy the key 'typed'?")
        screen.types("n")
        assert await screen.ends() == 1
    gone = answer(home, "keys", "typed", "--delete", "--yes", "--json")
    assert set(gone) == {"deleted"}
    assert [one["label"] for one in answer(home, "keys", "--json")["items"]] == ["mine there", "Play money"]
    assert said(home, "keys", "typed").returncode == 2


async def misses_coins_and_says_why(stage: Stage, home: Home, uid: str) -> None:
    bought = answer(home, "buy", "top-5", "1000", "--account", "mine there", "--yes", "--json")["position"]
    assert bought["status"] == "ACTIVE"
    assert "No coins are missing" in said(home, "shortages").stdout
    owner = await with_a_key_of_their_own(stage.platform.exchange_url, uid, operator_header(stage.platform))
    held = next(D(leg["filled_quantity"]) for leg in bought["legs"] if leg["symbol"] == "BTCUSDT")
    sold = (held / 4).quantize(D("0.000001"))
    await owner.trades("BTCUSDT", "Sell", f"{sold:f}")

    def missing() -> dict[str, Any]:
        [one] = answer(home, "shortages", "--json")["items"] or [None]
        assert one is not None, "not found yet"
        found: dict[str, Any] = one
        return found

    short = await eventually(missing, timeout_s=180, every_s=1, because="the shortage is found")
    assert (short["asset"], short["state"], [one["position_id"] for one in short["shares"]]) == (
        "BTC",
        "open",
        [bought["position_id"]],
    )
    words = " ".join(said(home, "shortages").stdout.split())
    assert f"{short['quantity']} BTC missing" in words
    assert "shortages BTC --how sold" in words
    assert said(home, "shortages", "ETH", "--how", "sold", "--yes").returncode == 2
    told = answer(home, "shortages", "btc", "--how", "sold", "--yes", "--json")
    assert (told["state"], told["how"]) == ("resolved", "sold")
    assert said(home, "shortages", "BTC", "--how", "sold", "--yes").returncode == 2, "nothing is missing any more"

    def moved() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = answer(home, "flows", "mine there", "--json")["items"]
        assert any(one["kind"] == "trade" and D(one["amount"]) == -sold for one in found), found
        return found

    await eventually(moved, timeout_s=180, every_s=1, because="the trade by hand is told")
    shown = said(home, "flows", "mine there").stdout
    assert ("traded by you" in shown, f"-{sold:f} BTC" in shown) == (True, True), shown
