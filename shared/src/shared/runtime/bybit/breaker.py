"""Leaves a venue alone after it has banned this address: each further call would make the ban longer."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from shared.runtime.bybit.outcomes import Unknown
from shared.trading.clock import Clock
from shared.trading.errors import Unavailable

log = structlog.get_logger(__name__)

BAN_PAUSE = timedelta(minutes=10)
"""So long the venue bans an address at least (Bybit, rate limit rules)."""
BAN_STATUSES = frozenset({403, 429})
"""HTTP statuses of an address that asks too often; 403 is said by the ban itself."""
TOO_FREQUENT = 10429
"""The system's own protection against frequency."""


class VenueBreaker:
    """One per host and set of connections; used on the loop's own thread only.

    Args:
        pause: How long no call leaves after a ban.
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

    @property
    def refusal(self) -> Unavailable | None:
        """What to say instead of a call while the pause lasts; None when calls may leave."""
        if not self.rest_s:
            return None
        return Unavailable(
            "The venue has asked us to pause; nothing was done.", code="venue_paused", retry_after_s=self.rest_s
        )

    def check(self) -> None:
        """Pass, when calls may leave.

        Raises:
            Unavailable: the pause lasts; nothing was sent.
        """
        refusal = self.refusal
        if refusal is not None:
            raise refusal

    def heard(self, outcome: object) -> None:
        """Read an outcome for signs of a ban."""
        if not isinstance(outcome, Unknown):
            return
        if outcome.http_status not in BAN_STATUSES and outcome.code != TOO_FREQUENT:
            return
        self._until = self._clock.now() + self._pause
        log.error("venue_paused", host=self._host, reason=outcome.reason, pause_s=self._pause.total_seconds())
