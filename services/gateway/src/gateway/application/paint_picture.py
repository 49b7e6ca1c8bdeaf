"""Bring the gateway's picture up to date with what execution, reconciler and keys said."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from gateway.application.ports import Message, Pictures, Strokes
from gateway.domain.account_break import AccountBreak
from gateway.domain.activity import ActivityEntry, leg_sentence, position_sentence
from gateway.domain.position import Deviation, Fill, Leg, Position, Release, Valuation


class PaintPicture:
    """What each message changes; the newest version of each noun wins."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def position(self, message: Message, position: Position, legs: Sequence[Leg]) -> None:
        """A position and all its legs changed."""
        line = _entry(message, position_sentence(position), position.position_id, position.account_id)
        await self._pictures.paint(message, Strokes(positions=[position], legs=legs, activity=[line]))

    async def legs(self, message: Message, legs: Sequence[Leg]) -> None:
        """Legs changed."""
        await self._pictures.paint(message, Strokes(legs=legs))

    async def filled(self, message: Message, leg: Leg) -> None:
        """A leg was filled, which makes a line in the feed."""
        line = _entry(message, leg_sentence(leg), leg.position_id)
        await self._pictures.paint(message, Strokes(legs=[leg], activity=[line]))

    async def fills(self, message: Message, fills: Sequence[Fill]) -> None:
        """Matches entered the books."""
        await self._pictures.paint(message, Strokes(fills=fills))

    async def releases(self, message: Message, releases: Sequence[Release]) -> None:
        """Coins left a position without a sale."""
        await self._pictures.paint(message, Strokes(releases=releases))

    async def valuation(self, message: Message, valuation: Valuation) -> None:
        """A position's value changed."""
        await self._pictures.paint(message, Strokes(valuations=[valuation]))

    async def deviation(self, message: Message, deviation: Deviation, account_id: UUID) -> None:
        """A position left its band, or came back."""
        outside = ", ".join(str(item["symbol"]) for item in deviation.items)
        sentence = f"Outside its weight band: {outside}." if deviation.active else "All weights are in their band."
        line = _entry(message, sentence, deviation.position_id, account_id)
        await self._pictures.paint(message, Strokes(deviations=[deviation], activity=[line]))

    async def broken(
        self, message: Message, found: AccountBreak, sentence: str, *, position_id: UUID | None = None
    ) -> None:
        """Books and venue disagree, or agree again."""
        line = _entry(message, sentence, position_id, found.account_id)
        await self._pictures.paint(message, Strokes(breaks=[found], activity=[line]))

    async def note(
        self, message: Message, sentence: str, *, position_id: UUID | None = None, account_id: UUID | None = None
    ) -> None:
        """Something that only makes a line in the feed."""
        await self._pictures.paint(message, Strokes(activity=[_entry(message, sentence, position_id, account_id)]))


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
