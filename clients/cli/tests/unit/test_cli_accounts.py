"""Keys, flows, activity and shortages as a person types and reads them; lists are read to their end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner, Result

from basketry_cli.advice import advice_on
from basketry_cli.app import app
from basketry_cli.choosing import position_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Tokens
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.session_file import SessionFile
from basketry_cli.views.accounts import activity_view, flows_view, shortages_view
from basketry_cli.views.keys import key_view, keys_view

Json = dict[str, Any]
NOBODY = "http://127.0.0.1:9"
KEY: Json = {
    "key_id": "46a35814-2209-4640-8259-abe19e56b410",
    "label": "main",
    "environment": "testnet",
    "venue_uid": "1001",
    "hint": "abcd…wxyz",
    "permissions": {"Spot": ["SpotTrade"], "Wallet": []},
    "read_only": False,
    "ips": [],
    "days_left": 9,
    "status": "active",
    "status_reason": None,
    "warnings": ["no_ip_binding"],
    "checked_at": "2026-11-21T04:00:00Z",
    "last_used_at": None,
}
SHORTAGE: Json = {
    "shortage_id": "1",
    "account_id": KEY["key_id"],
    "asset": "BTC",
    "quantity": "0.5",
    "state": "open",
    "how": None,
    "shares": [{"position_id": "99999999-0000-4000-8000-000000000000", "quantity": "0.5"}],
    "found_at": "2026-11-21T03:00:00Z",
}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASKETRY_SESSION", str(tmp_path / "session.json"))
    monkeypatch.delenv("BASKETRY_GATEWAY", raising=False)
    SessionFile().keep(NOBODY, Tokens(access="a", refresh="r"), current=True)


def typed(*words: str, piped: str = "") -> Result:
    return CliRunner().invoke(app, words, input=piped)


def drawn(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=110, force_terminal=False, color_system=None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Pages:
    """A gateway with a list of 450 positions, and what it was asked."""

    def __init__(self, *, endless: bool = False) -> None:
        self.rows = [{"position_id": f"{number:08d}-0000-4000-8000-000000000000"} for number in range(450)]
        self.endless = endless
        self.asked: list[httpx.URL] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        if request.url.path != "/api/positions":
            return httpx.Response(200, json={"position_id": request.url.path.rsplit("/", 1)[1]})
        start, limit = int(request.url.params.get("cursor", "0")), int(request.url.params["limit"])
        page, after = self.rows[start : start + limit], start + limit
        more = self.endless or after < len(self.rows)
        return httpx.Response(200, json={"items": page, "next_cursor": str(after) if more else None})


def a_client(pages: Pages) -> GatewayClient:
    client = GatewayClient(NOBODY)
    client._http = httpx.AsyncClient(base_url=NOBODY, transport=httpx.MockTransport(pages.answer))
    return client


async def test_a_position_is_found_on_whichever_page_it_stands() -> None:
    pages = Pages()
    async with a_client(pages) as client:
        assert len(await client.positions()) == 450
        found = await position_meant(client, "00000449")
        assert found["position_id"] == pages.rows[449]["position_id"]
        with pytest.raises(Wish):
            await position_meant(client, "00000450")
        with pytest.raises(Wish, match="10 of your positions"):
            await position_meant(client, "0000044")


async def test_a_list_is_read_as_far_as_it_is_wanted_and_always_ends() -> None:
    pages = Pages(endless=True)
    async with a_client(pages) as client:
        assert len(await client.positions()) == 450, "a page without items is the last"
        pages.asked.clear()
        assert len(await client._pages("/api/positions", 250)) == 250
    assert [url.params["limit"] for url in pages.asked] == ["200", "50"]


def test_a_secret_is_never_an_argument_and_wrong_words_send_nothing() -> None:
    assert "secret" not in " ".join(
        line.split("  ")[0] for line in typed("keys", "--help").stdout.splitlines() if "--" in line
    )
    adds = ("keys", "--add", "main")
    for words, why in (
        (("keys", "--check"), "name the key"),
        (("keys", "--delete"), "name the key"),
        (("keys", "--paper", "y", "--add", "x"), "one thing at a time"),
        (("keys", "main", "--paper", "y"), "takes no key"),
        (("keys", "--balance", "5"), "--paper"),
        (adds, "--environment"),
        ((*adds, "--environment", "mars"), "mainnet"),
        ((*adds, "--environment", "testnet"), "--api-key"),
        ((*adds, "--environment", "testnet", "--api-key", "k"), "stdin"),
        (("shortages", "BTC"), "--how"),
        (("shortages", "--how", "sold"), "which coin"),
        (("shortages", "BTC", "--how", "lost"), "will_return"),
        (("flows", "--limit", "0"), "--limit"),
    ):
        told = typed(*words)
        assert (told.exit_code, why in told.stderr) == (2, True), (words, told.stderr)


def test_with_everything_said_it_is_sent() -> None:
    """Nobody answers here: status 4 says that it was tried."""
    for words, piped in (
        (("keys",), ""),
        (("keys", "--paper", "more", "--balance", "5000"), ""),
        (("keys", "--add", "main", "--environment", "testnet", "--api-key", "k"), "s3cret\n"),
        (("activity", "--limit", "5"), ""),
        (("flows",), ""),
        (("shortages",), ""),
        (("shortages", "btc", "--how", "will_return", "--yes"), ""),
    ):
        told = typed(*words, "--json", piped=piped)
        assert told.exit_code == 4, (words, told.stderr)
        assert "s3cret" not in told.output
        assert json.loads(told.stderr)["code"] == "gateway_unreachable"


def test_a_key_shows_what_it_may_do_and_how_long_it_lives() -> None:
    listed = drawn(keys_view([KEY, {**KEY, "label": "old", "status": "suspended", "status_reason": "key_expired"}]))
    assert "✓ active" in listed
    assert "✗ suspended: key expired" in listed
    assert "! main: no ip binding" in listed
    one = drawn(key_view({**KEY, "ips": ["203.0.113.7"], "warnings": []}))
    for words in ("TESTNET", "Spot: SpotTrade", "203.0.113.7", "days left  9", "never"):
        assert words in one
    assert "keys --paper" in drawn(keys_view([]))


def test_what_moved_and_what_is_missing_is_told_in_words() -> None:
    sale = {"kind": "trade", "amount": "-0.5", "asset": "BTC", "counter_asset": "USDT", "counter_amount": "50000"}
    flow = {**sale, "fee": "50", "fee_asset": "USDT", "at": "2026-11-21T03:00:00Z"}
    told = drawn(flows_view(KEY, [flow]))
    assert ("traded by you" in told, "-0.5 BTC" in told, "+50000 USDT" in told, "50 USDT" in told) == (True,) * 4
    assert "Nothing has moved" in drawn(flows_view(KEY, []))
    missing = " ".join(drawn(shortages_view([SHORTAGE])).split())
    assert "0.5 BTC missing on account 46a35814 since 2026-11-21 03:00:00 UTC (positions: 99999999 0.5)." in missing
    assert "shortages BTC --how sold" in missing
    over = drawn(shortages_view([{**SHORTAGE, "state": "resolved", "how": "withdrawn"}]))
    assert "over: booked as taken out" in over
    assert drawn(shortages_view([])).strip() == "No coins are missing."
    line = {"at": "2026-11-21T03:00:00Z", "sentence": "You bought top-5."}
    assert "2026-11-21 03:00:00  You bought top-5." in drawn(activity_view([line]))


def test_play_money_is_not_moved_at_bybit() -> None:
    def told(environment: str) -> str:
        context = {"available": "10", "required": "20", "environment": environment}
        advice = advice_on(ApiProblem(422, {"code": "insufficient_balance", "context": context, "detail": "x"}))
        assert advice is not None
        assert advice.exit_code is Exit.REFUSED
        return advice.do

    assert "keys --paper" in told("paper")
    assert "Unified" not in told("paper")
    assert "Unified" in told("testnet")
    thin = {"code": "book_too_thin", "context": {"largest_amount": "315.65"}, "detail": "x"}
    advice = advice_on(ApiProblem(422, thin))
    assert advice is not None
    assert "315.65 USDT or less" in advice.do


def test_an_amount_that_advice_names_works_as_it_stands() -> None:
    def told(code: str, **context: str) -> str:
        advice = advice_on(ApiProblem(422, {"code": code, "context": context, "detail": "x"}))
        assert advice is not None
        return advice.do

    assert "with 4504.25 USDT or less" in told("insufficient_balance", available="4504.2563597", environment="paper")
    assert "with 3123253.79 USDT or less" in told("book_too_thin", largest_amount="3123253.799")
    assert "with 1061.29 USDT or more" in told("amount_too_small", minimum_amount="1061.281")
