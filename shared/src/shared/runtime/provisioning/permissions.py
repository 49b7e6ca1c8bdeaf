"""Least privilege on the bus: each service may publish, ask, answer and acknowledge exactly what the topology says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.registry import EVENTS
from shared.contracts.rpc.catalogue import answered_by, asked_by
from shared.contracts.topology import (
    CONSUMERS,
    SERVICES,
    STREAMS,
    ConsumerSpec,
    consumers_of,
    published_by,
)
from shared.runtime.provisioning.nkeys import PROVISIONER, NatsIdentity

FEED_READER = "gateway"
"""The one service that reads the FEED with ordered consumers and copies dead letters."""


def authorization(identities: Iterable[NatsIdentity]) -> dict[str, Any]:
    """The `authorization` block of the server's configuration, one user for each identity."""
    return {"users": [_user(identity) for identity in identities]}


def permissions_of(service: str) -> dict[str, Any]:
    """What one service may publish and subscribe; everything else is refused by the server."""
    return {
        "publish": {"allow": sorted(_may_publish(service))},
        "subscribe": {"allow": sorted(_may_subscribe(service))},
        **_may_answer(service),
    }


def _user(identity: NatsIdentity) -> Mapping[str, Any]:
    if identity.name == PROVISIONER:
        rights: dict[str, Any] = {
            "publish": {"allow": ["$JS.API.>"]},
            "subscribe": {"allow": [f"_INBOX_{PROVISIONER}.>"]},
        }
    elif identity.name in SERVICES:
        rights = permissions_of(identity.name)
    else:
        raise ValueError(f"the topology knows no service {identity.name!r}")
    return {"nkey": identity.public_key, "permissions": rights}


def _may_publish(service: str) -> set[str]:
    allowed = set(published_by(service))
    allowed |= {verb.subject for verb in asked_by(service)}
    # The relay and the dead-letter writer ask how old a stream is, to send again after a stream was rebuilt.
    allowed |= {f"$JS.API.STREAM.INFO.{stream}" for stream in (*_streams_of_events(service), "DLQ")}
    for consumer in consumers_of(service):
        allowed |= _pulling(consumer)
    if service == FEED_READER:
        allowed |= _feed() | _dead_letter_lookup()
    return allowed


def _may_subscribe(service: str) -> set[str]:
    inbox = {f"_INBOX_{service}.>"}
    return inbox | {f"rpc.{service}.v1.> {service}"} if answered_by(service) else inbox


def _may_answer(service: str) -> dict[str, Any]:
    return {"allow_responses": {"max": 1, "ttl": "30s"}} if answered_by(service) else {}


def _pulling(consumer: ConsumerSpec) -> set[str]:
    where = f"{consumer.stream}.{consumer.name}"
    return {
        f"$JS.API.CONSUMER.INFO.{where}",
        f"$JS.API.CONSUMER.MSG.NEXT.{where}",
        f"$JS.ACK.{where}.>",
        f"$JS.ACK.*.*.{where}.>",  # the second form of acknowledgement subjects, announced for later servers
    }


def _streams_of_events(service: str) -> set[str]:
    domains = {f"{event.domain}.>" for event in EVENTS if event.owner == service}
    return {stream.name for stream in STREAMS if domains & set(stream.subjects)}


def _feed() -> set[str]:
    return {
        "$JS.API.STREAM.INFO.FEED",
        "$JS.API.CONSUMER.CREATE.FEED",
        "$JS.API.CONSUMER.CREATE.FEED.>",
        "$JS.API.CONSUMER.DELETE.FEED.*",
        "$JS.FC.FEED.>",
    }


def _dead_letter_lookup() -> set[str]:
    """An advisory names a message by stream and sequence; its body is then fetched from that stream."""
    return {f"$JS.API.STREAM.MSG.GET.{stream}" for stream in sorted({consumer.stream for consumer in CONSUMERS})}
