"""How the rebalancing of a position stands: what was chosen, what is due, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.rebalancing import RebalanceMode, RebalanceSettings, Trigger


class RebalanceState(StrEnum):
    """Where it stands."""

    IDLE = "idle"
    SUGGESTED = "suggested"
    STARTED = "started"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalancing:
    """One position's settings, and what was found when it was looked at last.

    Attributes:
        reason: What stands in the way.
        plan_id: What is suggested, or was ordered.
        position_version: The state of the position that the suggestion was made for.
        noted_at: When the state began.
        last_at: When the last rebalance was ordered, by anybody.
        dated_from: Periods of the calendar that began until then are done.
        seen_version: Of the index: for this one there was nothing to trade.
        left_out_at: When a plan last found that no coin that was left out can be bought.
        version: Counts what was told of it.
        check_at: When it is looked at next.
        fence: Of the replica that looks at it: an older one writes nothing.
    """

    position_id: UUID
    user_id: UUID
    settings: RebalanceSettings
    state: RebalanceState = RebalanceState.IDLE
    trigger: Trigger | None = None
    reason: str | None = None
    plan_id: UUID | None = None
    position_version: int | None = None
    noted_at: datetime | None = None
    last_at: datetime | None = None
    dated_from: datetime
    seen_version: int = 0
    left_out_at: datetime | None = None
    version: int = 0
    check_at: datetime
    fence: int = 0

    @property
    def stands(self) -> bool:
        """Whether something was told that is not over."""
        return self.state in {RebalanceState.SUGGESTED, RebalanceState.BLOCKED}

    def chosen(self, settings: RebalanceSettings, now: datetime) -> Rebalancing:
        """Other settings: what stood under the old ones is looked at anew, at once.

        The dates of a new calendar are those that come: choosing one trades nothing.
        """
        begins = self.settings.mode is RebalanceMode.MANUAL or settings.calendar is not self.settings.calendar
        found = replace(self._at(RebalanceState.IDLE, now), settings=settings, left_out_at=None, check_at=now)
        return replace(found, dated_from=now) if begins else found

    def suggested(self, trigger: Trigger, *, plan_id: UUID, position_version: int, now: datetime) -> Rebalancing:
        """Its owner is told."""
        return replace(
            self._at(RebalanceState.SUGGESTED, now),
            trigger=trigger,
            plan_id=plan_id,
            position_version=position_version,
        )

    def suggests(self, trigger: Trigger, *, position_version: int) -> bool:
        """Whether just this is suggested already."""
        same = (self.trigger, self.position_version) == (trigger, position_version)
        return self.state is RebalanceState.SUGGESTED and same

    def started(self, trigger: Trigger, *, plan_id: UUID, now: datetime) -> Rebalancing:
        """The plan was ordered."""
        return replace(self._at(RebalanceState.STARTED, now), trigger=trigger, plan_id=plan_id, last_at=now)

    def blocked(self, trigger: Trigger, reason: str, *, now: datetime) -> Rebalancing:
        """It is time, and something stands in the way; the same thing again changes nothing."""
        if (self.state, self.trigger, self.reason) == (RebalanceState.BLOCKED, trigger, reason):
            return self
        return replace(self._at(RebalanceState.BLOCKED, now), trigger=trigger, reason=reason)

    def idle(self, now: datetime) -> Rebalancing:
        """Nothing is due."""
        return self if self.state is RebalanceState.IDLE else self._at(RebalanceState.IDLE, now)

    def still_left_out(self, now: datetime) -> Rebalancing:
        """What was left out cannot be bought yet: nothing is due, and nobody is told each day that it is not."""
        return replace(self.idle(now), left_out_at=now)

    def done(self, *, index_version: int, dated: bool, now: datetime) -> Rebalancing:
        """It was time, and there was nothing to trade: that version, and that date if one was due, are done."""
        found = replace(self.idle(now), seen_version=max(self.seen_version, index_version))
        return replace(found, dated_from=now) if dated else found

    def told_otherwise(self, before: Rebalancing) -> bool:
        """Whether its owner hears of the difference: beginnings of all states, and ends of what stood."""
        facts = (self.state, self.trigger, self.reason, self.plan_id)
        if facts == (before.state, before.trigger, before.reason, before.plan_id):
            return False
        return self.state is not RebalanceState.IDLE or before.stands

    def _at(self, state: RebalanceState, now: datetime) -> Rebalancing:
        return replace(self, state=state, trigger=None, reason=None, plan_id=None, position_version=None, noted_at=now)
