"""Bring the gateway's picture up to date with what execution, reconciler and keys said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.application.ports import Pictures
from gateway.domain.activity import ActivityEntry, leg_sentence, position_sentence
from gateway.domain.position import Deviation, Fill, Leg, Position, Valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The envelope of what was said.

    Attributes:
        consumer: The durable consumer that brought it.
        type: Such as `execution.leg_filled`.
    """

    consumer: str
    event_id: UUID
    user_id: UUID
    type: str
    at: datetime


class PaintPicture:
    """Applies one message in one transaction with its inbox row; the newest version of each noun wins."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def position(self, message: Message, position: Position, legs: list[Leg]) -> None:
        """A position and all its legs changed."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is None:
                return
            await picture.position(position)
            await picture.legs(message.user_id, legs)
            sentence = position_sentence(position)
            await picture.activity(_entry(message, sentence, position.position_id, position.account_id))

    async def legs(self, message: Message, legs: list[Leg]) -> None:
        """Legs changed."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is not None:
                await picture.legs(message.user_id, legs)

    async def filled(self, message: Message, leg: Leg) -> None:
        """A leg was filled, which makes a line in the feed."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is None:
                return
            await picture.legs(message.user_id, [leg])
            await picture.activity(_entry(message, leg_sentence(leg), leg.position_id))

    async def fills(self, message: Message, fills: list[Fill]) -> None:
        """Matches entered the books."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is not None:
                await picture.fills(message.user_id, fills)

    async def valuation(self, message: Message, valuation: Valuation) -> None:
        """A position's value changed."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is not None:
                await picture.valuation(valuation)

    async def deviation(self, message: Message, deviation: Deviation, account_id: UUID) -> None:
        """A position left its band, or came back."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is None:
                return
            await picture.deviation(deviation)
            outside = ", ".join(str(item["symbol"]) for item in deviation.items)
            sentence = f"Outside its weight band: {outside}." if deviation.active else "All weights are in their band."
            await picture.activity(_entry(message, sentence, deviation.position_id, account_id))

    async def note(
        self, message: Message, sentence: str, *, position_id: UUID | None = None, account_id: UUID | None = None
    ) -> None:
        """Something that only makes a line in the feed."""
        async with self._pictures.first(message.consumer, message.event_id, message.user_id) as picture:
            if picture is not None:
                await picture.activity(_entry(message, sentence, position_id, account_id))


def _entry(
    message: Message, sentence: str, position_id: UUID | None = None, account_id: UUID | None = None
) -> ActivityEntry:
    return ActivityEntry(
        event_id=message.event_id,
        user_id=message.user_id,
        at=message.at,
        type=message.type,
        sentence=sentence,
        position_id=position_id,
        account_id=account_id,
    )
