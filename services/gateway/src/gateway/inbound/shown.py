"""What browsers see of the bus: an allow-list of events, and of each event the parts that are theirs."""

from __future__ import annotations

import json

import structlog

from gateway.application.live_event import LiveEvent
from gateway.application.ports import FeedMessage
from shared.contracts.registry import EVENTS

log = structlog.get_logger(__name__)
_DOMAINS = ("execution", "portfolio")
_PARTS = ("id", "type", "time", "aggregate_id", "aggregate_version", "data")
SHOWN: dict[str, str] = {
    event.type: event.name
    for event in EVENTS
    if event.domain in _DOMAINS or (event.domain == "account" and event.name.startswith(("key_", "trading_")))
}
"""Envelope type → name of the live event: an allow-list; commands with their ceilings are not in it."""


def show(epoch: str, message: FeedMessage) -> LiveEvent | None:
    """An event as browsers see it; None for one that they do not see, or that is no event at all.

    What cannot be read is a dead letter of those who consume it; here it must not end the stream, whose client would
    resume before it again and again.
    """
    try:
        envelope = json.loads(message.body)
        name = SHOWN.get(envelope["type"])
        if name is None:
            return None
        text = json.dumps({key: envelope[key] for key in _PARTS}, separators=(",", ":"))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("event_not_shown", subject=message.subject, sequence=message.sequence, error=type(error).__name__)
        return None
    return LiveEvent(name, text, id=f"{epoch}-{message.sequence}")
