from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from basketry_local.data_folder import DataFolder
from basketry_local.environment import (
    DEFAULT_PORTS,
    FURTHER_VENUES,
    Ports,
    SettingUnreadable,
    choose_ports,
    exchange_environment,
    service_environment,
)
from basketry_local.keyring import Keyring
from basketry_local.ports import is_free
from shared.contracts.topology import SERVICES


@pytest.fixture
def ports() -> Iterator[Ports]:
    chosen = choose_ports({})
    yield chosen
    chosen.release()


def test_a_taken_port_is_named_and_replaced() -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        ports = choose_ports({"gateway": taken})
        ports.release()
    assert ports.replaced == {"gateway": taken}
    assert ports["gateway"] != taken


def test_a_chosen_port_is_kept_from_others_until_it_is_released() -> None:
    ports = choose_ports({})
    assert not is_free(ports["gateway"])
    ports.release("gateway")
    assert is_free(ports["gateway"])
    ports.release()


def test_every_part_gets_a_port_of_its_own() -> None:
    ports = choose_ports({})
    ports.release()
    assert len(set(ports.by_part.values())) == len(ports.by_part)
    assert set(SERVICES) | set(DEFAULT_PORTS) | {"postgres", "nats"} == set(ports.by_part)


def test_each_service_gets_its_own_secrets_and_no_others(tmp_path: Path, ports: Ports) -> None:
    keyring = Keyring(tmp_path / "secrets")
    for service in SERVICES:
        told = " ".join(service_environment(service, keyring=keyring, ports=ports).values())
        for other in SERVICES:
            knows = keyring.seed(other).get_secret_value() in told or keyring.password(other).get_secret_value() in told
            assert knows == (other == service), f"{service} and {other}"
        assert keyring.password(f"{service}_owner").get_secret_value() not in told


def test_only_services_that_may_reach_a_venue_know_one(tmp_path: Path, ports: Ports) -> None:
    keyring = Keyring(tmp_path / "secrets")
    knowing = {
        service
        for service in SERVICES
        if f"{service.upper()}_VENUES" in service_environment(service, keyring=keyring, ports=ports)
    }
    assert knowing == {"keys", "market_data", "execution", "reconciler"}
    venues = json.loads(service_environment("keys", keyring=keyring, ports=ports)["KEYS_VENUES"])
    assert list(venues) == ["paper"]


def test_what_is_given_explicitly_wins(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECUTION_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    keyring = Keyring(tmp_path / "secrets")
    told = service_environment("execution", keyring=keyring, ports=ports, extra={"EXECUTION_TIMES_SCALE": "30"})
    assert told["EXECUTION_TIMES_SCALE"] == "30"
    assert told["EXECUTION_LOG_LEVEL"] == "DEBUG"
    assert "PYTHONDONTWRITEBYTECODE" not in told
    exchange = exchange_environment(folder=DataFolder(tmp_path), keyring=keyring, ports=ports)
    assert exchange["PAPER_EXCHANGE_ADMIN_TOKEN"] == told.get(
        "KEYS_PAPER_ADMIN_TOKEN", keyring.paper_admin_token.get_secret_value()
    )


def test_a_person_opens_further_venues_beside_the_paper_exchange(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FURTHER_VENUES, '{"testnet": "global", "paper": "global"}')
    keyring = Keyring(tmp_path / "secrets")
    for service in ("keys", "market_data", "execution", "reconciler"):
        told = service_environment(service, keyring=keyring, ports=ports)
        venues = json.loads(told[f"{service.upper()}_VENUES"])
        assert venues["testnet"] == "global"
        assert venues["paper"]["rest"] == ports.url("paper_exchange")  # play money never goes elsewhere


@pytest.mark.parametrize("given", ["testnet", '["testnet"]'])
def test_venues_that_cannot_be_read_are_refused_by_the_name_of_the_setting(
    tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(FURTHER_VENUES, given)
    with pytest.raises(SettingUnreadable, match=FURTHER_VENUES):
        service_environment("keys", keyring=Keyring(tmp_path / "secrets"), ports=ports)
