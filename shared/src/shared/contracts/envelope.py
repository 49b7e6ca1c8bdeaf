"""The envelope around every event."""

from __future__ import annotations

from typing import Generic, TypeVar
from uuid import UUID

from pydantic import SerializeAsAny

from shared.contracts.fields import Contract, EventData, Moment

Payload = TypeVar("Payload", bound=EventData)


class Envelope(Contract, Generic[Payload]):
    """An event as it travels.

    Attributes:
        id: The event's own id: `Nats-Msg-Id`, inbox key, stable across redelivery and replay.
        source: The service that owns and published it.
        type: `<domain>.<event>`, such as `execution.leg_filled`.
        version: Version of the payload; breaking changes get a new one beside the old.
        time: When it happened, UTC.
        subject: Where it was published: `<domain>.v<n>.<event>.<user>.<entity>`.
        aggregate_version: Counts per (source, aggregate): readers ignore older states.
        correlation_id: The request that started it all.
        causation_id: The message that led to this one.
    """

    id: UUID
    source: str
    type: str
    version: int
    time: Moment
    subject: str
    aggregate_id: str
    aggregate_version: int
    correlation_id: UUID
    causation_id: UUID | None = None
    data: SerializeAsAny[Payload]
