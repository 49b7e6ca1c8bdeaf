from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from shared.contracts.registry import EVENTS, EventSpec
from shared.contracts.rpc.catalogue import VERBS
from shared.contracts.rpc.verb import RpcVerb
from shared.contracts.topology import CONSUMERS, SERVICES, ConsumerSpec
from shared.runtime.provisioning import PROVISIONER, NatsIdentity, authorization, new_seed, permissions_of


def _publishes(service: str) -> list[str]:
    allowed: list[str] = permissions_of(service)["publish"]["allow"]
    return allowed


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_only_its_owner_publishes_an_event(event: EventSpec) -> None:
    pattern = f"{event.domain}.v{event.version}.{event.name}.>"
    assert [service for service in SERVICES if pattern in _publishes(service)] == [event.owner]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.subject)
def test_only_the_named_callers_may_ask(verb: RpcVerb[Any, Any]) -> None:
    assert {service for service in SERVICES if verb.subject in _publishes(service)} == set(verb.callers)


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.name)
def test_only_its_service_pulls_and_acknowledges(consumer: ConsumerSpec) -> None:
    for subject in (
        f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}",
        f"$JS.ACK.{consumer.stream}.{consumer.name}.>",
    ):
        assert [service for service in SERVICES if subject in _publishes(service)] == [consumer.service]


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_may_make_or_drop_streams_or_read_a_foreign_inbox(service: str) -> None:
    rights = permissions_of(service)
    assert not [
        one
        for one in rights["publish"]["allow"]
        if one in {">", "$JS.API.>"} or ".STREAM.CREATE" in one or ".STREAM.DELETE" in one
    ]
    inboxes = [one for one in rights["subscribe"]["allow"] if one.startswith("_INBOX")]
    assert inboxes == [f"_INBOX_{service}.>"]


def test_the_server_learns_public_keys_only() -> None:
    seeds = {name: new_seed() for name in (*SERVICES, PROVISIONER)}
    text = str(authorization(NatsIdentity(name, seed) for name, seed in seeds.items()))
    assert not [name for name, seed in seeds.items() if seed.get_secret_value() in text]
    assert text.count("'nkey': 'U") == len(seeds)


def test_a_stranger_gets_no_user() -> None:
    with pytest.raises(ValueError, match="intruder"):
        authorization([NatsIdentity("intruder", SecretStr(new_seed().get_secret_value()))])
