"""The questions for the real venue, asked of the paper exchange; Bybit itself was never asked here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from kit.keys_paper import Paper, running_paper

from basketry_local.commands.conformance import AGREES, DISAGREES, NOT_RUN, Options, run
from basketry_local.conformance.credentials import API_KEY, API_SECRET

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    with running_paper(tmp_path_factory.mktemp("paper")) as running:
        # What is asked here does not move with the market; a price that runs away would only be a chance to fail.
        running.http.post(f"{running.url}/paper/v1/feed", json={"mode": "frozen"}).raise_for_status()
        yield running


class Run:
    """One account, and the command with its key."""

    def __init__(self, paper: Paper, folder: Path, **terms: Any) -> None:
        self.paper, self.folder = paper, folder
        self.account = paper.open(**terms)
        self.secret = self.account.get("api_secret", "")

    def __call__(self, *, budget: str = "40") -> int:
        options = Options(
            environment="paper", url=self.paper.url, symbol="BTCUSDT", budget=budget, folder=self.folder, yes=True
        )
        return run(options, {API_KEY: self.account["api_key"], API_SECRET: self.secret})

    @property
    def report(self) -> dict[str, Any]:
        (newest, *_) = sorted(self.folder.glob("conformance-paper-????????-*.json"), reverse=True)
        return dict(json.loads(newest.read_text()))

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.report["findings"]}

    @property
    def orders(self) -> list[dict[str, Any]]:
        ledger = self.paper.http.get(f"{self.paper.url}/paper/v1/ledger", params={"uid": self.account["uid"]})
        return list(ledger.json()["orders"])


def test_the_paper_exchange_agrees_with_what_the_product_assumes(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    assert asked() == AGREES, asked.report
    found = asked.findings
    for name in ("link_id_after_fill", "link_id_after_cancel", "link_id_while_open", "cancel", "batch", "clock", "key"):
        assert found[name]["agrees"] is True, found[name]
    for name in ("visibility_lag", "fee_buy", "fee_sell", "wallet_follows_matches", "rate_limit_headers"):
        assert found[name]["agrees"] is True, found[name]
    assert found["link_id_after_a_day"]["agrees"] is None
    mistakes = [row for name, row in found.items() if name.startswith("reply_")]
    assert len(mistakes) >= 19
    assert all(row["evidence"][0]["as_expected"] for row in mistakes)
    assert found["visibility_lag"]["evidence"][0]["stream_execution"] is not None


def test_nothing_stays_open_and_nothing_is_spent_beyond_the_budget(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    asked()
    buys = [row for row in asked.orders if row["side"] == "Buy"]
    assert sum(Decimal(row["cumExecValue"] or 0) for row in buys) <= Decimal(asked.report["spent_at_most"]) <= 40
    assert {row["orderStatus"] for row in asked.orders} <= {"Filled", "Cancelled", "PartiallyFilledCanceled"}
    assert [row["side"] for row in asked.orders if row["orderStatus"] == "Filled"][-1] == "Sell"


def test_the_report_is_for_people_and_machines_and_names_no_key(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    asked()
    written = {path.suffix: path.read_text() for path in tmp_path.iterdir() if "memory" not in path.name}
    assert written.keys() == {".json", ".md"}
    assert "| question | the product assumes | the venue | agrees |" in written[".md"]
    for path in tmp_path.iterdir():
        assert asked.account["api_key"] not in path.read_text() + path.name
        assert asked.account["api_secret"] not in path.read_text()


def test_a_second_run_after_a_day_uses_old_ids_again(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    asked()
    (memory,) = tmp_path.glob("*.memory.json")
    document = json.loads(memory.read_text())
    assert [used["ended"] for used in document["used"]] == ["filled", "ended without a match", "cancelled"]
    for used in document["used"]:
        used["at"] = "2026-01-01T00:00:00Z"
    memory.write_text(json.dumps(document))
    assert asked() == AGREES, [row for row in asked.findings.values() if row["agrees"] is False]
    old = {name: row for name, row in asked.findings.items() if name.startswith("link_id_after_a_day")}
    assert len(old) == 3
    assert all(row["agrees"] is True for row in old.values())
    assert len(json.loads(memory.read_text())["used"]) == 6


def test_a_budget_that_is_too_small_is_kept_and_said(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    assert asked(budget="10") == DISAGREES
    assert any("visibility" in trouble and "spent" in trouble for trouble in asked.report["troubles"])
    buys = [row for row in asked.orders if row["side"] == "Buy"]
    assert sum(Decimal(row["cumExecValue"] or 0) for row in buys) <= 10
    assert asked.findings["link_id_after_fill"]["agrees"] is True


@pytest.mark.parametrize(
    "terms",
    [{"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}, {"read_only": True}, {"ips": ["1.2.3.4"]}],
)
def test_a_key_that_may_too_much_or_too_little_is_not_traded_with(
    paper: Paper, tmp_path: Path, terms: dict[str, Any]
) -> None:
    asked = Run(paper, tmp_path, **terms)
    assert asked() == NOT_RUN
    assert asked.orders == []


def test_a_venue_that_behaves_differently_is_told(paper: Paper, tmp_path: Path) -> None:
    asked = Run(paper, tmp_path)
    paper.fault(kind="ret_code", path="/v5/order/cancel", uid=asked.account["uid"], ret_code=10016, outcome="executed")
    try:
        assert asked() == DISAGREES
    finally:
        paper.heal()
    assert asked.findings["cancel"]["agrees"] is False
    assert "**NO**" in next(tmp_path.glob("*.md")).read_text()
    assert {row["orderStatus"] for row in asked.orders} <= {"Filled", "Cancelled", "PartiallyFilledCanceled"}


def test_an_rsa_key_asks_as_well(paper: Paper, tmp_path: Path) -> None:
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    asked = Run(paper, tmp_path, rsa_public_key=public)
    asked.secret = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert asked(budget="10") == DISAGREES  # too small for every question: enough to see it sign, orders and all
    assert asked.findings["key"]["evidence"][0]["kind"] == "rsa"
    assert asked.findings["fee_buy"]["agrees"] is True
