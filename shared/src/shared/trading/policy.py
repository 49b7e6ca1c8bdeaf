"""What becomes of a leg that does not fill at once: chosen by the user in the plan, known to whoever trades and signs."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid5


class LegPolicy(StrEnum):
    """What a run does about legs that end without being filled."""

    COMPLETE = "COMPLETE"
    """What stays unfilled is tried again within the price band, until a deadline."""
    HOLD = "HOLD"
    """What filled is kept, and the rest is reported."""
    UNWIND = "UNWIND"
    """When a leg fails, a run of its own sells what this run bought."""


RETRIES_MAX = 15
"""New attempts of one leg at most: execution makes no more, and keys lets no more take the place of an earlier one."""
UNWIND_WITHIN = timedelta(minutes=30)
"""After the end of its run's signing time, what was bought may be sold again this long."""


def unwinding(plan_id: UUID) -> UUID:
    """The plan of the run that sells again what the given plan bought: one for each, known before anything is sent."""
    return uuid5(plan_id, "unwind")
