"""Wrong passwords make the next attempt wait longer; nobody is ever locked out for good (ASVS 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_ATTEMPTS = 3
LONGEST = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Wrong passwords for one address, known or unknown alike."""

    count: int
    last_at: datetime

    def wait(self, now: datetime) -> timedelta:
        """How long the next attempt has to wait yet; zero when it may go on."""
        if self.count < FREE_ATTEMPTS or now - self.last_at >= FORGOTTEN_AFTER:
            return timedelta(0)
        # The exponent is bounded before it is used: an attacker's thousandth attempt must not overflow.
        pause = min(timedelta(seconds=2 ** min(self.count - FREE_ATTEMPTS, 10)), LONGEST)
        return max(self.last_at + pause - now, timedelta(0))


def one_more(before: Failures | None, now: datetime) -> Failures:
    """The failures after another wrong password."""
    if before is None or now - before.last_at >= FORGOTTEN_AFTER:
        return Failures(count=1, last_at=now)
    return Failures(count=before.count + 1, last_at=now)
