"""A plan: what will be sent, what it can cost at most, and until when it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from execution.domain.position import ON_A_STANDING_POSITION, RunKind
from shared.trading.money import ZERO, exact_product, exact_sum
from shared.trading.policy import LegPolicy
from shared.trading.status import Side, VenueEnvironment

ENDS = frozenset({"ok", "residual"})
"""Checks of closing legs of which nothing is left: a position that has none but these is over with its plan."""


class Mode(StrEnum):
    """How far a rebalance goes once something is outside its band."""

    FULL = "full"
    """Every coin to its target."""
    DRIFTED = "drifted"
    """Only the coins outside their band; others only as far as these need money, or leave some."""
    BUY_ONLY = "buy_only"
    """No sells: the position's own cash goes to the most underweight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One leg of a plan; quantities in base units, prices in quote per base.

    Attributes:
        arrival_price: Mid of the best prices when the plan was made; None where a side had none.
        check: `ok`, `hold` (nothing to trade), or why nothing is sent: `too_small`, `not_trading`, `no_price`,
            `residual`, `delisted`, `excluded`, `halted`, `over_limit`, `illiquid`.
        effective_weight: The position's target once the plan is executed, a fraction.
        required_amount: Whole-plan amount (quote units) at which the leg would no longer be too small.
        weight_before: Share of the position's coins now, a fraction; None where the plan opens or ends a position.
        weight_after: The same after the plan, by the plan's prices.
        book_price: Average price at which the order book would fill it now; None where no book was seen.
        book_mid: Middle of that book: prices move between two looks, so its cost is told against its own.
        book_notional: What of it the book takes within the limit, quote units; None where no book was seen.
        largest_amount: Whole-plan amount (quote units) up to which an illiquid leg would fill; None where none would do.
    """

    number: int
    symbol: str
    base_asset: str
    quote_asset: str
    side: Side
    target_weight: Decimal
    effective_weight: Decimal
    quantity: Decimal
    estimated_price: Decimal
    limit_price: Decimal
    fee: Decimal
    fee_asset: str
    price_at: datetime
    check: str
    reason: str | None = None
    required_amount: Decimal | None = None
    lot_size: Decimal = ZERO
    min_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    arrival_price: Decimal | None = None
    weight_before: Decimal | None = None
    weight_after: Decimal | None = None
    book_price: Decimal | None = None
    book_mid: Decimal | None = None
    book_notional: Decimal | None = None
    largest_amount: Decimal | None = None

    @property
    def notional(self) -> Decimal:
        """Quantity × estimated price, quote units."""
        return exact_product(self.quantity, self.estimated_price)

    @property
    def max_notional(self) -> Decimal:
        """Quantity × limit price, quote units."""
        return exact_product(self.quantity, self.limit_price)

    @property
    def mid(self) -> Decimal | None:
        """What its cost is told against, quote per base: the mid of the same look at the market as its price."""
        return self.arrival_price if self.book_price is None or self.book_mid is None else self.book_mid

    @property
    def slippage(self) -> Decimal | None:
        """What it costs against the mid, quote units, by the order book or else the best price; above zero is worse."""
        price = self.estimated_price if self.book_price is None or self.book_mid is None else self.book_price
        worst = min if self.side is Side.BUY else max
        return self._against_mid(worst(price, self.limit_price))

    @property
    def slippage_max(self) -> Decimal | None:
        """The same at the limit price: beyond it nothing fills."""
        return self._against_mid(self.limit_price)

    def _against_mid(self, price: Decimal) -> Decimal | None:
        if self.check != "ok" or self.mid is None:
            return None
        worse = price - self.mid if self.side is Side.BUY else self.mid - price
        return exact_product(self.quantity, worse)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """A constituent whose target differs from the one that the position had: fractions, None where there is none."""

    asset: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What a person chose about a plan on a standing position; None leaves a band to the settings."""

    mode: Mode = Mode.FULL
    exclude: tuple[str, ...] = ()
    absolute_band: Decimal | None = None
    relative_band: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An immutable plan, executed at most once; money in quote units.

    Attributes:
        executable: False when there is nothing to do.
        position_version: The state of the position that it was made for; None where it opens or ends one.
        cash_part: What does not trade: kept as the position's cash, or paid out of it (withdraw).
        own_cash_after: The position's own cash afterwards, by the best prices; of a close, if it does not end.
        drift_before: The largest absolute drift of any coin now, a fraction.
        changes: What a newer index version changes for the position.
        policy: What becomes of legs that do not fill at once.
    """

    plan_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: RunKind
    index_id: str
    index_version: int
    position_id: UUID | None = None
    amount: Decimal
    legs: list[PlanLine]
    available: Decimal
    minimum_amount: Decimal
    price_band: Decimal
    fee_rate: Decimal
    warnings: list[str] = field(default_factory=list)
    created_at: datetime
    expires_at: datetime
    executable: bool = True
    position_version: int | None = None
    cash_part: Decimal = ZERO
    own_cash_after: Decimal = ZERO
    drift_before: Decimal | None = None
    drift_after: Decimal | None = None
    changes: list[TargetChange] = field(default_factory=list)
    options: PlanOptions | None = None
    policy: LegPolicy = LegPolicy.HOLD

    @property
    def total_notional(self) -> Decimal:
        """Σ notional of the legs."""
        return exact_sum([leg.notional for leg in self.legs])

    @property
    def total_fee(self) -> Decimal:
        """Estimated fees at fill-time value."""
        return exact_product(self.total_notional, self.fee_rate)

    @property
    def ends(self) -> bool:
        """Whether it closes its position for good: nothing is left that should be sold and cannot."""
        return self.kind is RunKind.CLOSE and all(leg.check in ENDS for leg in self.legs)

    def with_proceeds(self) -> Plan:
        """A closing plan that says what comes back by its orders as they stand, at the best prices, and by its end."""
        cash = self.own_cash_after if self.ends else ZERO
        return replace(self, amount=self.total(Side.SELL) + cash)

    @property
    def cash_after(self) -> Decimal:
        """What stays unspent at least (buy), or the position's own cash afterwards."""
        if self.ends:
            return ZERO
        if self.kind is RunKind.CLOSE or self.kind in ON_A_STANDING_POSITION:
            return self.own_cash_after
        return self.amount - exact_sum([leg.max_notional for leg in self.legs])

    @property
    def to_send(self) -> list[PlanLine]:
        """The legs that become orders."""
        return [leg for leg in self.legs if leg.check == "ok"]

    def total(self, side: Side) -> Decimal:
        """Σ notional of one side's legs."""
        return exact_sum([leg.notional for leg in self.to_send if leg.side is side])

    @property
    def slippage(self) -> Decimal:
        """What the legs cost against the mid, by the order book or else the best prices, quote units."""
        return exact_sum([leg.slippage or ZERO for leg in self.to_send])

    @property
    def slippage_max(self) -> Decimal:
        """The same at the limit prices: never below `slippage`."""
        return exact_sum([leg.slippage_max or ZERO for leg in self.to_send])

    @property
    def buys_at_most(self) -> Decimal:
        """What all buys together may cost."""
        return exact_sum([leg.max_notional for leg in self.to_send if leg.side is Side.BUY])
