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


class BookTooThin(Invalid):
    """The order books hold too little of too much of the index; `largest_amount` in the context is what works, if any."""

    code = "book_too_thin"
    title = "The order books are too thin for this amount"


class AmountTooLarge(Invalid):
    """A leg would be larger than the venue takes in one order."""

    code = "amount_too_large"
    title = "The amount is too large for one order"


class AmountAboveValue(Invalid):
    """More is to be taken out than the position can bring; `available` stands in the context."""

    code = "amount_above_value"
    title = "The position is not worth that much"


class InsufficientBalance(Invalid):
    """The account holds less free quote money than the plan needs."""

    code = "insufficient_balance"
    title = "The account does not hold enough"


class NoFreshPrices(Unavailable):
    """The prices at hand are missing, one-sided or too old to trade on."""

    code = "no_fresh_prices"
    title = "There are no fresh prices right now"


class CoinsHalted(Conflict):
    """So much of the index is halted or not traded that the rest would not be the index; `symbols` are in the context."""

    code = "halted"
    title = "Coins of this index are halted"


class PositionNotClosable(Conflict):
    """The position is not in a state that can be closed."""

    code = "position_not_closable"
    title = "The position cannot be closed now"


class PositionBusy(Conflict):
    """The position trades, is over, or an order of it is not known to have ended."""

    code = "position_busy"
    title = "The position cannot take an order now"


class PositionChanged(Conflict):
    """The position is not as it was when the plan was made."""

    code = "position_changed"
    title = "The position has changed since the plan was made"


class AmountNotApproved(Conflict):
    """The order approves less than its plan's buys may cost."""

    code = "approved_amount_below_plan"
    title = "The approved amount is below the plan's"


class PolicyNotForThis(Invalid):
    """Only what was bought can be unwound."""

    code = "policy_not_for_this"
    title = "The policy does not fit this plan"


class NothingToDo(Conflict):
    """The plan says that there is nothing to do."""

    code = "nothing_to_do"
    title = "There is nothing to do"


class NothingToSell(Conflict):
    """The position's coins are all put aside, or none of them can be sold now."""

    code = "nothing_to_sell"
    title = "Nothing of the position can be sold now"


class OrderNotFound(NotFound):
    """There is no such order, or it belongs to somebody else."""

    code = "order_not_found"
    title = "There is no such order"


class OrderNotWaiting(Conflict):
    """Only an order that waits for a person can be settled by hand."""

    code = "order_not_waiting"
    title = "The order does not wait for a person"


class OrderMayStillLand(Conflict):
    """The venue may still take the order's last send: nothing can be proved before that moment is over."""

    code = "order_may_still_land"
    title = "The order may still reach the venue"


class VenueKnowsTheOrder(Conflict):
    """The venue shows the order: its word is booked, not a person's."""

    code = "venue_knows_the_order"
    title = "The venue knows this order"


class VenueCannotBeAsked(Conflict):
    """The account's key works no more, so nobody can ask the venue about its orders."""

    code = "venue_cannot_be_asked"
    title = "The venue cannot be asked about this order"


class ShortageNotFound(NotFound):
    """Nothing of this coin is missing on the account, or the account belongs to somebody else."""

    code = "shortage_not_found"
    title = "Nothing is missing"


class ShortageChanged(Conflict):
    """The answer is about a shortage that is over, or about another one."""

    code = "shortage_changed"
    title = "The shortage is not as it was"
