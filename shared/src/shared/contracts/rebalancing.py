"""Events about bringing positions back to their targets: published by the gateway, which decides when it is time."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.fields import EventData, Moment
from shared.trading.status import VenueEnvironment

RebalanceModeName = Literal["manual", "suggested", "automatic"]
TriggerName = Literal["index_changed", "calendar", "drift", "new_cash"]


class RebalanceNews(EventData):
    """How the rebalancing of a position stands: the same facts in every one of its events."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    mode: RebalanceModeName
    trigger: TriggerName | None = None
    """Why it is time: the index has a newer version, a date of the calendar, a coin out of its band, idle cash."""
    reason: str | None = None
    """What stands in the way, details behind a colon, several with commas between; of a blocked one alone."""
    plan_id: UUID | None = None
    """The plan that is suggested, or was ordered."""
    at: Moment


class RebalanceSuggested(RebalanceNews):
    """It is time; the plan waits for its owner."""


class RebalanceStarted(RebalanceNews):
    """It was time, and the plan was ordered in the owner's name, as they chose."""


class RebalanceBlocked(RebalanceNews):
    """It is time, and something stands in the way; nothing was ordered. It is looked at again and again."""


class RebalanceWithdrawn(RebalanceNews):
    """What was suggested or blocked is over: the position is near its targets again, or was traded."""
