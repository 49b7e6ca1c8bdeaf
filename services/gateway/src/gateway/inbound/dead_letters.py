"""The DLQ worker: copies what consumers gave up on, and what only the server's advisories tell of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.application.keep_dead_letter import KeepDeadLetter
from gateway.application.ports import DeadLetter
from shared.contracts import dead_letter
from shared.contracts.topology import GATEWAY_DLQ
from shared.runtime.events import Delivery, EventRouter
from shared.trading.clock import Clock

ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER."
Original = Callable[[str, int], Awaitable[tuple[str, dict[str, str], bytes] | None]]
"""Fetches a message by stream and sequence: subject, headers, body; None when it is gone."""


def dead_letter_router(keep: KeepDeadLetter, original: Original, clock: Clock) -> EventRouter:
    """Every message of the DLQ stream."""
    router = EventRouter(GATEWAY_DLQ)

    @router.on_raw
    async def copy(delivery: Delivery) -> None:
        if delivery.subject.startswith(ADVISORY):
            await keep(await _from_advisory(json.loads(delivery.body), original, clock))
        else:
            await keep(_from_consumer(dead_letter.DeadLetter.model_validate_json(delivery.body)))

    return router


def _from_consumer(letter: dead_letter.DeadLetter) -> DeadLetter:
    return DeadLetter(
        stream=letter.stream,
        sequence=letter.sequence,
        consumer=letter.consumer,
        subject=letter.subject,
        headers=letter.headers,
        body=letter.body,
        code=letter.code,
        error=letter.detail,
        received_at=letter.at,
    )


async def _from_advisory(advisory: dict[str, Any], original: Original, clock: Clock) -> DeadLetter:
    stream, sequence = str(advisory["stream"]), int(advisory["stream_seq"])
    found = await original(stream, sequence)
    subject, headers, body = found or (None, {}, None)
    kind = str(advisory.get("type", "")).rsplit(".", 1)[-1]
    return DeadLetter(
        stream=stream,
        sequence=sequence,
        consumer=str(advisory["consumer"]),
        subject=subject,
        headers=headers,
        body=body.decode("utf-8", errors="backslashreplace") if body is not None else None,
        code=f"advisory_{kind or 'unknown'}",
        error=f"The server gave up after {advisory.get('deliveries', '?')} deliveries.",
        received_at=clock.now(),
    )
