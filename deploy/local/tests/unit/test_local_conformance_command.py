"""The command refuses before anything is sent, and says why."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from basketry_local.commands.conformance import NOT_RUN, Options, RefusedError, run, where
from basketry_local.conformance.credentials import API_KEY, API_SECRET, NoKeyError, TestKey
from basketry_local.conformance.desk import BudgetSpentError, Purse
from basketry_local.conformance.memory import Memory, MemoryBrokenError
from shared.trading.status import VenueEnvironment

KEY = {API_KEY: "conformKEY0123456789", API_SECRET: "canary-SECRET-0123456789abcdef"}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(
        environment="paper", url="http://127.0.0.1:1", symbol="BTCUSDT", budget="40", folder=tmp_path, yes=True
    )


def test_real_money_is_never_asked_with() -> None:
    with pytest.raises(RefusedError, match="real money"):
        where("mainnet", None)
    with pytest.raises(RefusedError):
        where("mars", None)


def test_a_key_of_bybits_goes_to_bybits_own_address_only() -> None:
    environment, host = where("testnet", None)
    assert (environment, host.rest) == (VenueEnvironment.TESTNET, "https://api-testnet.bybit.com")
    with pytest.raises(RefusedError, match="own address"):
        where("testnet", "http://127.0.0.1:8090")


def test_the_paper_exchange_is_where_the_user_says() -> None:
    _, host = where("paper", "http://127.0.0.1:9999/")
    assert (host.rest, host.private_stream) == ("http://127.0.0.1:9999", "ws://127.0.0.1:9999/v5/private")
    with pytest.raises(RefusedError):
        where("paper", "file:///etc")


@pytest.mark.parametrize("missing", [API_KEY, API_SECRET])
def test_without_a_key_in_the_environment_nothing_is_sent(
    options: Options, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(options, {**KEY, missing: " "}) == NOT_RUN
    told = capsys.readouterr().err
    assert missing in told
    assert "canary" not in told


def test_nobody_there_to_ask_means_no(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replace(options, yes=False), KEY) == NOT_RUN
    told = capsys.readouterr().err
    assert "--yes" in told
    assert KEY[API_KEY] not in told
    assert "canary" not in told


@pytest.mark.parametrize("budget", ["0", "-1", "much", "NaN"])
def test_a_budget_is_an_amount_above_zero(options: Options, budget: str) -> None:
    assert run(replace(options, budget=budget), KEY) == NOT_RUN


def test_a_venue_that_is_away_is_no_finding(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(options, KEY) == NOT_RUN
    assert "does not answer" in capsys.readouterr().err
    assert list(options.folder.iterdir()) == []


def test_the_purse_cannot_be_overdrawn() -> None:
    purse = Purse(Decimal(10))
    purse.spend(Decimal(6))
    with pytest.raises(BudgetSpentError):
        purse.spend(Decimal("4.01"))
    purse.spend(Decimal(4))
    assert purse.spent == 10


def test_a_file_that_is_no_memory_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_text('{"something": "else"}')
    with pytest.raises(MemoryBrokenError):
        Memory.at(path)
    assert path.read_text() == '{"something": "else"}'


def test_a_key_shows_nothing_of_itself_and_only_rsa_signs_in_its_way() -> None:
    key = TestKey.of(KEY)
    assert "canary" not in f"{key}{key!r}{key.hint}{key.fingerprint}"
    assert key.hint == "conf…6789"
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for secret in (other.decode(), "-----BEGIN PRIVATE KEY-----\nbroken"):
        with pytest.raises(NoKeyError) as refusal:
            TestKey.of({**KEY, API_SECRET: secret}).signature("text")
        assert API_SECRET in str(refusal.value)
