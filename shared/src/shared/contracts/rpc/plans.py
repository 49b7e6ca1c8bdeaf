"""Questions to execution about plans: what a purchase, a close or a run on a position would send, and what it costs."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.orders import Ceiling
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.policy import LegPolicy
from shared.trading.status import Side, VenueEnvironment

RunKindName = Literal["invest", "rebalance", "withdraw"]
"""What a plan on a standing position is for."""


class MakePlan(Contract):
    """Plan to buy an index; `amount` in quote units (USDT)."""

    user_id: UUID
    account_id: UUID
    index_id: str
    amount: DecimalText
    policy: LegPolicy = LegPolicy.HOLD


class MakeClosePlan(Contract):
    """Plan to sell what a position holds."""

    user_id: UUID
    position_id: UUID
    policy: LegPolicy = LegPolicy.HOLD


class PlanOptions(Contract):
    """What a person may choose about a plan for a position that stands."""

    mode: Literal["full", "drifted", "buy_only"] = "full"
    """Rebalance: every coin to its target, only the coins outside their band, or no sells at all."""
    exclude: list[str] = Field(default_factory=list, max_length=100)
    """Symbols that are not traded."""
    absolute_band: DecimalText | None = None
    """Drift (a fraction of the position) from which a coin is outside its band; the platform's own when null."""
    relative_band: DecimalText | None = None
    """The same as a share of the coin's target weight; one of both bands suffices."""


class MakeRunPlan(Contract):
    """Plan a run on a position that stands; `amount` in quote units, for all but a rebalance."""

    user_id: UUID
    position_id: UUID
    kind: RunKindName
    amount: DecimalText | None = None
    options: PlanOptions = Field(default_factory=PlanOptions)
    policy: LegPolicy = LegPolicy.HOLD


class PlanLeg(Contract):
    """One line of a plan."""

    number: int
    symbol: str
    base_asset: str
    side: Side
    target_weight: DecimalText
    """The index's own weight, a fraction."""
    effective_weight: DecimalText
    """After skipped legs were spread: the position's target; zero for a skipped leg."""
    quantity: DecimalText
    """On the lot grid, base-asset units; zero when skipped."""
    estimated_price: DecimalText
    """Best price now, quote per base."""
    limit_price: DecimalText
    """The worst acceptable price: inside the band, on the tick grid."""
    notional: DecimalText
    """quantity × estimated_price, quote units."""
    max_notional: DecimalText
    """quantity × limit_price, quote units."""
    fee: DecimalText
    """Estimate in `fee_asset`."""
    fee_asset: str
    price_at: Moment
    check: Literal[
        "ok",
        "too_small",
        "not_trading",
        "no_price",
        "too_large",
        "residual",
        "delisted",
        "excluded",
        "halted",
        "over_limit",
        "illiquid",
        "hold",
    ]
    """`hold`: nothing to trade; everything else but `ok` says why nothing is sent."""
    reason: str | None = None
    required_amount: DecimalText | None = None
    """The amount for the whole plan at which this leg would no longer be too small."""
    weight_before: DecimalText | None = None
    """Share of the position's coins now, a fraction; null where the plan opens a position."""
    weight_after: DecimalText | None = None
    """The same after the plan, by the prices of the plan."""
    book_price: DecimalText | None = None
    """Average price at which the order book would fill it now, quote per base; null where no book was seen."""
    book_notional: DecimalText | None = None
    """What of it the order book takes within the limit price now, quote units; null where no book was seen."""
    largest_amount: DecimalText | None = None
    """`illiquid`: the amount for the whole plan up to which the book would fill it; null where no amount would do."""
    slippage: DecimalText | None = None
    """What it costs against the mid, by the order book or else the best price, quote units; above zero is worse for you,
    on both sides. Null where nothing is sent, or no mid is known."""


class TargetChange(Contract):
    """A constituent whose target differs from the one that the position had."""

    asset: str
    before: DecimalText | None = None
    """Null: it was no constituent."""
    after: DecimalText | None = None
    """Null: it is none any more, and is sold."""


class PlanView(Contract):
    """An immutable plan: what will be sent, what it costs, until when it stands. Amounts in `currency` units."""

    plan_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: Literal["buy", "close", "invest", "rebalance", "withdraw"]
    index_id: str
    index_version: int
    position_id: UUID | None = None
    currency: str = "USDT"
    amount: DecimalText
    """Approved at most (buy, invest), asked for (withdraw), what it brings by estimate (close), or zero (rebalance)."""
    legs: list[PlanLeg]
    total_notional: DecimalText
    total_fee: DecimalText
    """Estimate, quote units."""
    cash_after: DecimalText
    """Buy: amount - Σ max_notional, what is not spent at least. Else the position's own cash after the plan."""
    available: DecimalText
    """What the account could spend when the plan was made."""
    minimum_amount: DecimalText
    """The smallest amount that skips no leg."""
    price_band: DecimalText
    """Fraction by which a limit price may differ from the best price."""
    ceilings: list[Ceiling]
    warnings: list[str]
    created_at: Moment
    expires_at: Moment
    executable: bool = True
    """False when there is nothing to do, or nothing can be sold: the plan says so, and cannot be executed. A close of a
    position that holds only its own cash has no legs and can be executed."""
    position_version: int | None = None
    """The state of the position that the plan was made for; any other refuses it."""
    total_buy: DecimalText | None = None
    """Σ notional of the buys, quote units."""
    total_sell: DecimalText | None = None
    """Σ notional of the sells, quote units."""
    drift_before: DecimalText | None = None
    """The largest absolute drift now, a fraction; null where the plan opens or ends a position."""
    drift_after: DecimalText | None = None
    """The same after the plan, by the prices of the plan."""
    slippage: DecimalText | None = None
    """What the legs cost against the mid, as the order books would fill them now (best prices where none was seen), quote
    units; above zero is worse for you, on buys and sells alike."""
    slippage_max: DecimalText | None = None
    """The same at the limit prices, against the same mids: it cannot cost more."""
    changes: list[TargetChange] = Field(default_factory=list)
    """What a newer index version changes for the position."""
    options: PlanOptions | None = None
    policy: LegPolicy = LegPolicy.HOLD
    """What becomes of legs that do not fill at once."""


MAKE_PLAN = RpcVerb("execution", "make_plan", MakePlan, PlanView, callers=("gateway",), timeout_s=10.0)
MAKE_CLOSE_PLAN = RpcVerb("execution", "make_close_plan", MakeClosePlan, PlanView, callers=("gateway",), timeout_s=10.0)
MAKE_RUN_PLAN = RpcVerb("execution", "make_run_plan", MakeRunPlan, PlanView, callers=("gateway",), timeout_s=10.0)
VERBS = (MAKE_PLAN, MAKE_CLOSE_PLAN, MAKE_RUN_PLAN)
