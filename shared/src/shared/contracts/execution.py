"""Events and views of execution, the authority on positions, legs and fills.

Events carry the whole state of their noun with its version, so that a reader that missed one is right after the next.
An event that tells of many nouns at once is an aggregate of its own, told once: the version in each of its parts counts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, DecimalText, EventData, Moment
from shared.trading.flow import FlowKind
from shared.trading.policy import LegPolicy
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment


class LegView(Contract):
    """One instrument's part of a basket order, as its run knows it."""

    leg_id: UUID
    position_id: UUID
    run_id: UUID
    number: int
    symbol: str
    base_asset: str
    side: Side
    status: LegStatus
    reason: str | None = None
    """Why it is not simply filled: `notional_below_minimum`, `price_band`, `insufficient_balance`, …"""
    target_weight: DecimalText
    """Fraction of the position that this constituent should be."""
    quantity: DecimalText
    """Ordered, base-asset units."""
    limit_price: DecimalText
    """Quote per base."""
    filled_quantity: DecimalText
    """Matched, base-asset units, before a base-coin fee."""
    average_price: DecimalText | None = None
    """Quote per base over the fills; null before the first."""
    notional: DecimalText
    """Σ price × quantity of the fills, quote units."""
    fee: DecimalText
    """Σ of the fills' fees in `fee_asset`."""
    fee_asset: str | None = None
    residual: DecimalText
    """Base-asset units left over because the venue would not sell them."""
    client_order_id: str | None = None
    venue_order_id: str | None = None
    arrival_price: DecimalText | None = None
    """Mid of the book when the plan was made, quote per base: what slippage is measured against."""
    version: int
    """Counts this leg's states."""


class FillView(Contract):
    """One match at the venue."""

    exec_id: str
    position_id: UUID
    leg_id: UUID
    run_id: UUID
    symbol: str
    side: Side
    price: DecimalText
    quantity: DecimalText
    fee: DecimalText
    fee_asset: str
    at: Moment
    client_order_id: str
    venue_order_id: str
    fee_value: DecimalText | None = None
    """The fee in quote units when it was booked."""
    fee_value_stale: bool = False
    """A third coin's price was old or not to be had (then nothing is counted for it)."""
    entry: int | None = None
    """Number of the change that it made to its coin in its position; matches and releases of a coin count together."""


class PositionView(Contract):
    """A position as execution knows it."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    index_version: int
    status: PositionStatus
    complete: bool
    """False when legs are missing under the position's policy; the reasons say which."""
    reasons: list[str]
    blocked_reason: str | None = None
    trading_paused: str | None = None
    """Why nothing trades on it by itself: `shortage:BTC` until the user says what happened to its coins."""
    policy: LegPolicy = LegPolicy.HOLD
    """What becomes of legs that do not fill at once, as the newest plan that a user ordered says."""
    run_id: UUID
    run_kind: Literal["buy", "close", "invest", "rebalance", "withdraw", "unwind"]
    approved_amount: DecimalText
    """Quote units approved for the opening run."""
    invested: DecimalText
    """Quote units paid so far for buys."""
    proceeds: DecimalText
    """Quote units received so far from sells, after quote fees."""
    contributed: DecimalText = Decimal(0)
    """Quote units that came in from the account's free money so far; while a buy trades, all that it may spend."""
    withdrawn: DecimalText = Decimal(0)
    """Quote units that went back to the account's free money so far."""
    cash: DecimalText = Decimal(0)
    """The position's own quote money: contributed - withdrawn + proceeds - invested."""
    legs: list[LegView]
    """By run and number; of a long life the newest, at most 200 in an event."""
    created_at: Moment
    updated_at: Moment
    version: int
    """Counts this position's states."""


class PositionExecuting(EventData):
    """The run was accepted and trades."""

    position: PositionView


class PositionActive(EventData):
    """Every leg of the newest run settled and the position holds something; `run_kind` says what the run was for."""

    position: PositionView


class PositionFailed(EventData):
    """Nothing was bought."""

    position: PositionView


class PositionRebalancing(EventData):
    """A run on a position that stands was accepted: more money in, back to its targets, or money out."""

    position: PositionView


class PositionClosing(EventData):
    """A closing run was accepted."""

    position: PositionView


class PositionClosed(EventData):
    """Everything sellable was sold; a residual moved to the user's unassigned coins."""

    position: PositionView


class LegsUpdated(EventData):
    """Legs of one position changed in one transaction; those filled in it have a `leg_filled` of their own instead."""

    user_id: UUID
    position_id: UUID
    legs: list[LegView]
    """Each with its own version: keep those that are newer than what you have."""


class LegFilled(EventData):
    """A leg was filled completely: told once for each leg; what changes of it later is in `legs_updated`."""

    user_id: UUID
    leg: LegView


class FillsBooked(EventData):
    """Matches of one position entered the books in one transaction; `exec_id` is unique per account."""

    user_id: UUID
    account_id: UUID
    position_id: UUID
    fills: list[FillView]


class ReleaseView(Contract):
    """A coin that left a position for the user's own, at average cost, without a sale of ours."""

    asset: str
    symbol: str
    quantity: DecimalText
    """Base-asset units."""
    why: Literal["residual", "sold", "withdrawn"]
    """The venue would not sell so little, or what the user said of coins that were missing."""
    at: Moment
    entry: int
    """Number of the change that it made to its coin in its position."""


class CoinsReleased(EventData):
    """Coins of one position went to the user's own: with its matches this is all that changes what it holds."""

    user_id: UUID
    account_id: UUID
    position_id: UUID
    releases: list[ReleaseView]


class IncidentRaised(EventData):
    """Something a person must look at: a leg that needs attention, a late fill, an unknown order of ours."""

    user_id: UUID
    account_id: UUID
    position_id: UUID | None = None
    code: str
    detail: str
    client_order_id: str | None = None


class FlowView(Contract):
    """Coins that moved on a venue account without an order of ours; on the user's own coins, no position's."""

    flow_id: str
    """Unique per account."""
    kind: FlowKind
    venue_type: str
    """The venue's own word."""
    asset: str
    """What moved; of a trade the base coin."""
    amount: DecimalText
    """Signed units of `asset`: positive came in."""
    symbol: str | None = None
    price: DecimalText | None = None
    """Of a trade, quote per base."""
    counter_asset: str | None = None
    """Of a trade, the quote coin."""
    counter_amount: DecimalText
    """Signed units of `counter_asset`."""
    fee: DecimalText
    fee_asset: str | None = None
    at: Moment
    booked_at: Moment


class AccountFlowsBooked(EventData):
    """Manual trades, transfers, interest, conversions and the like entered the books of an account."""

    user_id: UUID
    account_id: UUID
    flows: list[FlowView]


class ShortageShare(Contract):
    """What of a shortage one position bears, in units of the coin."""

    position_id: UUID
    quantity: DecimalText


class ShortageView(Contract):
    """Coins that positions hold in the books and the account does not; they do not trade until the user says why."""

    shortage_id: UUID
    account_id: UUID
    asset: str
    quantity: DecimalText
    """Units missing; of a resolved shortage what was missing last."""
    state: Literal["open", "waiting", "resolved"]
    how: str | None = None
    """What the user said (`sold`, `withdrawn`, `will_return`), or `returned`; `covered` when nothing need have come back:
    positions traded or ended since, and the account holds enough for what is theirs now."""
    shares: list[ShortageShare]
    found_at: Moment
    changed_at: Moment
    version: int


class ShortageChanged(EventData):
    """Coins of positions are missing on an account, the user has said why, or they are back."""

    user_id: UUID
    shortage: ShortageView
