"""Environments, sites and what each can do."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from shared.runtime.bybit.capabilities import CAPABILITIES, CONNECTIONS_INTERVAL_S, ORDERS_KEPT_DAYS, TABLE, Ability
from shared.runtime.bybit.hosts import SITES
from shared.runtime.settings import EnvironmentNotOpen, LinkSettings, ServiceSettings, VenueSettings, service_config
from shared.trading.status import VenueEnvironment

MAINNET, TESTNET, DEMO, PAPER = (
    VenueEnvironment.MAINNET,
    VenueEnvironment.TESTNET,
    VenueEnvironment.DEMO,
    VenueEnvironment.PAPER,
)
LOOPBACK = {"rest": "http://127.0.0.1:1", "private_stream": "ws://127.0.0.1:1", "public_stream": "ws://127.0.0.1:1"}
MAINNET_PUBLIC = "wss://stream.bybit.com/v5/public/spot"


class SampleSettings(ServiceSettings, VenueSettings):
    model_config = service_config("SAMPLE_")


def test_demo_lacks_what_its_documents_leave_out() -> None:
    missing = {ability for ability in Ability if not CAPABILITIES[DEMO].can(ability)}
    assert missing == {
        Ability.SPOT_BATCH,
        Ability.KEY_INFO,
        Ability.FEE_RATE,
        Ability.BORROW_CHECK,
        Ability.COIN_INFO,
        Ability.PUBLIC_STREAM,
        Ability.ORDER_SOCKET,
    }
    assert CAPABILITIES[DEMO].orders_kept_days == 7


def test_mainnet_and_testnet_can_everything() -> None:
    for environment in (MAINNET, TESTNET):
        assert CAPABILITIES[environment].abilities == frozenset(Ability)
        assert CAPABILITIES[environment].connections_interval_s == 0.6


def test_every_row_names_its_source_and_every_ability_has_a_row() -> None:
    assert TABLE.keys() == set(Ability)
    assert all(source for _, source in TABLE.values())
    for rows in (ORDERS_KEPT_DAYS, CONNECTIONS_INTERVAL_S):
        assert rows.keys() == set(VenueEnvironment)
        assert all(source for _, source in rows.values())


def test_every_site_is_encrypted_and_names_its_source() -> None:
    for sites in SITES.values():
        for site in sites.values():
            assert urlsplit(site.rest).scheme == "https"
            assert urlsplit(site.private_socket).scheme == urlsplit(site.public_socket).scheme == "wss"
            assert site.source


@pytest.mark.parametrize(
    ("environment", "site", "rest", "private_stream"),
    [
        ("testnet", "global", "https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com/v5/private"),
        ("demo", "global", "https://api-demo.bybit.com", "wss://stream-demo.bybit.com/v5/private"),
        ("mainnet", "kz", "https://api.bybit.kz", "wss://stream.bybit.kz/v5/private"),
        ("mainnet", "nl", "https://api.bybit.nl", "wss://stream.bybit.com/v5/private"),
    ],
)
def test_a_site_is_named_in_the_settings(environment: str, site: str, rest: str, private_stream: str) -> None:
    settings = VenueSettings.model_validate({"live_trading": True, "venues": {environment: site}})
    host = settings.host(VenueEnvironment(environment))
    assert (host.rest, host.private_stream) == (rest, private_stream)


def test_demos_public_topics_are_mainnets() -> None:
    host = VenueSettings.model_validate({"venues": {"demo": "global"}}).host(DEMO)
    assert host.public_stream == "wss://stream.bybit.com/v5/public/spot"


@pytest.mark.parametrize("live", [None, "false", "0"])
def test_live_trading_stays_off_until_the_operator_switches_it_on(
    live: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE_VENUES", '{"mainnet": "global", "testnet": "global"}')
    if live is not None:
        monkeypatch.setenv("SAMPLE_LIVE_TRADING", live)
    settings = SampleSettings()
    assert set(settings.venues) == {TESTNET}
    with pytest.raises(EnvironmentNotOpen) as shut:
        settings.host(MAINNET)
    assert shut.value.code == "mainnet_not_enabled"


def test_the_operators_switch_opens_live_trading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_VENUES", '{"mainnet": "global"}')
    monkeypatch.setenv("SAMPLE_LIVE_TRADING", "true")
    assert SampleSettings().host(MAINNET).rest == "https://api.bybit.com"


@pytest.mark.parametrize("venues", [{"testnet": "nl"}, {"paper": "global"}, {"mars": "global"}, {"mainnet": ""}])
def test_a_site_that_does_not_exist_is_refused_at_the_start(venues: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"live_trading": True, "venues": venues})


@pytest.mark.parametrize("field", ["rest", "private_stream", "public_stream"])
def test_keys_never_travel_in_the_clear_to_a_real_venue(field: str) -> None:
    host = {"rest": "https://v.example", "private_stream": "wss://v.example", "public_stream": "wss://v.example"}
    assert VenueSettings.model_validate({"venues": {"testnet": host}}).host(TESTNET).rest == "https://v.example"
    plain = host | {field: host[field].replace("https", "http").replace("wss", "ws")}
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"venues": {"testnet": plain}})
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"venues": {"paper": plain}})
    near = VenueSettings.model_validate({"venues": {"testnet": LOOPBACK, "paper": LOOPBACK}})
    assert set(near.venues) == {TESTNET, PAPER}


@pytest.mark.parametrize("name", ["paper-exchange:8090", "10.1.2.3", "192.168.0.7:8090", "[fd00::1]:8090"])
def test_play_money_may_stay_unencrypted_inside_a_private_network(name: str) -> None:
    near = {"rest": f"http://{name}", "private_stream": f"ws://{name}", "public_stream": f"ws://{name}"}
    assert VenueSettings.model_validate({"venues": {"paper": near}}).host(PAPER).rest == f"http://{name}"
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"venues": {"testnet": near}})


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("environment", ["testnet", "demo", "paper"])
@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("rest", "https://api.bybit.com"),
        ("rest", "https://API.Bytick.com./"),
        ("rest", "https://api.bybit.kz:443"),
        ("private_stream", "wss://stream.bybit.com/v5/private"),
        ("public_stream", "wss://stream.bybit.tr/v5/public/spot"),
    ],
)
def test_a_host_of_mainnet_is_refused_under_any_other_name(
    field: str, address: str, environment: str, *, live: bool
) -> None:
    host = {"rest": "https://v.example", "private_stream": "wss://v.example", "public_stream": "wss://v.example"}
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"live_trading": live, "venues": {environment: host | {field: address}}})


def test_mainnets_public_stream_serves_demo_alone() -> None:
    host = {"rest": "https://v.example", "private_stream": "wss://v.example", "public_stream": MAINNET_PUBLIC}
    assert VenueSettings.model_validate({"venues": {"demo": host}}).host(DEMO).public_stream == MAINNET_PUBLIC
    for environment in ("testnet", "paper"):
        with pytest.raises(ValidationError):
            VenueSettings.model_validate({"venues": {environment: host}})
    with pytest.raises(ValidationError):
        VenueSettings.model_validate({"venues": {"demo": host | {"private_stream": MAINNET_PUBLIC}}})


class LinkedSettings(ServiceSettings, LinkSettings):
    model_config = service_config("LINKED_")


@pytest.mark.parametrize("key", ["", "00", "00" * 15, "zz" * 16, "0" * 31])
def test_a_link_key_that_is_short_or_no_hex_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LinkedSettings(link_key=SecretStr(key))
    assert not key or key not in str(refused.value)


def test_a_link_key_of_16_bytes_is_taken() -> None:
    assert LinkedSettings(link_key=SecretStr("0a" * 16)).link_key_bytes() == b"\n" * 16
