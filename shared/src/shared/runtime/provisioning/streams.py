"""Streams and durable consumers: made where missing, widened where harmless, refused loudly where not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import nats
import structlog
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamSource,
)
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from shared.contracts.topology import (
    ACK_WAIT_S,
    CONSUMERS,
    DUPLICATE_WINDOW_S,
    MAX_DELIVER,
    STREAMS,
    ConsumerSpec,
    StreamSpec,
)
from shared.runtime.provisioning.nkeys import PROVISIONER

log = structlog.get_logger(__name__)


class UnsafeDrift(RuntimeError):
    """The bus differs from the topology in a way that cannot be mended without losing messages or positions."""


@dataclass(slots=True)
class BusReport:
    """What the provisioner found and did."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Streams and consumers that are there but not in the topology; left alone."""


@asynccontextmanager
async def connect_provisioner(url: str, seed: SecretStr | None) -> AsyncIterator[JetStreamContext]:
    """A connection with the provisioner's rights; without a seed to a server that lets everybody in."""
    client = await nats.connect(
        url,
        name=PROVISIONER,
        nkeys_seed_str=seed.get_secret_value() if seed else None,
        inbox_prefix=f"_INBOX_{PROVISIONER}".encode(),
        connect_timeout=5,
        max_reconnect_attempts=3,
    )
    try:
        yield client.jetstream(timeout=10)
    finally:
        await client.close()


async def provision_bus(
    stream: JetStreamContext,
    *,
    streams: Sequence[StreamSpec] = STREAMS,
    consumers: Sequence[ConsumerSpec] = CONSUMERS,
    replicas: int = 1,
) -> BusReport:
    """Bring streams and consumers to the topology; a second run changes nothing.

    Raises:
        UnsafeDrift: Something is there that only an operator may change; nothing after it was touched.
    """
    report = BusReport()
    # A stream that sources others comes after them.
    for spec in sorted(streams, key=lambda one: bool(one.sources)):
        await _ensure_stream(stream, spec, replicas, report)
    for consumer in consumers:
        await _ensure_consumer(stream, consumer, report)
    await _look_for_strangers(stream, streams, consumers, report)
    log.info("bus_provisioned", created=report.created, updated=report.updated, unknown=report.unknown)
    return report


def stream_config(spec: StreamSpec, *, replicas: int) -> StreamConfig:
    """A topology entry in the server's words."""
    return StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects) or None,
        sources=[StreamSource(name=name) for name in spec.sources] or None,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW if spec.discard_new else DiscardPolicy.OLD,
        max_age=spec.max_age_s,
        max_bytes=spec.max_bytes,
        max_msg_size=spec.max_msg_size,
        duplicate_window=DUPLICATE_WINDOW_S,
        num_replicas=replicas,
        deny_delete=True,
    )


def consumer_config(spec: ConsumerSpec) -> ConsumerConfig:
    """A topology entry in the server's words: durable, pull, explicit acks, from the first message."""
    return ConsumerConfig(
        durable_name=spec.name,
        filter_subject=spec.filter_subject,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_deliver=MAX_DELIVER,
        max_ack_pending=spec.max_ack_pending,
    )


async def _ensure_stream(js: JetStreamContext, spec: StreamSpec, replicas: int, report: BusReport) -> None:
    wanted = stream_config(spec, replicas=replicas)
    try:
        found = (await js.stream_info(spec.name)).config
    except NotFoundError:
        await js.add_stream(wanted)
        report.created.append(spec.name)
        return
    changes = _differences(_stream_facts(found), _stream_facts(wanted))
    if not changes:
        return
    _refuse_unsafe(spec.name, changes, _unsafe_stream_changes(found, wanted))
    await js.update_stream(wanted)
    report.updated.append(f"{spec.name} ({', '.join(changes)})")


async def _ensure_consumer(js: JetStreamContext, spec: ConsumerSpec, report: BusReport) -> None:
    wanted = consumer_config(spec)
    try:
        found = (await js.consumer_info(spec.stream, spec.name)).config
    except NotFoundError:
        await js.add_consumer(spec.stream, wanted)
        report.created.append(f"{spec.stream}/{spec.name}")
        return
    changes = _differences(_consumer_facts(found), _consumer_facts(wanted))
    if not changes:
        return
    _refuse_unsafe(f"{spec.stream}/{spec.name}", changes, {"deliver_policy", "ack_policy"} & set(changes))
    # The server counts an update under the same name as a change, so position and pending acks stay.
    await js.add_consumer(spec.stream, replace(found, **{name: getattr(wanted, name) for name in changes}))
    report.updated.append(f"{spec.stream}/{spec.name} ({', '.join(changes)})")


def _stream_facts(config: StreamConfig) -> dict[str, Any]:
    return {
        "subjects": sorted(config.subjects or []),
        "sources": sorted(source.name for source in config.sources or []),
        "retention": config.retention,
        "storage": config.storage,
        "discard": config.discard,
        "max_age": config.max_age,
        "max_bytes": config.max_bytes,
        "max_msg_size": config.max_msg_size,
        "duplicate_window": config.duplicate_window,
        "num_replicas": config.num_replicas,
        "deny_delete": bool(config.deny_delete),
    }


def _consumer_facts(config: ConsumerConfig) -> dict[str, Any]:
    return {
        "filter_subject": config.filter_subject,
        "deliver_policy": config.deliver_policy,
        "ack_policy": config.ack_policy,
        "ack_wait": config.ack_wait,
        "max_deliver": config.max_deliver,
        "max_ack_pending": config.max_ack_pending,
    }


def _unsafe_stream_changes(found: StreamConfig, wanted: StreamConfig) -> set[str]:
    """Changes that would drop messages, lose subjects or that the server cannot make."""
    unsafe = {name for name in ("retention", "storage", "deny_delete") if getattr(found, name) != getattr(wanted, name)}
    if set(found.subjects or []) - set(wanted.subjects or []):
        unsafe.add("subjects")
    if {source.name for source in found.sources or []} - {source.name for source in wanted.sources or []}:
        unsafe.add("sources")
    for limit in ("max_age", "max_bytes"):
        if (getattr(wanted, limit) or 0) < (getattr(found, limit) or 0):
            unsafe.add(limit)
    return unsafe


def _refuse_unsafe(name: str, changes: dict[str, str], unsafe: Iterable[str]) -> None:
    words = [f"{change}: {changes[change]}" for change in sorted(unsafe) if change in changes]
    if words:
        raise UnsafeDrift(f"{name} differs in what only an operator may change: {'; '.join(words)}")


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, str]:
    return {name: f"{found[name]} -> {wanted[name]}" for name in wanted if found[name] != wanted[name]}


async def _look_for_strangers(
    js: JetStreamContext, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec], report: BusReport
) -> None:
    known = {spec.name for spec in streams}
    report.unknown += sorted(
        info.config.name or "" for info in await js.streams_info() if info.config.name not in known
    )
    for spec in streams:
        durable = {one.name for one in consumers if one.stream == spec.name}
        for info in await js.consumers_info(spec.name):
            if info.config.durable_name and info.config.durable_name not in durable:
                report.unknown.append(f"{spec.name}/{info.config.durable_name}")
