"""What execution refuses, and the stable code of each refusal."""

from __future__ import annotations

from shared.trading.errors import Conflict, Denied, Invalid, NotFound, Unavailable


class UnknownIndex(NotFound):
    """There is no such index in the account's environment."""

    code = "unknown_index"
    title = "There is no such index"


class AccountNotFound(NotFound):
    """There is no such account, or it belongs to somebody else."""

    code = "account_not_found"
    title = "There is no such account"


class AccountSuspended(Denied):
    """The account's key may not trade now."""

    code = "account_suspended"
    title = "This account may not trade now"


class PositionNotFound(NotFound):
    """There is no such position, or it belongs to somebody else."""

    code = "position_not_found"
    title = "There is no such position"


class PlanNotFound(NotFound):
    """There is no such plan, or it belongs to somebody else."""

    code = "plan_not_found"
    title = "There is no such plan"


class PlanExpired(Conflict):
    """The plan's prices are too old to trade on."""

    code = "plan_expired"
    title = "The plan has expired"


class AmountTooSmall(Invalid):
    """Too many legs would fall below the venue's minimum; `minimum_amount` in the context is the amount that works."""

    code = "amount_too_small"
    title = "The amount is too small for this index"


class AmountTooLarge(Invalid):
    """A leg would be larger than the venue takes in one order."""

    code = "amount_too_large"
    title = "The amount is too large for one order"


class InsufficientBalance(Invalid):
    """The account holds less free quote money than the plan needs."""

    code = "insufficient_balance"
    title = "The account does not hold enough"


class NoFreshPrices(Unavailable):
    """The prices at hand are missing, one-sided or too old to trade on."""

    code = "no_fresh_prices"
    title = "There are no fresh prices right now"


class PositionNotClosable(Conflict):
    """The position is not in a state that can be closed."""

    code = "position_not_closable"
    title = "The position cannot be closed now"


class NothingToSell(Conflict):
    """The position holds nothing."""

    code = "nothing_to_sell"
    title = "The position holds nothing to sell"


class NotMonotonic(Invalid):
    """A state change that the order protocol forbids."""

    code = "state_not_monotonic"
    title = "The order cannot go back to that state"
