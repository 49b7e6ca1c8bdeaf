"""A message that a consumer could not take: kept with everything needed to repair and replay it."""

from __future__ import annotations

from shared.contracts.fields import Contract, Moment


class DeadLetter(Contract):
    """Published on `dlq.<service>.<stream>`; unique by stream, sequence and consumer.

    Attributes:
        sequence: Of the original message in its stream; the server's advisory about the same message repeats it.
        family: Of the error, or `internal`.
        deliveries: How often the message had been delivered, this time included.
        body: The original body as text; bytes that are no UTF-8 are escaped.
    """

    service: str
    consumer: str
    stream: str
    sequence: int
    subject: str
    message_id: str | None = None
    family: str
    code: str
    detail: str
    deliveries: int
    headers: dict[str, str]
    body: str
    at: Moment


def dead_letter_subject(service: str, stream: str) -> str:
    """Where a service's dead letters of a stream go."""
    return f"dlq.{service}.{stream}"
