"""Commands that the gateway publishes on ORDERS."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, DecimalText, EventData, Moment
from shared.trading.policy import LegPolicy
from shared.trading.status import Side, VenueEnvironment


class Ceiling(Contract):
    """The most that may be signed for one symbol and side under a plan: the signer counts it down."""

    symbol: str
    side: Side
    max_quantity: DecimalText
    """Base-asset units."""
    max_notional: DecimalText
    """Quote units: quantity × limit price; for sells the estimate, not enforced."""
    limit_price: DecimalText | None = None
    """Quote per base: a buy may not be signed above it, a sell not below it; not enforced when absent."""
    reference_price: DecimalText | None = None
    """Quote per base: the price that the plan showed; a buy's slippage is limited against it."""
    priced_at: Moment | None = None
    """When that was the market's price: how old it may be at the signature is limited too."""


class PlaceBasketOrder(EventData):
    """Buy the basket of a plan, once for its position, however often the command comes."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    plan_id: UUID
    index_id: str
    approved_amount: DecimalText
    """Quote units that the run may spend at most: all its signed buys together stay within it."""
    ceilings: list[Ceiling]
    expires_at: Moment
    """Signing stops here: a command found much later trades nothing."""
    policy: LegPolicy = LegPolicy.HOLD
    """What becomes of legs that do not fill at once; the signer lets no more be tried again than this says."""


class ClosePosition(EventData):
    """Sell what a position holds, never more."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    plan_id: UUID
    ceilings: list[Ceiling]
    expires_at: Moment
    policy: LegPolicy = LegPolicy.HOLD


class ExecutePlan(EventData):
    """Execute a plan for a position that stands: put money in, trade it back to its targets, or take money out."""

    position_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    plan_id: UUID
    kind: Literal["invest", "rebalance", "withdraw"]
    approved_amount: DecimalText | None = None
    """Quote units that all its signed buys together may move; null for a run that only sells."""
    ceilings: list[Ceiling]
    """One per symbol; sells and buys may stand side by side."""
    expires_at: Moment
    policy: LegPolicy = LegPolicy.HOLD
