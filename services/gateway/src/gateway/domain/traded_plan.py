"""A plan that was ordered before: by which order, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from gateway.domain.errors import PlanAlreadyExecuted, PlanAlreadyUsed
from shared.trading.status import PositionStatus

_RESTING = frozenset({PositionStatus.ACTIVE, PositionStatus.CLOSED, PositionStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedPlan:
    """The one order that a plan was good for, as the picture shows it now.

    Attributes:
        position_id: What it opened or changed.
        ordered_at: When the order was taken.
        status: Of the position now.
        newest_run: Of the position; a run has its plan's id.
        heard: Whether execution has said a word about the position since.
        opened: It opened the position; otherwise it was a run of one that stood.
        legs: Legs of the plan's run that are known; `filled` of them are filled completely.
    """

    plan_id: UUID
    position_id: UUID
    ordered_at: datetime
    status: PositionStatus
    newest_run: UUID | None
    heard: bool
    legs: int
    filled: int
    opened: bool

    @property
    def stands(self) -> str:
        """`taken` until execution speaks, then `under_way`, then `ended`."""
        if not self.heard:
            return "taken"
        mine = self.newest_run in {None, self.plan_id}
        return "under_way" if mine and self.status not in _RESTING else "ended"

    def refusal(self) -> PlanAlreadyUsed:
        """Why it is not ordered again: it never asks for another plan, which would trade the same once more."""
        known = f"{self.filled} of its {self.legs} legs are filled" if self.legs else "no leg of it is known"
        how = {
            "taken": "it waits to be carried out",
            "under_way": f"it is being carried out, {known}",
            "ended": f"it has ended, {known}",
        }[self.stands]
        ordered = f"{self.ordered_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        kind = PlanAlreadyUsed if self.opened else PlanAlreadyExecuted
        done = "opened" if self.opened else "was ordered for"
        return kind(
            f"This plan was ordered already, at {ordered}: it {done} position {self.position_id}; {how}, and the "
            f"position is {self.status}. Nothing more was ordered.",
            context={
                "position_id": str(self.position_id),
                "run_id": str(self.plan_id),
                "ordered_at": self.ordered_at.isoformat(),
                "stands": self.stands,
                "position_status": self.status.value,
                "legs": self.legs,
                "filled": self.filled,
            },
        )
