"""Keep what a consumer gave up on, loudly: each is a message whose effect is missing somewhere."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.application.ports import DeadLetter, DeadLetters

log = structlog.get_logger(__name__)


class KeepDeadLetter:
    """Copies a letter once.

    Args:
        counted: Told the stream of every new letter, for the alert.
    """

    def __init__(self, letters: DeadLetters, *, counted: Callable[[str], None]) -> None:
        self._letters = letters
        self._counted = counted

    async def __call__(self, letter: DeadLetter) -> None:
        """Copy a letter; one that is there already, by stream, sequence and consumer, changes nothing."""
        if await self._letters.keep(letter):
            self._counted(letter.stream)
            log.error(
                "dead_letter",
                stream=letter.stream,
                sequence=letter.sequence,
                consumer=letter.consumer,
                subject=letter.subject,
                code=letter.code,
                detail=letter.error,
            )
