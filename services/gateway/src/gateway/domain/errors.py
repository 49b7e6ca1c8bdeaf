"""What the public door itself refuses; everything else is said by the service that knows."""

from __future__ import annotations

from shared.trading.errors import Conflict, Invalid, NotFound


class PlanNotFound(NotFound):
    """No such plan was handed to this user."""

    code = "plan_not_found"
    title = "There is no such plan"


class PlanExpired(Conflict):
    """The plan's prices are too old to trade on."""

    code = "plan_expired"
    title = "The plan has expired"


class PlanAlreadyUsed(Conflict):
    """A plan is executed at most once."""

    code = "plan_already_used"
    title = "The plan was used already"


class PlanAlreadyExecuted(PlanAlreadyUsed):
    """The plan was ordered before, for a position that stands."""

    code = "plan_already_executed"
    title = "The plan was traded already"


class PlanNotForThis(Invalid):
    """A plan does what it was made for, to the position it was made for, and nothing else."""

    code = "plan_not_for_this"
    title = "The plan is for something else"


class PlanChanged(Conflict):
    """What the plan was made for is no longer so: the position, its prices or its money."""

    code = "plan_changed"
    title = "The plan no longer fits"


class NothingToDo(Conflict):
    """The plan trades nothing, so it cannot be executed."""

    code = "nothing_to_do"
    title = "There is nothing to do"


class NothingToSell(Conflict):
    """None of the position's coins can be sold now, so it cannot be closed."""

    code = "nothing_to_sell"
    title = "Nothing of the position can be sold now"


class PositionBusy(Conflict):
    """Only an active position takes an order."""

    code = "position_busy"
    title = "The position cannot take an order now"


class RunAlreadyRequested(Conflict):
    """An order for the position was taken and has not been answered yet."""

    code = "run_already_requested"
    title = "An order for the position is under way"


class RebalancingChanged(Conflict):
    """The owner chose otherwise while an automatic order was being made."""

    code = "rebalancing_changed"
    title = "The position's rebalancing was changed; nothing was ordered"


class IdempotencyKeyReused(Invalid):
    """The key came before with another request."""

    code = "idempotency_key_reused"
    title = "The Idempotency-Key belongs to another request"


class PositionNotFound(NotFound):
    """No such position of this user."""

    code = "position_not_found"
    title = "There is no such position"


class PositionNotClosable(Conflict):
    """Only an active position can be closed."""

    code = "position_not_closable"
    title = "The position cannot be closed now"


class CloseAlreadyRequested(Conflict):
    """An order to sell was taken and has not been answered yet; a second one could sell coins of the user's own."""

    code = "close_already_requested"
    title = "The position is being closed already"


class PositionOver(Conflict):
    """A position that is sold, or was never bought, is not brought back to anything."""

    code = "position_over"
    title = "The position is over"


class StreamPositionGone(NotFound):
    """The position in the live feed can no longer be resumed."""

    code = "stream_position_gone"
    title = "That point of the live feed is gone"
