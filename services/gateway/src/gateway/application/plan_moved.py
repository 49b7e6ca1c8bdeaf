"""The refusal of a plan that no longer fits, with what it would be now beside it."""

from __future__ import annotations

from gateway.application.ports import MadeAgain
from gateway.domain.errors import PlanChanged


def plan_changed(why: str, made: MadeAgain) -> PlanChanged:
    """The refusal; the new plan stands in its context."""
    return PlanChanged(
        f"{why}; nothing was ordered. The same plan as it would be now stands beside this answer.",
        context={"moved": list(made.moved), "plan": dict(made.plan)},
    )


def must_not_have_moved(made: MadeAgain) -> None:
    """Check that a plan made anew has the prices of the one that was looked at.

    Raises:
        PlanChanged: a price has moved beyond the tolerance.
    """
    if made.moved:
        raise plan_changed(f"The price of {', '.join(made.moved)} has moved since the plan was made", made)
