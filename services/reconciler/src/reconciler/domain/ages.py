"""How long points are kept how closely: five minutes for two days, hours for sixty days, days for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

CLOSE_FOR = timedelta(days=2)
HOURS_FOR = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Where the ages begin, on whole hours and days: a bucket is thinned when it is complete.

    Attributes:
        all_since: Every point is kept from here on.
        hours_since: From here to `all_since` each hour keeps its last, lowest and highest point, before it each day:
            a fall does not vanish from the drawdown by growing old.
    """

    all_since: datetime
    hours_since: datetime


def ages_at(now: datetime) -> Ages:
    """The ages at a moment."""
    hour = (now - CLOSE_FOR).replace(minute=0, second=0, microsecond=0)
    day = (now - HOURS_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    return Ages(all_since=hour, hours_since=day)
