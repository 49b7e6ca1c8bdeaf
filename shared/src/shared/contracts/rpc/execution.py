"""Questions to execution."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.execution import FillView, FlowView, PositionView, ShortageView
from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.orders import Ceiling
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.policy import LegPolicy
from shared.trading.status import PositionStatus, Side, VenueEnvironment

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


class PositionRef(Contract):
    """One position of a user."""

    user_id: UUID
    position_id: UUID


class PositionDetail(Contract):
    """A position with its fills, oldest first."""

    position: PositionView
    fills: list[FillView]


class ListAccounts(Contract):
    """Accounts with something to reconcile, after a cursor."""

    after: UUID | None = None
    limit: int = 500


class AccountRef(Contract):
    """A venue account and its owner."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment


class AccountList(Contract):
    """Accounts, sorted by id."""

    items: list[AccountRef]


class GetBooks(Contract):
    """Our books of one account."""

    user_id: UUID
    account_id: UUID


class BookedHolding(Contract):
    """One coin of one position in our books."""

    asset: str
    symbol: str
    quantity: DecimalText
    cost: DecimalText
    realised: DecimalText
    target_weight: DecimalText


class BookedPosition(Contract):
    """One position in our books; amounts in quote units."""

    position_id: UUID
    status: PositionStatus
    index_id: str
    version: int
    invested: DecimalText
    proceeds: DecimalText
    fees: DecimalText
    """Fees so far at fill-time value."""
    contributed: DecimalText = Decimal(0)
    """Quote units that came in from the account's free money so far; while a buy trades, all that it may spend."""
    withdrawn: DecimalText = Decimal(0)
    """Quote units that went back to the account's free money so far."""
    cash: DecimalText = Decimal(0)
    """The position's own quote money: contributed - withdrawn + proceeds - invested."""
    holdings: list[BookedHolding]
    traded_at: Moment
    """Of the last fill or state change."""


class OpenOrder(Contract):
    """An attempt that is not terminal."""

    client_order_id: str
    position_id: UUID
    symbol: str
    state: str
    since: Moment


class BookedShortage(Contract):
    """Units of a coin that positions hold and the account did not when it was last looked at."""

    asset: str
    quantity: DecimalText


class Books(Contract):
    """Everything our books say about one venue account."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    positions: list[BookedPosition]
    open_orders: list[OpenOrder]
    first_trade_at: Moment | None = None
    shortages: list[BookedShortage] = Field(default_factory=list)


class KnownExecutions(Contract):
    """Which of these matches are not in our books?"""

    user_id: UUID
    account_id: UUID
    exec_ids: list[str]
    flow_ids: list[str] = Field(default_factory=list)
    """Of what was not ours: which of these are not booked?"""


class MissingExecutions(Contract):
    """The ones we do not have."""

    exec_ids: list[str]
    flow_ids: list[str] = Field(default_factory=list)


class ListFlows(Contract):
    """Flows of an account, newest first, before a cursor."""

    user_id: UUID
    account_id: UUID
    limit: int = Field(default=50, ge=1, le=500)
    before_at: Moment | None = None
    before_id: str | None = None


class FlowList(Contract):
    """Flows, newest first."""

    items: list[FlowView]


class ListShortages(Contract):
    """Coins that are missing on an account."""

    user_id: UUID
    account_id: UUID


class ShortageList(Contract):
    """Shortages that are not resolved, by coin."""

    items: list[ShortageView]


class ResolveShortage(Contract):
    """The user says what happened to missing coins."""

    user_id: UUID
    account_id: UUID
    asset: str = Field(min_length=1, max_length=20)
    how: Literal["sold", "withdrawn", "will_return"]
    shortage_id: UUID | None = None
    """The shortage that they looked at; without it the one that is open now."""


class SettleOrder(Contract):
    """An operator ends an order that needs attention; what they saw is kept for ever and shown to the user."""

    user_id: UUID
    client_order_id: str = Field(min_length=1, max_length=36)
    operator_id: UUID
    evidence: str = Field(min_length=20, max_length=2000)


class SettledOrder(Contract):
    """The order after it was settled by hand."""

    client_order_id: str
    user_id: UUID
    account_id: UUID
    position_id: UUID
    symbol: str
    state: str
    filled_quantity: DecimalText
    """Base-asset units that had filled, and stay booked."""
    settled_at: Moment


MAKE_PLAN = RpcVerb("execution", "make_plan", MakePlan, PlanView, callers=("gateway",), timeout_s=10.0)
MAKE_CLOSE_PLAN = RpcVerb("execution", "make_close_plan", MakeClosePlan, PlanView, callers=("gateway",), timeout_s=10.0)
MAKE_RUN_PLAN = RpcVerb("execution", "make_run_plan", MakeRunPlan, PlanView, callers=("gateway",), timeout_s=10.0)
GET_POSITION = RpcVerb("execution", "get_position", PositionRef, PositionDetail, callers=("gateway",))
LIST_ACCOUNTS = RpcVerb("execution", "list_accounts", ListAccounts, AccountList, callers=("reconciler",))
GET_BOOKS = RpcVerb("execution", "get_books", GetBooks, Books, callers=("reconciler",))
MISSING_EXECUTIONS = RpcVerb(
    "execution", "missing_executions", KnownExecutions, MissingExecutions, callers=("reconciler",)
)
SETTLE_ORDER = RpcVerb(
    "execution", "settle_order", SettleOrder, SettledOrder, callers=("gateway",), acts=True, timeout_s=25.0
)
LIST_FLOWS = RpcVerb("execution", "list_flows", ListFlows, FlowList, callers=("gateway",))
LIST_SHORTAGES = RpcVerb("execution", "list_shortages", ListShortages, ShortageList, callers=("gateway",))
RESOLVE_SHORTAGE = RpcVerb(
    "execution", "resolve_shortage", ResolveShortage, ShortageView, callers=("gateway",), acts=True
)
VERBS = (
    MAKE_PLAN,
    MAKE_CLOSE_PLAN,
    MAKE_RUN_PLAN,
    GET_POSITION,
    LIST_ACCOUNTS,
    GET_BOOKS,
    MISSING_EXECUTIONS,
    SETTLE_ORDER,
    LIST_FLOWS,
    LIST_SHORTAGES,
    RESOLVE_SHORTAGE,
)
