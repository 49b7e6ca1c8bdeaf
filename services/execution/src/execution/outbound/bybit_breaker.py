"""Leaves a venue alone after it has banned this address: each further call would make the ban longer."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from shared.runtime.bybit.outcomes import Unknown
from shared.trading.clock import Clock
from shared.trading.errors import Unavailable

log = structlog.get_logger(__name__)

FORBIDDEN = 403
"""HTTP status: the address is banned, for ten minutes at least (Bybit, rate limit rules)."""
TOO_FREQUENT = 10429
"""The system's own protection against frequency."""


class VenueBreaker:
    """One per host and process.

    Args:
        pause: How long no private call leaves after a ban.
        host: For the log.
    """

    def __init__(self, *, pause: timedelta, clock: Clock, host: str) -> None:
        self._pause = pause
        self._clock = clock
        self._host = host
        self._until: datetime | None = None

    @property
    def rest_s(self) -> float:
        """Seconds until calls may leave again; zero when they may."""
        if self._until is None:
            return 0.0
        return max((self._until - self._clock.now()).total_seconds(), 0.0)

    def check(self) -> None:
        """Pass, when calls may leave.

        Raises:
            Unavailable: the pause lasts; nothing was sent.
        """
        if self.rest_s:
            raise Unavailable(
                "The venue has asked us to pause; nothing was done.", code="venue_paused", retry_after_s=self.rest_s
            )

    def heard(self, outcome: object) -> None:
        """Read an outcome for signs of a ban."""
        if not isinstance(outcome, Unknown) or (outcome.http_status != FORBIDDEN and outcome.code != TOO_FREQUENT):
            return
        self._until = self._clock.now() + self._pause
        log.error("venue_paused", host=self._host, reason=outcome.reason, pause_s=self._pause.total_seconds())
