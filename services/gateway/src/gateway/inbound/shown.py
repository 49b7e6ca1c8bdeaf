"""What browsers see of the bus: an allow-list of events, and of each event the parts that are theirs."""

from __future__ import annotations

import json

from gateway.application.live_event import LiveEvent
from gateway.application.ports import FeedMessage
from shared.contracts.registry import EVENTS

_DOMAINS = ("execution", "portfolio")
_PARTS = ("id", "type", "time", "aggregate_id", "aggregate_version", "data")
SHOWN: dict[str, str] = {
    event.type: event.name
    for event in EVENTS
    if event.domain in _DOMAINS or (event.domain == "account" and event.name.startswith(("key_", "trading_")))
}
"""Envelope type → name of the live event: an allow-list; commands with their ceilings are not in it."""


def show(epoch: str, message: FeedMessage) -> LiveEvent | None:
    """An event as browsers see it; None for one that they do not see."""
    envelope = json.loads(message.body)
    name = SHOWN.get(envelope.get("type", ""))
    if name is None:
        return None
    text = json.dumps({key: envelope[key] for key in _PARTS}, separators=(",", ":"))
    return LiveEvent(name, text, id=f"{epoch}-{message.sequence}")
