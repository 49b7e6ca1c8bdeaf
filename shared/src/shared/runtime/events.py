"""What a consumer does with each event: decode, call one handler, answer the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.contracts.envelope import Envelope
from shared.contracts.fields import EventData
from shared.contracts.registry import BY_MODEL
from shared.contracts.topology import ConsumerSpec
from shared.runtime.correlation import correlated
from shared.runtime.logging import get_logger
from shared.runtime.reaction import Ack, Bury, Pause, Verdict, reaction

log = get_logger(__name__)

Payload = TypeVar("Payload", bound=EventData)
Handler = Callable[[Envelope[Any]], Awaitable[None]]
TypedHandler = Callable[[Envelope[Payload]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the bus handed it over.

    Attributes:
        sequence: In its stream.
        deliveries: How often it has been delivered, this time included.
    """

    stream: str
    sequence: int
    deliveries: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


RawHandler = Callable[[Delivery], Awaitable[None]]


class _Head(BaseModel):
    """As much of an envelope as decides where it goes."""

    id: UUID
    type: str
    version: int
    correlation_id: UUID


class EventRouter:
    """The handlers of one durable consumer.

    Args:
        consumer: From the topology.
    """

    def __init__(self, consumer: ConsumerSpec) -> None:
        self.consumer = consumer
        self._handlers: dict[tuple[str, int], tuple[type[Envelope[Any]], Handler]] = {}
        self._types: set[str] = set()
        self._raw: RawHandler | None = None

    def on(self, model: type[Payload]) -> Callable[[TypedHandler[Payload]], TypedHandler[Payload]]:
        """Register the handler of an event; it commits its effect and inbox row before it returns."""
        spec = BY_MODEL[model]

        def register(handler: TypedHandler[Payload]) -> TypedHandler[Payload]:
            key = (spec.type, spec.version)
            if key in self._handlers:
                raise ValueError(f"{self.consumer.name} already handles {spec.type} v{spec.version}")
            self._handlers[key] = (Envelope[model], cast("Handler", handler))  # type: ignore[valid-type]
            self._types.add(spec.type)
            return handler

        return register

    def on_raw(self, handler: RawHandler) -> RawHandler:
        """Register the handler of every message as it is: dead letters and the server's advisories."""
        self._raw = handler
        return handler

    async def handle(self, delivery: Delivery) -> Verdict:
        """Decode a message and call its handler.

        Returns:
            What to tell the bus; every error that a handler raises is in it.
        """
        if self._raw is not None:
            return await self._called(lambda: cast("RawHandler", self._raw)(delivery), delivery)
        try:
            head = _Head.model_validate_json(delivery.body)
        except ValidationError as error:
            return _malformed(error)
        if head.type not in self._types:
            return Ack()
        found = self._handlers.get((head.type, head.version))
        if found is None:
            return Bury("invalid", "unknown_event_version", f"{head.type} v{head.version} is not known here")
        shape, handler = found
        try:
            event = shape.model_validate_json(delivery.body)
        except ValidationError as error:
            return _malformed(error)
        with correlated(
            head.correlation_id, causation_id=head.id, event=head.type, deliveries=str(delivery.deliveries)
        ):
            return await self._called(lambda: handler(event), delivery)

    async def _called(self, call: Callable[[], Awaitable[None]], delivery: Delivery) -> Verdict:
        try:
            await call()
        except Exception as error:  # noqa: BLE001 - the table of reactions has a row for everything
            verdict = reaction(error, deliveries=delivery.deliveries)
            _tell(error, verdict, self.consumer.name, delivery)
            return verdict
        return Ack()


def _malformed(error: ValidationError) -> Bury:
    # Where and why, but not the values: they may be anything.
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    detail = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults[:5])
    return Bury("invalid", "malformed_event", detail)


def _tell(error: Exception, verdict: Verdict, consumer: str, delivery: Delivery) -> None:
    facts = {
        "consumer": consumer,
        "sequence": delivery.sequence,
        "deliveries": delivery.deliveries,
        "subject": delivery.subject,
        "verdict": type(verdict).__name__.lower(),
        "error": type(error).__name__,
        "code": getattr(error, "code", None),
    }
    if isinstance(verdict, Ack):
        log.info("event_needed_nothing", **facts)
    elif isinstance(verdict, Pause):
        log.warning("event_waits_for_database", **facts)
    else:
        log.warning("event_failed", **facts, exc_info=error)
